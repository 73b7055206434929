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

"""Boxes drawn into a camera image: wire frames, the face in heading direction filled."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from emiff_ros.geometry import box_corners
from emiff_ros.viz.drawing import draw_polylines, fill_polygon, rounded_rectangle
from emiff_ros.viz.palette import DARK, Colour, Source, Theme
from emiff_ros.viz.projection import FRONT_FACE, CameraView, project_boxes, project_polygon
from emiff_ros.viz.records import BoxLayer, as_image
from emiff_ros.viz.text import draw_text, text_size

_HALO = Colour.from_hex('#060a12')
_FACE_OPACITY = {Source.GROUND_TRUTH: 0.12}
_DEFAULT_FACE_OPACITY = 0.38
_REFERENCE_HEIGHT = 540


def draw_overlay(
    image: NDArray[np.uint8],
    camera: CameraView,
    layers: Sequence[BoxLayer],
    theme: Theme = DARK,
    legend: bool = True,
    scores: bool = False,
) -> NDArray[np.uint8]:
    """Return a copy of a camera image with the boxes of all layers drawn into it.

    Args:
        image: BGR uint8 ``[H, W, 3]``.
        camera: with intrinsics of this image's size.
        layers: boxes in the vehicle frame; later layers are drawn over earlier ones, and within a
            layer near boxes over far ones.
        theme: gives the colour of each source.
        legend: name the sources in the upper left corner.
        scores: write each detection's score above its box.

    Raises:
        ValueError: if the image is no BGR uint8 picture.
    """
    picture = as_image(image).copy()
    unit = picture.shape[0] / _REFERENCE_HEIGHT
    for layer in layers:
        _draw_layer(picture, camera, layer, theme, unit, scores)
    if legend and layers:
        draw_legend(picture, [layer.source for layer in layers], theme, unit)
    return picture


def _draw_layer(
    picture: NDArray[np.uint8],
    camera: CameraView,
    layer: BoxLayer,
    theme: Theme,
    unit: float,
    scores: bool,
) -> None:
    if not len(layer.boxes):
        return
    size = picture.shape[:2]
    colour = theme.source(layer.source)
    pixels, visible = project_boxes(camera, layer.boxes, size)
    corners = box_corners(layer.boxes)
    depth = camera.homogeneous_pixels(corners.mean(axis=1))[:, 2]
    thin = layer.source is Source.GROUND_TRUTH
    stroke = unit * (0.9 if thin else 1.5)
    for index in np.argsort(-depth):
        edges = pixels[index][visible[index]]
        if not len(edges):
            continue
        face = project_polygon(camera, corners[index, FRONT_FACE], size)
        fill_polygon(picture, face, colour, _FACE_OPACITY.get(layer.source, _DEFAULT_FACE_OPACITY))
        extent = np.ptp(edges.reshape(-1, 2), axis=0).max() / unit
        thickness = max(1, round(stroke * np.clip(extent / 60, 0.5, 1.0)))
        if extent > 30:
            draw_polylines(picture, edges, _HALO, thickness + max(1, round(unit)))
        draw_polylines(picture, edges, colour, thickness)
        if scores and layer.scores is not None and extent > 30:
            _draw_score(picture, edges, layer.scores[index], colour, unit)


def _draw_score(
    picture: NDArray[np.uint8],
    edges: NDArray[np.float64],
    score: float,
    colour: Colour,
    unit: float,
) -> None:
    label, size = f'{score:.2f}', max(8, round(11 * unit))
    width, height = text_size(label, size)
    points = edges.reshape(-1, 2)
    x = float(np.clip(points[:, 0].mean(), width / 2, picture.shape[1] - width / 2))
    y = float(np.clip(points[:, 1].min() - height * 0.6, height / 2, picture.shape[0]))
    draw_text(picture, label, (x + 1, y + 1), size, _HALO, 'centre')
    draw_text(picture, label, (x, y), size, colour, 'centre')


def draw_legend(
    picture: NDArray[np.uint8], sources: Sequence[Source], theme: Theme, unit: float = 1.0
) -> None:
    """Draw a legend of the sources into the upper left corner, in place.

    Args:
        picture: BGR, changed in place; left alone where the legend does not fit in.
        sources: in the order of the lines.
        theme: gives colours.
        unit: size of a design pixel (1 for an image 540 pixels high).
    """
    unit = max(unit, 0.6)
    size, margin, swatch = round(13 * unit), round(12 * unit), round(14 * unit)
    line = text_size('X', size)[1] + round(3 * unit)
    widest = max(text_size(source.title, size)[0] for source in sources)
    box = (round(swatch + widest + 2.8 * margin), round(line * len(sources) + margin))
    if margin + box[0] > picture.shape[1] or margin + box[1] > picture.shape[0]:
        return
    rounded_rectangle(picture, (margin, margin), box, round(7 * unit), theme.background, 0.78)
    for row, source in enumerate(sources):
        y = round(1.5 * margin + line * (row + 0.5))
        left = 2 * margin
        cv2.rectangle(
            picture,
            (left, y - round(4 * unit)),
            (left + swatch, y + round(4 * unit)),
            theme.source(source).bgr,
            cv2.FILLED if source is not Source.GROUND_TRUTH else max(1, round(unit)),
            cv2.LINE_AA,
        )
        position = (left + swatch + 0.8 * margin, y)
        draw_text(picture, source.title, position, size, theme.text)
