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

"""The scene from above: x forward is up, y left is left, metres become pixels.

Drawn with OpenCV on a prepared ground in a few milliseconds, so that it can be a topic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emiff_ros.geometry import box_corners
from emiff_ros.viz.drawing import draw_circle, draw_polylines, fill_polygon, fill_polygons
from emiff_ros.viz.overlay import draw_legend
from emiff_ros.viz.palette import DARK, Colour, Source, Theme
from emiff_ros.viz.projection import CameraView, ground_footprint
from emiff_ros.viz.records import BoxLayer
from emiff_ros.viz.text import draw_text, text_size

_BOTTOM_FACE = [0, 3, 7, 4]
_RING_STEP = 20.0
_GRID_STEP = 10.0
_REFERENCE_SCALE = 6.0
_OUTSIDE = 2.0


@dataclass(frozen=True)
class BirdsEyeConfig:
    """What part of the ground is drawn, how large and in which colours.

    Attributes:
        x_range: metres forward of the vehicle frame's origin, (from, to).
        y_range: metres to the left, (from, to).
        pixels_per_metre: 6 gives 480x648 pixels for the default ranges.
        ground_z: height of the road in the vehicle frame, metres: there the views are cut.
        ego_size: length and width of the own vehicle, metres.
        ego_centre_x: how far ahead of the frame's origin its middle lies, metres.
        theme: colours.
    """

    x_range: tuple[float, float] = (-12.0, 96.0)
    y_range: tuple[float, float] = (-40.0, 40.0)
    pixels_per_metre: float = 6.0
    ground_z: float = -1.78
    ego_size: tuple[float, float] = (4.6, 1.9)
    ego_centre_x: float = 0.0
    theme: Theme = DARK

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: for an empty range or a picture without or with too many pixels.
        """
        for name in ('x_range', 'y_range'):
            low, high = getattr(self, name)
            if not low < high:
                raise ValueError(f'{name} is ({low}, {high}); expected the first below the second')
        if not 0 < self.pixels_per_metre <= 100:
            raise ValueError(f'pixels_per_metre is {self.pixels_per_metre}; expected 0 to 100')
        height, width = self.image_size
        if not (16 <= height <= 16384 and 16 <= width <= 16384):
            raise ValueError(
                f'the picture would have {width}x{height} pixels; expected 16 to 16384 a side'
            )

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the picture in pixels."""
        return (
            round((self.x_range[1] - self.x_range[0]) * self.pixels_per_metre),
            round((self.y_range[1] - self.y_range[0]) * self.pixels_per_metre),
        )

    @property
    def unit(self) -> float:
        """Pixels a design pixel takes: lines and text grow with the scale."""
        return max(1.0, self.pixels_per_metre / _REFERENCE_SCALE)


class BirdsEyeRenderer:
    """Draws frames from above; grid, rings and own vehicle are drawn once."""

    def __init__(self, config: BirdsEyeConfig | None = None) -> None:
        """Prepare the ground for ``config`` (default: ``BirdsEyeConfig()``)."""
        self.config = config or BirdsEyeConfig()
        self._ground = self._draw_ground()

    def pixels(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return pixels ``[..., 2]`` of vehicle points ``[..., 2 or 3]`` in metres."""
        points = np.asarray(points, dtype=np.float64)
        scale = self.config.pixels_per_metre
        u = (self.config.y_range[1] - points[..., 1]) * scale
        v = (self.config.x_range[1] - points[..., 0]) * scale
        return np.stack([u, v], axis=-1)

    def render(
        self,
        layers: Sequence[BoxLayer],
        vehicle_view: tuple[CameraView, tuple[int, int]] | None = None,
        roadside_views: Sequence[tuple[CameraView, tuple[int, int]]] = (),
        legend: bool = False,
    ) -> NDArray[np.uint8]:
        """Draw one frame.

        Args:
            layers: boxes in the vehicle frame, later layers over earlier ones.
            vehicle_view: the vehicle's camera and its image size (height, width).
            roadside_views: the same of each station, whose position is marked as well.
            legend: name the sources in the upper left corner.

        Returns:
            BGR uint8 ``[H, W, 3]``.
        """
        theme = self.config.theme
        picture = self._ground.copy()
        views = [(view, theme.source(Source.ROADSIDE)) for view in roadside_views]
        if vehicle_view is not None:
            views.insert(0, (vehicle_view, theme.view))
        for (camera, image_size), colour in views:
            self._draw_view(picture, camera, image_size, colour)
        self._draw_ego(picture)
        for layer in layers:
            self._draw_boxes(picture, layer)
        for radius in self._rings():
            self._label_ring(picture, radius)
        self._label_ego(picture)
        for camera, _ in roadside_views:
            self._draw_station(picture, camera.position)
        if legend and layers:
            sources = [layer.source for layer in layers]
            draw_legend(picture, sources, theme, self.config.unit)
        return picture

    def _draw_ground(self) -> NDArray[np.uint8]:
        config, theme = self.config, self.config.theme
        height, width = config.image_size
        picture = np.full((height, width, 3), theme.background.bgr, dtype=np.uint8)
        (x_low, x_high), (y_low, y_high) = config.x_range, config.y_range
        along = np.arange(np.ceil(x_low / _GRID_STEP), x_high / _GRID_STEP + 1e-9) * _GRID_STEP
        across = np.arange(np.ceil(y_low / _GRID_STEP), y_high / _GRID_STEP + 1e-9) * _GRID_STEP
        lines = [[[x, y_low], [x, y_high]] for x in along]
        lines += [[[x_low, y], [x_high, y]] for y in across]
        if lines:
            draw_polylines(picture, self.pixels(lines), theme.grid, max(1, round(config.unit)))
        origin = self.pixels([0.0, 0.0])
        for radius in self._rings():
            pixels = radius * config.pixels_per_metre
            draw_circle(picture, origin, pixels, theme.ring, max(1, round(config.unit)))
        return picture

    def _rings(self) -> NDArray[np.float64]:
        """Return the radii of the rings that the picture may show, metres."""
        farthest = np.hypot(*(np.abs(r).max() for r in (self.config.x_range, self.config.y_range)))
        return np.arange(_RING_STEP, farthest, _RING_STEP)

    def _label_ring(self, picture: NDArray[np.uint8], radius: float) -> None:
        """Write the radius beside the ring, left of straight ahead."""
        config = self.config
        angle = np.radians(9.0)
        spot = radius * np.array([np.cos(angle), np.sin(angle)])
        if not config.x_range[0] < spot[0] < config.x_range[1] - 2:
            return
        middle = self.pixels(spot) - [0, 8 * config.unit]
        self._draw_label(picture, f'{radius:.0f} m', middle, config.theme.muted, 0.5)

    def _draw_view(
        self,
        picture: NDArray[np.uint8],
        camera: CameraView,
        image_size: tuple[int, int],
        colour: Colour,
    ) -> None:
        """Tint the part of the ground that a camera's image shows."""
        x_low, x_high = np.add(self.config.x_range, [-_OUTSIDE, _OUTSIDE])
        y_low, y_high = np.add(self.config.y_range, [-_OUTSIDE, _OUTSIDE])
        z = self.config.ground_z
        area = [[x_low, y_low, z], [x_low, y_high, z], [x_high, y_high, z], [x_high, y_low, z]]
        footprint = ground_footprint(camera, image_size, area)
        if not len(footprint):
            return
        outline = self.pixels(footprint)
        border = colour.mixed(self.config.theme.background, 0.5)
        fill_polygon(picture, outline, colour, 0.1)
        draw_polylines(picture, [outline], border, max(1, round(self.config.unit)), closed=True)

    def _draw_ego(self, picture: NDArray[np.uint8]) -> None:
        config, theme = self.config, self.config.theme
        length, width = config.ego_size
        nose = config.ego_centre_x + length / 2
        tail = config.ego_centre_x - length / 2
        body = [
            [tail, -width / 2], [tail, width / 2], [nose - width / 2, width / 2],
            [nose, width / 4], [nose, -width / 4], [nose - width / 2, -width / 2],
        ]  # fmt: skip
        fill_polygon(picture, self.pixels(body), theme.ego)

    def _label_ego(self, picture: NDArray[np.uint8]) -> None:
        config = self.config
        tail = self.pixels([config.ego_centre_x - config.ego_size[0] / 2, 0.0])
        middle = tail + [0, 11 * config.unit]
        self._draw_label(picture, 'Vehicle', middle, config.theme.muted, 0.5)

    def _draw_label(
        self,
        picture: NDArray[np.uint8],
        label: str,
        middle: NDArray[np.float64],
        colour: Colour,
        plate: float,
    ) -> None:
        """Write a label around ``middle`` on a plate of that opacity, all of it in the picture."""
        unit, width = self.config.unit, picture.shape[1]
        size = round(11 * unit)
        half = np.array([text_size(label, size)[0] / 2 + 4 * unit, 0.8 * size])
        middle = np.array([np.clip(middle[0], half[0], width - half[0]), middle[1]])
        corners = middle + half * [[-1, -1], [1, -1], [1, 1], [-1, 1]]
        fill_polygon(picture, corners, self.config.theme.background, plate)
        draw_text(picture, label, tuple(middle.tolist()), size, colour, 'centre')

    def _draw_boxes(self, picture: NDArray[np.uint8], layer: BoxLayer) -> None:
        colour = self.config.theme.source(layer.source)
        corners = box_corners(layer.boxes)[:, _BOTTOM_FACE]
        outlines = self.pixels(corners)
        reference = layer.source is Source.GROUND_TRUTH
        thickness = max(1, round(self.config.unit * (0.9 if reference else 1.5)))
        fill_polygons(picture, outlines, colour, 0.18 if reference else 0.3)
        draw_polylines(picture, outlines, colour, thickness, closed=True)
        centres = corners.mean(axis=1)
        fronts = corners[:, 2:].mean(axis=1)
        ticks = np.stack([fronts, fronts + (fronts - centres) * 0.55], axis=1)
        draw_polylines(picture, self.pixels(ticks), colour, thickness)

    def _draw_station(self, picture: NDArray[np.uint8], position: NDArray[np.float64]) -> None:
        """Mark a station; one outside the picture is a hollow mark at the border nearest to it."""
        config, theme = self.config, self.config.theme
        unit = config.unit
        height, width = config.image_size
        spot = self.pixels(position)
        u, v = np.clip(spot, 14 * unit, [width - 14 * unit, height - 30 * unit])
        inside = bool(np.allclose((u, v), spot))
        colour = theme.source(Source.ROADSIDE)
        draw_circle(picture, (u, v), 9 * unit, colour, max(1, round(unit)))
        if inside:
            draw_circle(picture, (u, v), 5 * unit, colour, -1)
        label = 'Roadside unit'
        if not inside:
            label += f', {np.hypot(*position[:2]):.0f} m away'
        self._draw_label(picture, label, np.array([u, v + 17 * unit]), theme.text, 0.85)
