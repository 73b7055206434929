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

"""Predictions of a data set from wherever they are: results file, results folder or bag."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emiff_ros.dair.bag_topics import INFRASTRUCTURE_FEATURES, VEHICLE_DETECTIONS
from emiff_ros.dair.detections_bag import read_detections
from emiff_ros.dair.errors import ResultsError
from emiff_ros.dair.evaluation import Prediction, read_results
from emiff_ros.dair.reader import DairFolder
from emiff_ros.dair.sent_messages import MessageSizes, message_sizes

_BAG_FILES = ('.mcap', '.db3')


@dataclass(frozen=True)
class LoadedPredictions:
    """Predictions of a data set.

    Attributes:
        by_frame: prediction by vehicle frame id.
        unknown: predictions that belong to no vehicle frame of the folder.
        repeated: messages that repeated a stamp; the last one counts.
        feature_sizes: what the roadside really sent, if the predictions come from a bag that
            has it.
    """

    by_frame: Mapping[str, Prediction]
    unknown: int
    repeated: int = 0
    feature_sizes: MessageSizes | None = None


def load_predictions(
    path: Path | str,
    folder: DairFolder,
    detections_topic: str = VEHICLE_DETECTIONS,
    features_topic: str = INFRASTRUCTURE_FEATURES,
) -> LoadedPredictions:
    """Read predictions and assign them to the vehicle frames of a folder.

    Results files name frames; messages of a bag belong to the vehicle image with exactly their
    stamp.

    Args:
        path: results folder, ``.jsonl`` file, bag folder or single bag file.
        folder: the data set.
        detections_topic: of a bag.
        features_topic: of a bag, for the bytes that were sent; may be missing.

    Raises:
        DairError: if the results cannot be read; a ResultsError if none belongs to the folder.
        BagError: if the bag cannot be read or has no detections on the topic.
    """
    path = Path(path)
    repeated, sizes = 0, None
    if path.suffix in _BAG_FILES or (path / 'metadata.yaml').is_file():
        recorded = read_detections(path, detections_topic)
        frame_of = {frame.image_stamp: key for key, frame in folder.vehicle_frames.items()}
        found = {
            frame_of.get(stamp, f'stamp {stamp}'): prediction
            for stamp, prediction in recorded.by_stamp.items()
        }
        repeated, sizes = recorded.repeated, message_sizes(path, features_topic)
    else:
        found = read_results(path)
    known = {key: value for key, value in found.items() if key in folder.vehicle_frames}
    if not known:
        raise ResultsError(
            path,
            f'none of its {len(found)} frames (such as {next(iter(found))}) is in {folder.root}',
            'evaluate against the folder that the predictions were made from',
        )
    return LoadedPredictions(known, len(found) - len(known), repeated, sizes)
