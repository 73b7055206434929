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

"""Ground truth of cooperative pairs, in the form that each protocol evaluates."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.evaluation.frame_result import FrameResult
from emiff_ros.dair.evaluation.predictions import Prediction
from emiff_ros.dair.evaluation.protocols import Protocol, find_protocol
from emiff_ros.dair.frames import CooperativePair
from emiff_ros.geometry import box_corners


def ground_truth_corners(
    pair: CooperativePair, protocol: str | Protocol = 'opendairv2x'
) -> NDArray[np.float64]:
    """Return the cars of a pair as corners [G, 8, 3] in the vehicle frame, metres.

    ``opendairv2x`` evaluates the labels' true corners, the EMIFF protocols upright boxes.

    Raises:
        ValueError: for an unknown protocol.
        DairError: if labels or poses cannot be read.
    """
    protocol = find_protocol(protocol) if isinstance(protocol, str) else protocol
    boxes, corners = pair.vehicle_boxes('car')
    return box_corners(boxes) if protocol.upright_ground_truth else corners


def frame_results(
    pairs: Iterable[CooperativePair],
    predictions: Mapping[str, Prediction],
    protocol: str | Protocol = 'opendairv2x',
) -> list[FrameResult]:
    """Join pairs with predictions by vehicle frame id.

    A pair without a prediction is an empty prediction: its objects count as missed.

    Raises:
        ValueError: for an unknown protocol, or boxes and scores that do not fit.
        DairError: if labels or poses cannot be read.
    """
    frames = []
    for pair in pairs:
        frame_id = pair.vehicle.frame_id
        prediction = predictions.get(frame_id) or Prediction.empty()
        frames.append(
            FrameResult(
                ground_truth_corners(pair, protocol),
                prediction.corners,
                prediction.scores,
                frame_id,
            )
        )
    return frames
