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

"""What the pictures and the report need to know about a frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emiff_ros.viz.palette import Source
from emiff_ros.viz.projection import CameraView

FOUND_WITHIN = 2.0
RANGE_X = (0.0, 100.0)
RANGE_Y = (-39.68, 39.68)


def as_boxes(values: ArrayLike, name: str = 'boxes') -> NDArray[np.float64]:
    """Return boxes as float64 ``[N, 7]``; an empty sequence gives ``[0, 7]``.

    Raises:
        ValueError: for another shape or numbers that are not finite.
    """
    boxes = np.asarray(values, dtype=np.float64)
    if boxes.size == 0:
        boxes = boxes.reshape(0, 7)
    if boxes.ndim != 2 or boxes.shape[1] != 7:
        raise ValueError(
            f'{name} have shape {boxes.shape}; expected [N, 7] '
            '(x, y, z_bottom, length, width, height, yaw)'
        )
    if not np.isfinite(boxes).all():
        raise ValueError(f'{name} hold a number that is not finite; drop such boxes first')
    return boxes


def as_image(image: NDArray, name: str = 'image') -> NDArray[np.uint8]:
    """Return ``image`` if it is BGR uint8 ``[H, W, 3]``.

    Raises:
        ValueError: for another shape or type.
    """
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise ValueError(
            f'{name} is {array.dtype} of shape {array.shape}; expected BGR uint8 [H, W, 3]'
        )
    return array


@dataclass(frozen=True)
class BoxLayer:
    """Boxes of one source, drawn in one colour.

    Attributes:
        source: decides colour and name.
        boxes: ``[N, 7]`` in the vehicle frame.
        scores: ``[N]`` in 0..1, or None where the source has none.
    """

    source: Source
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Check and freeze the arrays.

        Raises:
            ValueError: for boxes that are not ``[N, 7]`` or scores of another length.
        """
        source = Source(self.source)
        boxes = as_boxes(self.boxes, f'{source.value} boxes')
        object.__setattr__(self, 'source', source)
        object.__setattr__(self, 'boxes', boxes)
        if self.scores is not None:
            scores = np.asarray(self.scores, dtype=np.float64).reshape(-1)
            if len(scores) != len(boxes):
                raise ValueError(
                    f'{source.value}: {len(scores)} scores for {len(boxes)} boxes; '
                    'expected one score a box'
                )
            object.__setattr__(self, 'scores', scores)


@dataclass(frozen=True)
class FrameRecord:
    """One vehicle image with everything that was seen and detected at its time.

    Boxes are ``[N, 7]`` rows (x, y, z_bottom, length, width, height, yaw) in the vehicle frame,
    metres and radians. Images are BGR uint8; each camera's intrinsics belong to its image's size.

    Attributes:
        frame_id: name shown in captions.
        vehicle_image: ``[H, W, 3]``.
        infrastructure_image: ``[H, W, 3]``, or None where no roadside image belongs to the frame.
        vehicle_camera: camera of ``vehicle_image``.
        infrastructure_camera: camera of ``infrastructure_image``; None where there is none.
        ground_truth: ``[G, 7]``.
        cooperative: ``[P, 7]`` detections with the roadside unit.
        cooperative_scores: ``[P]``.
        vehicle_only: ``[Q, 7]`` detections of the same frame without the roadside unit.
        vehicle_only_scores: ``[Q]``.
        fused: whether the cooperative result used a roadside feature.
        latency_ms: image received to detections published, if measured.
        payload_bytes: roadside payload used for this frame, if any.
    """

    frame_id: str
    vehicle_image: NDArray[np.uint8]
    infrastructure_image: NDArray[np.uint8] | None
    vehicle_camera: CameraView
    infrastructure_camera: CameraView | None
    ground_truth: NDArray[np.float64]
    cooperative: NDArray[np.float64]
    cooperative_scores: NDArray[np.float64]
    vehicle_only: NDArray[np.float64]
    vehicle_only_scores: NDArray[np.float64]
    fused: bool
    latency_ms: float | None = None
    payload_bytes: int | None = None

    def __post_init__(self) -> None:
        """Check images, cameras and boxes.

        Raises:
            ValueError: naming the field that is wrong.
        """
        as_image(self.vehicle_image, 'vehicle_image')
        if self.infrastructure_image is not None:
            as_image(self.infrastructure_image, 'infrastructure_image')
            if self.infrastructure_camera is None:
                raise ValueError(
                    f'frame {self.frame_id}: infrastructure_image without infrastructure_camera; '
                    'give both or neither'
                )
        layers = {layer.source: layer for layer in self.layers()}
        object.__setattr__(self, 'ground_truth', layers[Source.GROUND_TRUTH].boxes)
        for source in (Source.COOPERATIVE, Source.VEHICLE_ONLY):
            object.__setattr__(self, source.value, layers[source].boxes)
            object.__setattr__(self, f'{source.value}_scores', layers[source].scores)

    def layers(self) -> list[BoxLayer]:
        """Return ground truth, vehicle only and cooperative boxes, in drawing order."""
        return [
            BoxLayer(Source.GROUND_TRUTH, self.ground_truth),
            BoxLayer(Source.VEHICLE_ONLY, self.vehicle_only, self.vehicle_only_scores),
            BoxLayer(Source.COOPERATIVE, self.cooperative, self.cooperative_scores),
        ]

    def in_range(self) -> NDArray[np.bool_]:
        """Tell which ground-truth boxes ``[G]`` have their centre where detections are expected.

        That is 0 to 100 m ahead and 39.68 m to both sides, as in the data set's protocol.
        """
        x, y = self.ground_truth[:, 0], self.ground_truth[:, 1]
        ahead = (x >= RANGE_X[0]) & (x <= RANGE_X[1])
        return ahead & (y >= RANGE_Y[0]) & (y <= RANGE_Y[1])

    def found(self, source: Source) -> NDArray[np.bool_]:
        """Tell which ground-truth boxes ``[G]`` in range a source's detections found."""
        layer = {layer.source: layer for layer in self.layers()}[Source(source)]
        return found_boxes(self.ground_truth, layer.boxes, layer.scores) & self.in_range()


def found_boxes(
    ground_truth: ArrayLike,
    detections: ArrayLike,
    scores: ArrayLike | None = None,
    within: float = FOUND_WITHIN,
) -> NDArray[np.bool_]:
    """Tell which ground-truth boxes have a detection centre within a distance on the ground.

    This is the count a reader can check in a picture; it is no AP. Detections choose in the order
    of their scores, each the nearest box that is still free.

    Args:
        ground_truth: ``[G, 7]``.
        detections: ``[P, 7]``.
        scores: ``[P]``; without them the detections choose in their own order.
        within: metres.

    Returns:
        ``[G]`` booleans.
    """
    ground_truth = as_boxes(ground_truth, 'ground_truth')
    detections = as_boxes(detections, 'detections')
    found = np.zeros(len(ground_truth), dtype=bool)
    order = range(len(detections)) if scores is None else np.argsort(-np.asarray(scores))
    for index in order:
        distance = np.linalg.norm(ground_truth[:, :2] - detections[index, :2], axis=1)
        distance[found] = np.inf
        if len(distance) and distance.min() <= within:
            found[distance.argmin()] = True
    return found
