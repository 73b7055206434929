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

"""Charts of a run: latency, bytes and AP by distance. Drawn without a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import io
from pathlib import Path
import re
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
import numpy as np

from emiff_ros.viz.numbers import AP_KEYS, byte_size
from emiff_ros.viz.palette import LIGHT, Source, Theme

_SIZE = (5.4, 2.9)


def latency_chart(
    latencies_ms: Sequence[float], budget_ms: float | None = 100.0, theme: Theme = LIGHT
) -> Figure:
    """Draw how latencies are distributed: a histogram, and the share of frames up to each latency.

    Args:
        latencies_ms: one per published result, milliseconds.
        budget_ms: marked with a line; None marks none.
        theme: colours.

    Raises:
        ValueError: if there is no latency, or one that is negative or not finite.
    """
    values = _finite(latencies_ms, 'latencies_ms')
    figure, axes = _chart(theme)
    highest = max(values.max(), budget_ms or 0.0) * 1.08
    bins = int(np.clip(2 * np.sqrt(len(values)), 8, 40))
    colour = theme.source(Source.COOPERATIVE).hex
    counts, _, _ = axes.hist(
        values, bins=np.linspace(0, highest, bins + 1), color=colour, alpha=0.75, rwidth=0.9
    )
    axes.set_xlim(0, highest)
    axes.set_ylim(0, counts.max() * 1.15)
    axes.set_xlabel('Latency, ms')
    axes.set_ylabel('Frames')
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    shares = axes.twinx()
    steps = np.sort(values)
    heights = 100 * np.arange(1, len(steps) + 1) / len(steps)
    shares.step(
        [0, *steps, highest], [0, *heights, 100], where='post', color=theme.muted.hex, lw=1.2
    )
    shares.set_ylim(0, 105)
    shares.set_yticks([0, 50, 95], ['0 %', '50 %', '95 %'])
    _bare(shares, theme)
    if budget_ms is not None:
        axes.axvline(
            budget_ms, color=theme.source(Source.VEHICLE_ONLY).hex, lw=1.4, ls=(0, (4, 3))
        )
        axes.text(
            budget_ms - 0.012 * highest, 1.0, f'{budget_ms:.0f} ms budget', va='top', ha='right',
            fontsize=8, color=theme.text.hex, transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    return figure


def payload_chart(payload_bytes: Sequence[float], theme: Theme = LIGHT) -> Figure:
    """Draw the bytes of the radio payload message by message, with their mean.

    Raises:
        ValueError: if there is no message, or a size that is negative or not finite.
    """
    values = _finite(payload_bytes, 'payload_bytes')
    scale, unit = (1000, 'kB') if values.max() >= 1000 else (1, 'B')
    figure, axes = _chart(theme)
    colour = theme.source(Source.ROADSIDE).hex
    index = np.arange(1, len(values) + 1)
    axes.fill_between(index, values / scale, color=colour, alpha=0.18, lw=0, step='mid')
    axes.step(index, values / scale, color=colour, lw=1.3, where='mid')
    mean = values.mean() / scale
    axes.axhline(mean, color=theme.muted.hex, lw=1.0, ls=(0, (4, 3)))
    axes.text(
        0.02, 0.05, f'mean {byte_size(values.mean())}, at most {byte_size(values.max())}',
        fontsize=8, color=theme.text.hex, transform=axes.transAxes,
    )  # fmt: skip
    axes.set_xlim(0.5, len(values) + 0.5)
    axes.set_ylim(0, values.max() / scale * 1.15 or 1)
    axes.set_xlabel('Message')
    axes.set_ylabel(f'Payload, {unit}')
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def average_precision_chart(
    groups: Mapping[str, Mapping[str, Any]], key: str = 'ap_bev_50', theme: Theme = LIGHT
) -> Figure:
    """Draw AP of both results side by side for each group, such as a distance range.

    Args:
        groups: label to ``{'cooperative': {key: percent}, 'vehicle_only': {...}}``; None for an AP
            that is not defined because the group has no ground truth.
        key: one of the AP keys of metrics.json.
        theme: colours.

    Raises:
        ValueError: without any group or for an unknown key.
    """
    if not groups:
        raise ValueError('groups is empty; expected at least one label with both results')
    if key not in AP_KEYS:
        raise ValueError(f'key is {key!r}; expected one of {sorted(AP_KEYS)}')
    figure, axes = _chart(theme)
    places = np.arange(len(groups))
    tallest = 0.0
    for offset, source in ((-0.2, Source.COOPERATIVE), (0.2, Source.VEHICLE_ONLY)):
        values = [(both.get(source.value) or {}).get(key) for both in groups.values()]
        heights = [0.0 if value is None else float(value) for value in values]
        tallest = max(tallest, *heights)
        colour = theme.source(source).hex
        bars = axes.bar(places + offset, heights, 0.36, color=colour, label=source.title)
        labels = ['n/a' if value is None else f'{value:.1f}' for value in values]
        axes.bar_label(bars, labels, padding=2, fontsize=8, color=theme.text.hex)
    axes.set_xticks(places, list(groups))
    axes.tick_params(axis='x', length=0)
    axes.set_ylim(0, max(tallest * 1.28, 1.0))
    axes.set_ylabel(f'{AP_KEYS[key]}, %')
    axes.legend(
        loc='upper right', ncols=2, frameon=False, fontsize=8, labelcolor=theme.text.hex,
        handlelength=1.0, columnspacing=1.2, borderaxespad=0.1,
    )  # fmt: skip
    return figure


def save_chart(figure: Figure, path: Path | str, dots_per_inch: int = 200) -> Path:
    """Write a chart as PNG (crisp at twice its size) and return the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dots_per_inch, format='png', metadata={'Software': None})
    return path


def page_svg(figure: Figure, theme: Theme = LIGHT) -> str:
    """Return a chart as SVG for a page that sets the theme's colours as CSS variables.

    The colours of ``theme`` become ``var(--text)`` and so on, so one drawing serves a light and a
    dark page. Text stays text, in the font that the page sets for it.
    """
    buffer = io.StringIO()
    options = {'svg.fonttype': 'none', 'svg.hashsalt': 'emiff_ros'}
    with matplotlib.rc_context(options):
        figure.savefig(buffer, format='svg', transparent=True, metadata={'Date': None})
    svg = buffer.getvalue()
    svg = svg[svg.index('<svg') :]
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r'\1', svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1', svg, count=1)
    svg = re.sub(r'<metadata>.*?</metadata>', '', svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', '<g', svg)
    for name, colour in css_colours(theme).items():
        svg = svg.replace(colour, f'var(--{name})')
    return svg


def css_colours(theme: Theme) -> dict[str, str]:
    """Return the theme's colours by the names of the page's CSS variables."""
    names = ('background', 'panel', 'grid', 'ring', 'text', 'muted', 'view')
    colours = {name: getattr(theme, name).hex for name in names}
    for source in Source:
        colours[source.value.replace('_', '-')] = theme.source(source).hex
    return colours


def _finite(values: Sequence[float], name: str) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64).reshape(-1)
    if len(array) == 0:
        raise ValueError(f'{name} is empty; expected at least one number')
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(f'{name} hold a number that is negative or not finite')
    return array


def _chart(theme: Theme) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE, layout='constrained', facecolor=theme.background.hex)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _bare(axes, theme)
    axes.set_axisbelow(True)
    axes.grid(axis='y', color=theme.grid.hex, lw=1.0)
    axes.spines['bottom'].set_visible(True)
    return figure, axes


def _bare(axes: Axes, theme: Theme) -> None:
    axes.set_facecolor('none')
    for spine in axes.spines.values():
        spine.set_visible(False)
        spine.set_color(theme.ring.hex)
    axes.tick_params(colors=theme.muted.hex, labelsize=8, length=0)
    axes.xaxis.label.set(color=theme.muted.hex, fontsize=9)
    axes.yaxis.label.set(color=theme.muted.hex, fontsize=9)
