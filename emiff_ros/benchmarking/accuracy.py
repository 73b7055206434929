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

"""Pairs of a DAIR-V2X-C folder as input, and the AP of what is found in them."""

from collections.abc import Sequence

from emiff_ros.benchmarking.workload import Pair
from emiff_ros.comparison.inputs import network_camera
from emiff_ros.dair.evaluation import MEASURES, Prediction, evaluate, frame_results
from emiff_ros.dair.frames import CooperativePair
from emiff_ros.dair.images import read_image
from emiff_ros.geometry import box_corners
from emiff_ros.model import Boxes, EmiffConfig

PROTOCOL = 'opendairv2x'


def read_pairs(pairs: Sequence[CooperativePair], config: EmiffConfig) -> list[Pair]:
    """Read pictures and cameras.

    Raises:
        DairError: if a file is missing or broken.
    """
    return [
        Pair(
            read_image(pair.vehicle.image_path),
            network_camera(pair.vehicle, pair.vehicle.camera_from_vehicle(), config),
            read_image(pair.infrastructure.image_path),
            network_camera(pair.infrastructure, pair.camera_from_vehicle(), config),
        )
        for pair in pairs
    ]


def average_precisions(
    pairs: Sequence[CooperativePair], detections: Sequence[Boxes]
) -> dict[str, float]:
    """Return the AP in percent of one network's boxes, cars, all ranges, by name."""
    predictions = {
        pair.vehicle.frame_id: Prediction(
            box_corners(found.boxes.double().numpy()), found.scores.double().numpy()
        )
        for pair, found in zip(pairs, detections, strict=True)
    }
    result = evaluate(frame_results(pairs, predictions, PROTOCOL), PROTOCOL)
    return {key: round(value, 2) for key, value in result.percentages(MEASURES).items()}
