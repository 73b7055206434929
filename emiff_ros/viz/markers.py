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

"""Boxes, own vehicle and camera views as a MarkerArray for RViz and Foxglove.

The only module of this package that knows ROS messages: import it where rclpy is at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import math

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from emiff_ros.geometry import box_corners, invert_affine, transform_points
from emiff_ros.stamps import SECOND
from emiff_ros.viz.palette import DARK, Colour, Source, Theme
from emiff_ros.viz.projection import BOX_EDGES, CameraView
from emiff_ros.viz.records import BoxLayer

DEFAULT_LIFETIME = 0.5
EGO_BOX = (0.0, 0.0, -1.78, 4.6, 1.9, 1.5, 0.0)

_BODY_OPACITY = {Source.GROUND_TRUTH: 0.12}
_DEFAULT_BODY_OPACITY = 0.35
_LINE_WIDTH = 0.08
_VIEW_DEPTH = 6.0


def make_markers(
    header: Header,
    layers: Sequence[BoxLayer],
    views: Iterable[tuple[Source, CameraView, tuple[int, int]]] = (),
    ego_box: Sequence[float] | None = EGO_BOX,
    lifetime: float = DEFAULT_LIFETIME,
    scores: bool = False,
    theme: Theme = DARK,
) -> MarkerArray:
    """Return markers that replace those of the message before.

    The first marker deletes all earlier ones, so that a frame without boxes empties the view; the
    lifetime empties it when no frame comes any more.

    Args:
        header: stamp and frame of the boxes (the vehicle frame).
        layers: boxes by source; each source has its own namespaces and colour.
        views: cameras drawn as pyramids: source for the colour, camera, (height, width).
        ego_box: row of the own vehicle's box in the vehicle frame; None draws none.
        lifetime: seconds until a viewer drops the markers; 0 keeps them.
        scores: write the score above each detection.
        theme: gives the colours.

    Raises:
        ValueError: if ``lifetime`` is negative or not finite.
    """
    if not (math.isfinite(lifetime) and lifetime >= 0):
        raise ValueError(f'lifetime is {lifetime}; expected seconds from 0 on')
    seconds, nanoseconds = divmod(round(lifetime * SECOND), SECOND)
    duration = Duration(sec=seconds, nanosec=nanoseconds)
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    if ego_box is not None:
        ego = np.array([ego_box], dtype=np.float64)
        markers += _bodies('ego', ego, theme.ego, 0.9)
    for layer in layers:
        markers += _layer_markers(layer, theme.source(layer.source), scores)
    counts: dict[Source, int] = {}
    for source, camera, image_size in views:
        number = counts[source] = counts.get(source, -1) + 1
        colour = theme.view if source is Source.VEHICLE_ONLY else theme.source(source)
        markers.append(_view_marker(source, number, camera, image_size, colour))
    for marker in markers:
        marker.header = header
        marker.lifetime = duration
    return MarkerArray(markers=markers)


def _layer_markers(layer: BoxLayer, colour: Colour, scores: bool) -> list[Marker]:
    if not len(layer.boxes):
        return []
    name = layer.source.value
    opacity = _BODY_OPACITY.get(layer.source, _DEFAULT_BODY_OPACITY)
    markers = _bodies(f'{name}/boxes', layer.boxes, colour, opacity)
    markers.append(_lines(f'{name}/edges', 0, _edges(layer.boxes), colour))
    if scores and layer.scores is not None:
        for index, (box, score) in enumerate(zip(layer.boxes, layer.scores, strict=True)):
            markers.append(_label(f'{name}/scores', index, box, f'{score:.2f}', colour))
    return markers


def _bodies(
    namespace: str, boxes: NDArray[np.float64], colour: Colour, opacity: float
) -> list[Marker]:
    markers = []
    for index, (x, y, z, length, width, height, yaw) in enumerate(boxes.tolist()):
        half = yaw / 2
        markers.append(
            Marker(
                ns=namespace,
                id=index,
                type=Marker.CUBE,
                pose=Pose(
                    position=Point(x=x, y=y, z=z + height / 2),
                    orientation=Quaternion(z=math.sin(half), w=math.cos(half)),
                ),
                scale=Vector3(x=length, y=width, z=height),
                color=_colour(colour, opacity),
            )
        )
    return markers


def _edges(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return line ends ``[N * 13 * 2, 3]``: the edges, and a tick ahead of the front face."""
    corners = box_corners(boxes)
    front = corners[:, [4, 7]].mean(axis=1)
    rear = corners[:, [0, 3]].mean(axis=1)
    ticks = np.stack([front, front + 0.3 * (front - rear)], axis=1)
    lines = np.concatenate([corners[:, BOX_EDGES], ticks[:, None]], axis=1)
    return lines.reshape(-1, 3)


def _view_marker(
    source: Source, number: int, camera: CameraView, image_size: tuple[int, int], colour: Colour
) -> Marker:
    """Draw what a camera sees as a pyramid from its centre through the image's corners."""
    height, width = image_size
    pixels = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], dtype=float)
    rays = pixels @ np.linalg.inv(camera.intrinsics).T * _VIEW_DEPTH
    corners = transform_points(invert_affine(camera.camera_from_vehicle), rays)
    apex = np.broadcast_to(camera.position, corners.shape)
    sides = np.stack([apex, corners], axis=1)
    rim = np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)
    lines = np.concatenate([sides, rim]).reshape(-1, 3)
    return _lines(f'{source.value}/view', number, lines, colour)


def _lines(namespace: str, number: int, ends: NDArray[np.float64], colour: Colour) -> Marker:
    return Marker(
        ns=namespace,
        id=number,
        type=Marker.LINE_LIST,
        scale=Vector3(x=_LINE_WIDTH),
        color=_colour(colour, 1.0),
        points=[Point(x=x, y=y, z=z) for x, y, z in ends.tolist()],
    )


def _label(
    namespace: str, number: int, box: NDArray[np.float64], text: str, colour: Colour
) -> Marker:
    return Marker(
        ns=namespace,
        id=number,
        type=Marker.TEXT_VIEW_FACING,
        pose=Pose(
            position=Point(x=float(box[0]), y=float(box[1]), z=float(box[2] + box[5] + 0.8))
        ),
        scale=Vector3(z=1.0),
        color=_colour(colour, 1.0),
        text=text,
    )


def _colour(colour: Colour, opacity: float) -> ColorRGBA:
    red, green, blue = colour.unit
    return ColorRGBA(r=red, g=green, b=blue, a=opacity)
