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

"""Vehicle models: parametric meshes, another set of shapes for every split.

A model's frame has its origin on the ground under the middle of the label box, x forward, y left,
z up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from emiff_ros.dair.scenes.cars import CarShape, build_car
from emiff_ros.dair.scenes.heavy_vehicles import build_bus, build_truck
from emiff_ros.dair.scenes.meshes import Colour, Mesh

PAINTS: tuple[tuple[Colour, float], ...] = (
    ((0.72, 0.72, 0.71), 0.27),
    ((0.42, 0.43, 0.45), 0.14),
    ((0.16, 0.17, 0.18), 0.11),
    ((0.015, 0.015, 0.018), 0.17),
    ((0.33, 0.02, 0.02), 0.09),
    ((0.03, 0.07, 0.27), 0.08),
    ((0.14, 0.07, 0.03), 0.04),
    ((0.30, 0.25, 0.16), 0.04),
    ((0.04, 0.13, 0.06), 0.02),
    ((0.62, 0.40, 0.03), 0.02),
    ((0.08, 0.28, 0.34), 0.02),
)


@dataclass(frozen=True, eq=False)
class VehicleModel:
    """One vehicle shape; ``kind`` is the label type (car, van, truck or bus)."""

    name: str
    kind: str
    length: float
    width: float
    height: float
    mesh: Mesh


_CAR_STYLES: dict[str, tuple[str, dict[str, tuple[float, float]]]] = {
    'hatchback': (
        'car',
        {
            'length': (3.7, 4.3),
            'width': (1.68, 1.80),
            'height': (1.46, 1.56),
            'bonnet': (0.92, 1.0),
            'deck': (0.95, 1.02),
            'rear_foot': (0.02, 0.05),
            'roof_rear': (0.09, 0.14),
            'roof_front': (0.52, 0.58),
            'cowl': (0.73, 0.78),
        },
    ),
    'sedan': (
        'car',
        {
            'length': (4.4, 4.95),
            'width': (1.74, 1.88),
            'height': (1.42, 1.50),
            'bonnet': (0.90, 0.97),
            'deck': (0.98, 1.06),
            'rear_foot': (0.15, 0.20),
            'roof_rear': (0.27, 0.33),
            'roof_front': (0.52, 0.57),
            'cowl': (0.68, 0.73),
        },
    ),
    'suv': (
        'car',
        {
            'length': (4.4, 4.85),
            'width': (1.82, 1.94),
            'height': (1.66, 1.80),
            'bonnet': (1.06, 1.14),
            'deck': (1.08, 1.16),
            'rear_foot': (0.02, 0.05),
            'roof_rear': (0.07, 0.12),
            'roof_front': (0.54, 0.60),
            'cowl': (0.71, 0.76),
        },
    ),
    'minivan': (
        'van',
        {
            'length': (4.3, 4.9),
            'width': (1.68, 1.82),
            'height': (1.80, 1.98),
            'bonnet': (1.10, 1.18),
            'deck': (1.05, 1.12),
            'rear_foot': (0.005, 0.015),
            'roof_rear': (0.03, 0.06),
            'roof_front': (0.64, 0.70),
            'cowl': (0.86, 0.90),
        },
    ),
    'panel_van': (
        'van',
        {
            'length': (5.0, 5.9),
            'width': (1.90, 2.06),
            'height': (2.05, 2.50),
            'bonnet': (1.20, 1.30),
            'deck': (1.15, 1.2),
            'rear_foot': (0.004, 0.01),
            'roof_rear': (0.01, 0.03),
            'roof_front': (0.68, 0.74),
            'cowl': (0.84, 0.88),
        },
    ),
    'estate': (
        'car',
        {
            'length': (4.5, 4.9),
            'width': (1.76, 1.86),
            'height': (1.46, 1.54),
            'bonnet': (0.91, 0.98),
            'deck': (0.98, 1.04),
            'rear_foot': (0.02, 0.04),
            'roof_rear': (0.10, 0.13),
            'roof_front': (0.54, 0.58),
            'cowl': (0.69, 0.72),
        },
    ),
    'fastback': (
        'car',
        {
            'length': (4.5, 5.0),
            'width': (1.80, 1.92),
            'height': (1.40, 1.46),
            'bonnet': (0.89, 0.95),
            'deck': (0.99, 1.04),
            'rear_foot': (0.07, 0.11),
            'roof_rear': (0.33, 0.38),
            'roof_front': (0.50, 0.54),
            'cowl': (0.69, 0.73),
        },
    ),
    'crossover': (
        'car',
        {
            'length': (4.2, 4.6),
            'width': (1.78, 1.88),
            'height': (1.58, 1.66),
            'bonnet': (1.00, 1.07),
            'deck': (1.06, 1.12),
            'rear_foot': (0.02, 0.05),
            'roof_rear': (0.12, 0.18),
            'roof_front': (0.51, 0.57),
            'cowl': (0.71, 0.75),
        },
    ),
    'microvan': (
        'van',
        {
            'length': (3.9, 4.4),
            'width': (1.62, 1.72),
            'height': (1.86, 2.0),
            'bonnet': (1.06, 1.14),
            'deck': (1.05, 1.1),
            'rear_foot': (0.005, 0.015),
            'roof_rear': (0.02, 0.05),
            'roof_front': (0.70, 0.75),
            'cowl': (0.92, 0.95),
        },
    ),
}

# Shapes of each split: (style, number of models). Styles of `test` beyond the sedan are its own.
_FLEETS: dict[str, tuple[tuple[str, int], ...]] = {
    'train': (
        ('hatchback', 18),
        ('sedan', 24),
        ('suv', 21),
        ('minivan', 12),
        ('panel_van', 9),
        ('box', 12),
        ('tipper', 6),
        ('bus', 9),
    ),
    'val': (
        ('hatchback', 2),
        ('sedan', 3),
        ('suv', 3),
        ('minivan', 2),
        ('panel_van', 1),
        ('box', 2),
        ('tipper', 1),
        ('bus', 1),
    ),
    'test': (
        ('estate', 3),
        ('fastback', 4),
        ('crossover', 4),
        ('sedan', 2),
        ('microvan', 3),
        ('tank', 2),
        ('box', 1),
        ('bus', 2),
    ),
}
_FLEET_SEEDS = {'train': 11, 'val': 12, 'test': 13}


def _make_model(style: str, name: str, rng: np.random.Generator) -> VehicleModel:
    if style == 'bus':
        size = rng.uniform(9.0, 12.0), rng.uniform(2.45, 2.55), rng.uniform(2.95, 3.35)
        return VehicleModel(name, 'bus', *size, build_bus(*size, int(rng.integers(5, 9))))
    if style in ('box', 'tipper', 'tank'):
        size = rng.uniform(5.8, 9.0), rng.uniform(2.1, 2.5), rng.uniform(2.6, 3.6)
        tones = ((0.6, 0.6, 0.6), (0.55, 0.5, 0.42), (0.08, 0.15, 0.32), (0.32, 0.34, 0.33))
        cargo = tones[rng.integers(len(tones))]
        mesh = build_truck(*size, cab=rng.uniform(1.6, 2.0), cargo=cargo, style=style)
        return VehicleModel(name, 'truck', *size, mesh)
    kind, ranges = _CAR_STYLES[style]
    values = {key: float(rng.uniform(*limits)) for key, limits in ranges.items()}
    tall = values['height'] > 1.75
    extra = {'wheel': 0.36} if style in ('suv', 'panel_van', 'crossover') else {}
    if style in ('minivan', 'microvan', 'estate', 'panel_van', 'suv'):
        extra['panes'] = (0.0, 0.05, 0.33, 0.37, 0.64, 0.68, 0.92, 1.0)
    if style == 'panel_van':
        extra['closed'] = (1, 3)
    shape = CarShape(**values, **extra, tail_high=tall)
    return VehicleModel(name, kind, shape.length, shape.width, shape.height, build_car(shape))


@cache
def fleet(split: str) -> tuple[VehicleModel, ...]:
    """Return the vehicle models of a split; no model is in two splits.

    Raises:
        ValueError: for a split other than train, val and test.
    """
    if split not in _FLEETS:
        raise ValueError(f'unknown split {split!r}; expected one of {sorted(_FLEETS)}')
    rng = np.random.default_rng(_FLEET_SEEDS[split])
    models = []
    for style, count in _FLEETS[split]:
        models += [_make_model(style, f'{split}_{style}_{i}', rng) for i in range(count)]
    return tuple(models)


def draw_paint(rng: np.random.Generator) -> Colour:
    """Draw a body colour, each a little different."""
    weights = np.array([weight for _, weight in PAINTS])
    colour = PAINTS[rng.choice(len(PAINTS), p=weights / weights.sum())][0]
    varied = np.multiply(colour, rng.uniform(0.75, 1.2) * rng.uniform(0.95, 1.05, 3))
    return tuple(float(c) for c in np.clip(varied, 0, 0.85))


def draw_model(models: tuple[VehicleModel, ...], rng: np.random.Generator) -> VehicleModel:
    """Draw a model with the mix of city traffic (mostly cars)."""
    mix = {'car': 0.76, 'van': 0.13, 'truck': 0.06, 'bus': 0.05}
    kind = rng.choice(list(mix), p=list(mix.values()))
    choices = [model for model in models if model.kind == kind]
    return choices[rng.integers(len(choices))]
