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

"""Robustness curves as a picture and as Markdown tables."""

from collections.abc import Sequence
import math

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from emiff_ros.comparison.disturbance import UNITS, Kind
from emiff_ros.comparison.robustness import Curve
from emiff_ros.dair.evaluation import HEADLINES, Measure
from emiff_ros.viz.palette import LIGHT, Source, Theme

TITLES: dict[Kind, str] = {
    'position': 'Roadside pose shifted',
    'heading': 'Roadside pose turned',
    'delay': 'Roadside image delayed',
    'exposure': 'Exposure of both images',
}

_MARKERS = 'osD^vPX*'
_PANEL = (4.4, 3.1)


def draw_curves(
    curves: Sequence[Curve], measure: Measure = HEADLINES[0], theme: Theme = LIGHT
) -> Figure:
    """Draw one panel a disturbance, one line a method.

    Args:
        curves: of any methods and disturbances.
        measure: which of the curves' values is drawn.
        theme: colours.

    Raises:
        ValueError: without curves.
    """
    if not curves:
        raise ValueError('curves is empty; expected at least one')
    kinds = list(dict.fromkeys(curve.kind for curve in curves))
    names = list(dict.fromkeys(curve.method for curve in curves))
    columns = min(len(kinds), 2)
    rows = -(-len(kinds) // columns)
    figure = Figure(
        figsize=(_PANEL[0] * columns, _PANEL[1] * rows + 0.4),
        layout='constrained',
        facecolor=theme.background.hex,
    )
    FigureCanvasAgg(figure)
    known = [v for curve in curves for v in curve.values[measure.key] if not math.isnan(v)]
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, kind in zip(panels, kinds, strict=False):
        _style(axes, theme)
        for curve in curves:
            if curve.kind == kind:
                _line(axes, curve, measure, names.index(curve.method), theme)
        shown = next(curve for curve in curves if curve.kind == kind)
        axes.set_title(
            f'{TITLES[kind]} ({shown.frames} frames)', fontsize=10, color=theme.text.hex
        )
        axes.set_xticks(shown.sizes, [f'{size:g}' for size in shown.sizes])
        axes.set_xlabel(UNITS[kind])
        axes.set_ylabel(f'{measure.title}, %')
        axes.set_ylim(0.0, max(1.12 * max(known, default=0.0), 1.0))
    for axes in panels[len(kinds) :]:
        axes.set_visible(False)
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        lines, labels, loc='outside lower center', ncols=min(len(labels), 4), frameon=False,
        fontsize=9, labelcolor=theme.text.hex,
    )  # fmt: skip
    return figure


def curve_tables(curves: Sequence[Curve], measure: Measure = HEADLINES[0]) -> str:
    """Return one Markdown table a disturbance; a dash stands where AP is not defined."""
    lines = []
    for kind in dict.fromkeys(curve.kind for curve in curves):
        group = [curve for curve in curves if curve.kind == kind]
        sizes = [f'{size:g} {UNITS[kind]}' for size in group[0].sizes]
        title = f'{TITLES[kind]}, {measure.title}, %'
        lines += [f'{title}, {group[0].frames} frames', '']
        rows = [['method', *sizes], ['---'] * (len(sizes) + 1)]
        for curve in group:
            values = [
                '-' if math.isnan(value) else f'{value:.2f}' for value in curve.values[measure.key]
            ]
            rows.append([curve.method, *values])
        lines += ['| ' + ' | '.join(row) + ' |' for row in rows] + ['']
    return '\n'.join(lines)


def _line(axes: Axes, curve: Curve, measure: Measure, number: int, theme: Theme) -> None:
    order = (Source.COOPERATIVE, Source.VEHICLE_ONLY, Source.ROADSIDE, Source.GROUND_TRUTH)
    colour = theme.source(order[number % len(order)]).hex
    style = '-' if number < len(order) else '--'
    axes.plot(
        curve.sizes, curve.values[measure.key], color=colour, lw=1.8, ls=style, label=curve.method,
        marker=_MARKERS[number % len(_MARKERS)], ms=4.5, clip_on=False,
    )  # fmt: skip


def _style(axes: Axes, theme: Theme) -> None:
    axes.set_facecolor('none')
    axes.grid(axis='y', color=theme.grid.hex, lw=1.0)
    axes.set_axisbelow(True)
    for side in ('top', 'right', 'left'):
        axes.spines[side].set_visible(False)
    axes.spines['bottom'].set_color(theme.ring.hex)
    axes.tick_params(colors=theme.muted.hex, labelsize=8, length=0)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=theme.muted.hex, fontsize=9)
