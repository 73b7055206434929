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

import cv2
import numpy as np
from numpy.typing import NDArray

from emiff_ros.benchmarking.workload import Pair
from emiff_ros.dair.errors import ImageError
from emiff_ros.dair.evaluation import Prediction, evaluate, frame_results
from emiff_ros.dair.frames import CooperativePair, SensorFrame
from emiff_ros.geometry import Affine, box_corners
from emiff_ros.model import Boxes, Camera, EmiffConfig

PROTOCOL = 'opendairv2x'


def read_pairs(pairs: Sequence[CooperativePair], config: EmiffConfig) -> list[Pair]:
    """Read pictures and cameras.

    Raises:
        DairError: if a file is missing or broken.
    """
    return [
        Pair(
            _picture(pair.vehicle),
            _camera(pair.vehicle, pair.vehicle.camera_from_vehicle(), config),
            _picture(pair.infrastructure),
            _camera(pair.infrastructure, pair.camera_from_vehicle(), config),
        )
        for pair in pairs
    ]


def average_precisions(
    pairs: Sequence[CooperativePair], detections: Sequence[Boxes]
) -> dict[str, float]:
    """Return the AP in percent of one network's boxes, cars, all ranges, by view and overlap."""
    predictions = {
        pair.vehicle.frame_id: Prediction(
            box_corners(found.boxes.double().numpy()), found.scores.double().numpy()
        )
        for pair, found in zip(pairs, detections, strict=True)
    }
    result = evaluate(frame_results(pairs, predictions, PROTOCOL), PROTOCOL)
    return {
        f'ap_{view}_{overlap}': round(float(value), 2)
        for (view, overlap), value in result.ranges['overall'].average_precision.items()
    }


def _picture(frame: SensorFrame) -> NDArray[np.uint8]:
    pixels = cv2.imdecode(np.frombuffer(frame.image_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ImageError(frame.image_path, 'is no image', 'copy the file again')
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _camera(frame: SensorFrame, camera_from_vehicle: Affine, config: EmiffConfig) -> Camera:
    full = Camera(frame.intrinsics(), camera_from_vehicle, frame.image_size)
    return full.scaled((config.image_height, config.image_width))
