# Copyright 2026 The emiff_ros authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A network and a data set that train in seconds."""

from pathlib import Path

from dair.dair_folder import write_dair_folder

from emiff_ros.dair.reader import DairFolder
from emiff_ros.model.config import EmiffConfig
from emiff_ros.training.augmentation import AugmentationConfig
from emiff_ros.training.config import TrainingConfig
from emiff_ros.training.dataset import CooperativeDataset, FolderPairs

MODEL = {
    'image_height': 64,
    'image_width': 96,
    'backbone': {'depth': 18, 'widths': [8, 8, 16, 16]},
    'fpn_channels': 8,
    'compression': {'ratio': 4, 'halvings': 1},
    'voxels': {'counts': [29, 25, 4]},
    'sampling': 'bilinear',
    'mask_behind_camera': True,
    'view_fusion': 'visibility_weighted',
    'neck': {'kind': 'folded', 'widths': [16], 'out_channels': 16},
    'detection': {'score_threshold': 0.05},
}
TRAINING = {
    'epochs': 3,
    'repeat': 1,
    'batch_size': 2,
    'fixed_camera_norm': True,
    'average_decay': 0.9,
    'optimizer': {'learning_rate': 3e-3, 'backbone_factor': 1.0, 'gradient_clip': 10.0},
    'schedule': {'kind': 'cosine', 'warm_up': 0.1},
}


def tiny_model(**changes: object) -> EmiffConfig:
    """Return a network of a few ten thousand parameters."""
    return EmiffConfig.from_dict({**MODEL, **changes})


def tiny_training(**changes: object) -> TrainingConfig:
    """Return a run of a few steps."""
    return TrainingConfig.model_validate({**TRAINING, **changes})


def tiny_folder(root: Path) -> DairFolder:
    """Write and open a folder of four pairs of one junction."""
    root.mkdir(parents=True, exist_ok=True)
    return DairFolder(write_dair_folder(root))


def tiny_set(
    root: Path,
    augmentation: AugmentationConfig | None = None,
    model: EmiffConfig | None = None,
    **changes: object,
) -> CooperativeDataset:
    """Return a data set over a new folder below ``root``."""
    folder = tiny_folder(root)
    return CooperativeDataset(
        [FolderPairs(folder, folder.pairs)],
        model or tiny_model(),
        augmentation,
        cache_folder=root / 'cache',
        **changes,
    )
