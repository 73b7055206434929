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

"""The run as one HTML file: numbers, charts and a gallery, with nothing loaded from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
import numpy as np
from numpy.typing import NDArray

from emiff_ros.spread import evenly_spread
from emiff_ros.viz import numbers
from emiff_ros.viz.birds_eye import BirdsEyeConfig, BirdsEyeRenderer
from emiff_ros.viz.charts import (
    average_precision_chart,
    css_colours,
    latency_chart,
    page_svg,
    payload_chart,
)
from emiff_ros.viz.figure import (
    best_frame,
    birds_eye_picture,
    camera_picture,
    draw_hero,
    encode_image,
)
from emiff_ros.viz.palette import DARK, LIGHT, Source
from emiff_ros.viz.records import FOUND_WITHIN, FrameRecord

LIMITS = (
    'The shipped weights know generated scenes only. They were trained on rendered junctions and '
    'say nothing about real traffic; train or import weights before you judge real images.'
)

_CAMERA_SIZE = (864, 486)
_BIRDS_EYE_SCALE = 8.0
_TYPES = {'.jpg': 'image/jpeg', '.png': 'image/png', '.webp': 'image/webp'}
_IMAGE_PARTS = ('published', 'replaced', 'refused')
_FEATURE_PARTS = ('fused', 'superseded', 'expired', 'refused')
_SIDES = {'vehicle': 'vehicle', 'infrastructure': 'roadside unit'}


@dataclass(frozen=True)
class CounterTable:
    """Counters of one part of the system, with the sentence that says whether they add up."""

    title: str
    rows: list[tuple[str, int]]
    balance: numbers.Balance | None


def write_report(
    path: Path | str,
    metrics: Mapping[str, Any],
    frames: Sequence[FrameRecord],
    command: str,
    latencies_ms: Sequence[float] | None = None,
    payload_bytes: Sequence[float] | None = None,
    max_frames: int = 24,
    note: str = LIMITS,
) -> Path:
    """Write a report that needs no other file and no network.

    Args:
        path: of the HTML file; missing folders are made.
        metrics: content of metrics.json.
        frames: in time order; a gallery shows at most ``max_frames`` of them, evenly spaced.
        command: what the reader types to get this report again.
        latencies_ms: of every result, for the chart; by default those of ``frames``.
        payload_bytes: of every message, for the chart; by default those of ``frames``.
        max_frames: limit of the gallery, about 0.2 MB a frame.
        note: limits of the result, shown on the first screen.

    Raises:
        ValueError: for metrics that lack an entry, no frames or a ``max_frames`` below 1.
    """
    if not frames:
        raise ValueError('frames is empty; expected at least one frame record for the gallery')
    if max_frames < 1:
        raise ValueError(f'max_frames is {max_frames}; expected at least 1')
    numbers.check_metrics(metrics)
    if latencies_ms is None:
        latencies_ms = [f.latency_ms for f in frames if f.latency_ms is not None]
    if payload_bytes is None:
        payload_bytes = [f.payload_bytes for f in frames if f.payload_bytes is not None]
    shown = evenly_spread(frames, max_frames)
    hero = best_frame(frames)
    environment = Environment(
        loader=PackageLoader('emiff_ros.viz', 'templates'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template('report.html.j2').render(
        metrics=metrics,
        numbers=numbers,
        note=note,
        command=command,
        light=css_colours(LIGHT),
        dark=css_colours(DARK),
        hero=_data_uri(draw_hero(hero), '.webp'),
        hero_frame=hero.frame_id,
        ap_rows=numbers.ap_rows(metrics),
        range_rows=numbers.range_rows(metrics),
        range_chart=_range_chart(metrics),
        latency_chart=_svg(latency_chart(latencies_ms)) if len(latencies_ms) else None,
        payload_chart=_svg(payload_chart(payload_bytes)) if len(payload_bytes) else None,
        visible=_visible(metrics['visible_share']),
        counters=_counter_tables(metrics),
        gallery=_gallery(shown),
        frames_recorded=len(frames),
        found_within=FOUND_WITHIN,
        sources=[source for source in Source if source is not Source.ROADSIDE],
    )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding='utf-8')
    return path


def _svg(figure: Any) -> Markup:
    return Markup(page_svg(figure))


def _range_chart(metrics: Mapping[str, Any]) -> Markup | None:
    groups = numbers.range_groups(metrics)
    return _svg(average_precision_chart(groups)) if groups else None


def _visible(shares: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (_SIDES.get(side, side), numbers.share(value))
        for side, value in shares.items()
        if value is not None
    ]


def _counter_tables(metrics: Mapping[str, Any]) -> list[CounterTable]:
    images = metrics['images']
    nodes = (
        images if all(isinstance(value, Mapping) for value in images.values()) else {'': images}
    )
    tables = [
        CounterTable(
            f'Images, {name.replace("_", " ")}' if name else 'Images',
            numbers.counter_rows(counts),
            numbers.balance(counts, _IMAGE_PARTS, 'under way'),
        )
        for name, counts in nodes.items()
    ]
    features = metrics['features']
    tables.append(
        CounterTable(
            'Features, vehicle node',
            numbers.counter_rows(features),
            numbers.balance(features, _FEATURE_PARTS, 'still cached'),
        )
    )
    return [table for table in tables if table.rows]


def _gallery(frames: Sequence[FrameRecord]) -> list[dict[str, Any]]:
    """Return what the page's script shows of each frame, pictures as data URIs."""
    renderer = BirdsEyeRenderer(BirdsEyeConfig(pixels_per_metre=_BIRDS_EYE_SCALE))
    entries = []
    for frame in frames:
        vehicle = camera_picture(frame.vehicle_image, frame.vehicle_camera, frame, _CAMERA_SIZE)
        roadside = camera_picture(
            frame.infrastructure_image, frame.infrastructure_camera, frame, _CAMERA_SIZE
        )
        entries.append(
            {
                'id': frame.frame_id,
                'fused': frame.fused,
                'objects': int(frame.in_range().sum()),
                'cooperative': int(frame.found(Source.COOPERATIVE).sum()),
                'vehicle_only': int(frame.found(Source.VEHICLE_ONLY).sum()),
                'latency': numbers.milliseconds(frame.latency_ms),
                'payload': numbers.byte_size(frame.payload_bytes),
                'images': [
                    _data_uri(vehicle, '.jpg', 80),
                    _data_uri(roadside, '.jpg', 80),
                    _data_uri(birds_eye_picture(frame, renderer), '.webp', 85),
                ],
            }
        )
    return entries


def _data_uri(image: NDArray[np.uint8], suffix: str, quality: int = 88) -> str:
    data = base64.b64encode(encode_image(image, suffix, quality)).decode('ascii')
    return f'data:{_TYPES[suffix]};base64,{data}'
