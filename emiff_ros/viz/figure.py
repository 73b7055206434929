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

"""One composed picture: both cameras, the scene from above and the headline numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emiff_ros.viz.birds_eye import BirdsEyeConfig, BirdsEyeRenderer
from emiff_ros.viz.drawing import paste_rounded, rounded_rectangle
from emiff_ros.viz.numbers import AP_KEYS, byte_size, check_metrics, milliseconds, percent, rate
from emiff_ros.viz.overlay import draw_overlay
from emiff_ros.viz.palette import DARK, Colour, Source, Theme
from emiff_ros.viz.projection import CameraView
from emiff_ros.viz.records import FrameRecord
from emiff_ros.viz.text import draw_text, text_size

_ASPECT = 16 / 9


def camera_picture(
    image: NDArray[np.uint8] | None,
    camera: CameraView | None,
    frame: FrameRecord,
    size: tuple[int, int],
    theme: Theme = DARK,
    scores: bool = False,
) -> NDArray[np.uint8]:
    """Return a camera image of ``size`` (width, height) with the frame's boxes drawn into it.

    The boxes are drawn after resizing, so lines stay crisp. Without an image the picture says so.
    """
    width, height = size
    if image is None or camera is None:
        picture = np.full((height, width, 3), theme.panel.bgr, dtype=np.uint8)
        middle = (width / 2, height / 2)
        draw_text(picture, 'No roadside image', middle, height // 18, theme.muted, 'centre')
        return picture
    smaller = width < image.shape[1]
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    scaled = camera.scaled(width / image.shape[1], height / image.shape[0])
    return draw_overlay(resized, scaled, frame.layers(), theme, legend=False, scores=scores)


def birds_eye_picture(
    frame: FrameRecord, renderer: BirdsEyeRenderer, legend: bool = False
) -> NDArray[np.uint8]:
    """Return a frame from above, with the views of the cameras that it has."""
    stations = []
    if frame.infrastructure_image is not None:
        size = frame.infrastructure_image.shape[:2]
        stations.append((frame.infrastructure_camera, size))
    vehicle = (frame.vehicle_camera, frame.vehicle_image.shape[:2])
    return renderer.render(frame.layers(), vehicle, stations, legend)


def best_frame(frames: Sequence[FrameRecord]) -> FrameRecord:
    """Return the frame in which the roadside unit adds most: the largest gain of found boxes.

    Raises:
        ValueError: without frames.
    """
    if not frames:
        raise ValueError('frames is empty; expected at least one')

    def gain(frame: FrameRecord) -> tuple[int, int]:
        found = int(frame.found(Source.COOPERATIVE).sum())
        return found - int(frame.found(Source.VEHICLE_ONLY).sum()), found

    return max(frames, key=gain)


def draw_hero(
    frame: FrameRecord,
    metrics: Mapping[str, Any] | None = None,
    theme: Theme = DARK,
    width: int = 2048,
) -> NDArray[np.uint8]:
    """Compose the picture for a README's or a report's first screen.

    Args:
        frame: the frame to show.
        metrics: content of metrics.json for the strip below; None leaves the strip out.
        theme: colours.
        width: of the whole picture, pixels.

    Returns:
        BGR uint8 ``[H, width, 3]``.

    Raises:
        ValueError: for a width below 640 or metrics that lack an entry.
    """
    if width < 640:
        raise ValueError(f'width is {width}; expected at least 640 pixels')
    unit = width / 2048
    margin, gap = round(28 * unit), round(20 * unit)
    camera_width = round((width - 2 * margin - gap) * 0.542)
    camera_size = (camera_width, round(camera_width / _ASPECT))
    height = 2 * camera_size[1] + gap
    renderer = _renderer(width - 2 * margin - gap - camera_width, height, theme)
    strip = round(150 * unit) if metrics is not None else 0
    total = height + 2 * margin + (strip + gap if strip else 0)
    page = np.full((total, width, 3), theme.background.bgr, dtype=np.uint8)

    sides = (
        ('Vehicle camera', frame.vehicle_image, frame.vehicle_camera),
        ('Roadside camera', frame.infrastructure_image, frame.infrastructure_camera),
    )
    radius = round(14 * unit)
    for row, (title, image, camera) in enumerate(sides):
        picture = camera_picture(image, camera, frame, camera_size, theme)
        _draw_title(picture, title, unit, theme)
        paste_rounded(page, picture, (margin, margin + row * (camera_size[1] + gap)), radius)
    above = birds_eye_picture(frame, renderer, legend=True)
    corner = (margin + camera_width + gap, margin)
    rounded_rectangle(page, corner, above.shape[1::-1], radius, theme.ring)
    rim = max(1, round(2 * unit))
    inner = above[rim:-rim, rim:-rim]
    paste_rounded(page, inner, (corner[0] + rim, corner[1] + rim), radius - rim)
    if metrics is not None:
        top = margin + height + gap
        _draw_strip(page, top, strip, margin, gap, check_metrics(metrics), unit, theme)
    return page


def _renderer(width: int, height: int, theme: Theme) -> BirdsEyeRenderer:
    """Return a renderer that fills width x height: its scale fits the height, y is cut."""
    x_range = BirdsEyeConfig().x_range
    scale = height / (x_range[1] - x_range[0])
    half = width / scale / 2
    return BirdsEyeRenderer(
        BirdsEyeConfig(x_range=x_range, y_range=(-half, half), pixels_per_metre=scale, theme=theme)
    )


def _draw_title(picture: NDArray[np.uint8], title: str, unit: float, theme: Theme) -> None:
    size, padding = round(25 * unit), round(14 * unit)
    width, height = text_size(title, size)
    box = (width + 2 * padding, height + padding)
    corner = (padding, padding)
    rounded_rectangle(picture, corner, box, round(9 * unit), theme.background, 0.78)
    spot = (corner[0] + padding, corner[1] + box[1] / 2)
    draw_text(picture, title, spot, size, theme.text)


def _draw_strip(
    page: NDArray[np.uint8],
    top: int,
    height: int,
    margin: int,
    gap: int,
    metrics: Mapping[str, Any],
    unit: float,
    theme: Theme,
) -> None:
    """Draw tiles with the headline numbers below the pictures."""
    payload, latency = metrics['payload_bytes'], metrics['latency_ms']
    tiles: list[tuple[str, list[tuple[str, Colour]], str]] = []
    for key in ('ap_bev_50', 'ap_3d_50'):
        numbers = [
            (percent(metrics[source.value][key]), theme.source(source))
            for source in (Source.COOPERATIVE, Source.VEHICLE_ONLY)
        ]
        tiles.append((AP_KEYS[key], numbers, 'cooperative | vehicle only, %'))
    sent = (byte_size(payload['mean']), theme.text)
    tiles.append(('Radio payload', [sent], f'a frame; at most {byte_size(payload["max"])}'))
    median = (milliseconds(latency['p50']), theme.text)
    tiles.append(('Latency', [median], f'median; p95 {milliseconds(latency["p95"])}'))
    frames = (str(metrics['frames']), theme.text)
    tiles.append(('Frames over DDS', [frames], f'at {rate(metrics["rate_hz"])}'))
    edges = np.linspace(margin, page.shape[1] - margin + gap, len(tiles) + 1).round().astype(int)
    for left, right, (title, numbers, note) in zip(edges[:-1], edges[1:], tiles, strict=True):
        box = (int(right - left - gap), height)
        rounded_rectangle(page, (int(left), top), box, round(14 * unit), theme.panel)
        x = left + round(22 * unit)
        draw_text(page, title, (x, top + height * 0.2), round(22 * unit), theme.muted)
        for number, colour in numbers:
            draw_text(page, number, (x, top + height * 0.52), round(52 * unit), colour)
            x += text_size(number, round(52 * unit))[0] + round(26 * unit)
        start = left + round(22 * unit)
        draw_text(page, note, (start, top + height * 0.83), round(20 * unit), theme.muted)


def encode_image(image: NDArray[np.uint8], suffix: str, quality: int = 88) -> bytes:
    """Return a BGR picture as the bytes of a ``.png``, ``.jpg`` or ``.webp`` file.

    Raises:
        ValueError: for another ending.
    """
    options = {
        '.png': [cv2.IMWRITE_PNG_COMPRESSION, 9],
        '.jpg': [cv2.IMWRITE_JPEG_QUALITY, quality],
        '.webp': [cv2.IMWRITE_WEBP_QUALITY, quality],
    }
    if suffix not in options:
        raise ValueError(f'{suffix!r} is no picture ending; expected one of {sorted(options)}')
    written, data = cv2.imencode(suffix, image, options[suffix])
    if not written:
        raise ValueError(f'a picture of shape {image.shape} cannot be written as {suffix}')
    return data.tobytes()
