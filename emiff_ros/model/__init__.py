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

"""EMIFF (arXiv 2402.15272) in plain PyTorch: the network, its boxes and its weights.

To read it from image to boxes: ``emiff.py`` joins the boxes of the paper's figure, each of which
is a file. ``encoders.py`` (``backbone.py``, ``pyramid.py``), ``compression.py`` (FC),
``cross_attention.py`` (MCA, with ``deformable.py``), ``channel_masking.py`` (CCM), ``voxels.py``
and ``view_fusion.py`` (PSVF), ``neck.py``, ``head.py``, ``decoding.py`` (``anchors.py``,
``box_coder.py``, ``nms.py``). ``config.py`` describes every variant; ``official.py`` and
``checkpoint.py`` take the original's weights, ``weights.py`` keeps our own. docs/network.md has
the figure and all stages.
"""

from emiff_ros.model.boxes import Boxes
from emiff_ros.model.camera import Camera
from emiff_ros.model.config import ConfigurationError, EmiffConfig
from emiff_ros.model.emiff import Emiff
from emiff_ros.model.encoders import InfrastructureEncoder
from emiff_ros.model.head import HeadMaps
from emiff_ros.model.official import load_official_state_dict
from emiff_ros.model.preprocessing import preprocess_image
from emiff_ros.model.recorder import StageRecorder
from emiff_ros.model.views import InfrastructureView

__all__ = [
    'Boxes',
    'Camera',
    'ConfigurationError',
    'Emiff',
    'EmiffConfig',
    'HeadMaps',
    'InfrastructureEncoder',
    'InfrastructureView',
    'StageRecorder',
    'load_official_state_dict',
    'preprocess_image',
]
