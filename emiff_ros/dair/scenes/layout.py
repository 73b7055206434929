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

"""Junction layouts: arms, lanes and the routes through them.

Scene frame: origin in the middle of the junction, z up, roads at z = 0, metres. Traffic keeps
right. An arm leaves the centre along `Arm.outward`; lateral positions count along `Arm.left`, so
lanes towards the junction lie at positive and lanes away from it at negative lateral positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

ARM_LENGTH = 160.0
ZEBRA_NEAR, ZEBRA_FAR, STOP_LINE = 0.8, 3.8, 5.0


def smooth_curve(
    start: FloatArray, control: FloatArray, end: FloatArray, count: int
) -> FloatArray:
    """Return ``count`` points of a quadratic Bezier curve."""
    t = np.linspace(0, 1, count)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end


@dataclass(frozen=True)
class Arm:
    """One road of a junction; from ``mouth`` metres off the centre on it has its own width."""

    angle: float
    lanes_in: int
    lanes_out: int
    lane_width: float
    median: float
    mouth: float = 0.0

    @property
    def outward(self) -> FloatArray:
        """Unit vector away from the junction."""
        return np.array([np.cos(self.angle), np.sin(self.angle)])

    @property
    def left(self) -> FloatArray:
        """Unit vector to the left of `outward`."""
        return np.array([-np.sin(self.angle), np.cos(self.angle)])

    @property
    def edge_in(self) -> float:
        """Lateral position of the kerb beside the lanes towards the junction (positive)."""
        return self.median / 2 + self.lanes_in * self.lane_width + 0.4

    @property
    def edge_out(self) -> float:
        """Lateral position of the kerb beside the lanes away from the junction (negative)."""
        return -(self.median / 2 + self.lanes_out * self.lane_width + 0.4)

    @property
    def stop(self) -> float:
        """Distance of the stop line from the centre."""
        return self.mouth + STOP_LINE

    def point(self, distance: float, lateral: float) -> FloatArray:
        """Return the scene point at a distance along the arm and a lateral position."""
        return self.outward * distance + self.left * lateral

    def lane_in(self, index: int) -> float:
        """Lateral middle of a lane towards the junction; 0 is the one beside the median."""
        return self.median / 2 + (index + 0.5) * self.lane_width

    def lane_out(self, index: int) -> float:
        """Lateral middle of a lane away from the junction; 0 is the one beside the median."""
        return -(self.median / 2 + (index + 0.5) * self.lane_width)


class Route:
    """A path through the junction, sampled densely; positions on it are arc lengths in metres."""

    def __init__(self, points: FloatArray, entry: int, exit_: int, lane: int) -> None:
        """Take a polyline ``[n, 2]`` from the far end of arm ``entry`` to that of ``exit_``."""
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        keep = np.concatenate([[True], steps > 1e-6])
        self.points = points[keep]
        self.arc = np.concatenate([[0.0], np.cumsum(steps[steps > 1e-6])])
        self.entry, self.exit, self.lane = entry, exit_, lane
        self.stop_arc = 0.0

    @property
    def length(self) -> float:
        """Whole length, metres."""
        return float(self.arc[-1])

    def pose(self, position: float) -> tuple[float, float, float]:
        """Return (x, y, heading) at an arc length."""
        x = np.interp(position, self.arc, self.points[:, 0])
        y = np.interp(position, self.arc, self.points[:, 1])
        ahead = np.clip([position - 0.8, position + 0.8], 0, self.length)
        dx = np.diff(np.interp(ahead, self.arc, self.points[:, 0]))[0]
        dy = np.diff(np.interp(ahead, self.arc, self.points[:, 1]))[0]
        return float(x), float(y), float(np.arctan2(dy, dx))


@dataclass(frozen=True)
class Junction:
    """Arms in order of their angle, and the width of the pavements."""

    arms: tuple[Arm, ...]
    pavement: float

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """Every lane connection of the junction."""
        return tuple(_routes(self))

    def corner(self, index: int, margin: float = 0.0) -> FloatArray:
        """Return the kerb curve between arm ``index`` and the next one, counter-clockwise.

        Args:
            index: the arm whose ``edge_in`` side begins the curve.
            margin: metres by which the curve lies outside the kerb.
        """
        arm, following = self.arms[index], self.arms[(index + 1) % len(self.arms)]
        start = arm.point(arm.mouth, arm.edge_in + margin)
        end = following.point(following.mouth, following.edge_out - margin)
        control = _crossing(arm, arm.edge_in + margin, following, following.edge_out - margin)
        if control is None:
            control = 0.5 * (start + end)
        return smooth_curve(start, control, end, 12)

    def outline(self, margin: float = 0.0) -> list[FloatArray]:
        """Return polygons that together cover the carriageway, widened by ``margin``."""
        polygons = []
        middle = []
        for index, arm in enumerate(self.arms):
            low, high = arm.edge_out - margin, arm.edge_in + margin
            polygons.append(
                np.array(
                    [
                        arm.point(arm.mouth - 0.1, low),
                        arm.point(ARM_LENGTH * 1.5, low),
                        arm.point(ARM_LENGTH * 1.5, high),
                        arm.point(arm.mouth - 0.1, high),
                    ]
                )
            )
            middle.append(self.corner(index, margin))
        polygons.append(np.concatenate(middle))
        return polygons


def _crossing(arm: Arm, lateral: float, other: Arm, other_lateral: float) -> FloatArray | None:
    matrix = np.stack([arm.outward, -other.outward], axis=1)
    if abs(np.linalg.det(matrix)) < 0.2:
        return None
    distances = np.linalg.solve(matrix, other.left * other_lateral - arm.left * lateral)
    return arm.point(distances[0], lateral)


def _with_mouths(arms: list[Arm], radius: float) -> tuple[Arm, ...]:
    mouths = [0.0] * len(arms)
    for index, arm in enumerate(arms):
        after = (index + 1) % len(arms)
        crossing = _crossing(arm, arm.edge_in, arms[after], arms[after].edge_out)
        if crossing is None:
            continue
        mouths[index] = max(mouths[index], float(crossing @ arm.outward))
        mouths[after] = max(mouths[after], float(crossing @ arms[after].outward))
    return tuple(
        Arm(arm.angle, arm.lanes_in, arm.lanes_out, arm.lane_width, arm.median, mouth + radius)
        for arm, mouth in zip(arms, mouths, strict=True)
    )


def _routes(junction: Junction) -> list[Route]:
    routes = []
    for entry, arm in enumerate(junction.arms):
        for exit_, other in enumerate(junction.arms):
            if exit_ == entry:
                continue
            turn = (other.angle - arm.angle) % (2 * np.pi) - np.pi
            for lane in _turn_lanes(turn, arm.lanes_in):
                if turn > 0.6:
                    out_lane = 0
                elif turn < -0.6:
                    out_lane = other.lanes_out - 1
                else:
                    out_lane = min(lane, other.lanes_out - 1)
                routes.append(_route(arm, other, lane, out_lane, entry, exit_))
    return routes


def _turn_lanes(turn: float, lanes: int) -> list[int]:
    if turn > 0.6:
        return [0]
    if turn < -0.6:
        return [lanes - 1]
    return list(range(lanes)) if lanes < 3 else list(range(1, lanes))


def _route(arm: Arm, other: Arm, lane: int, out_lane: int, entry: int, exit_: int) -> Route:
    lateral, out_lateral = arm.lane_in(lane), other.lane_out(out_lane)
    start, end = arm.point(arm.mouth, lateral), other.point(other.mouth, out_lateral)
    reach = 0.42 * np.linalg.norm(end - start)
    controls = [start, start - arm.outward * reach, end - other.outward * reach, end]
    t = np.linspace(0, 1, 30)[:, None]
    weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
    curve = sum(weight * control for weight, control in zip(weights, controls, strict=True))
    points = np.concatenate(
        [
            [arm.point(ARM_LENGTH, lateral)],
            [arm.point(arm.mouth + 1.0, lateral)],
            curve,
            [other.point(other.mouth + 1.0, out_lateral)],
            [other.point(ARM_LENGTH, out_lateral)],
        ]
    )
    route = Route(points, entry, exit_, lane)
    route.stop_arc = ARM_LENGTH - arm.stop
    return route


# Arm angles in degrees, by split. No layout is in two splits.
_LAYOUTS: dict[str, tuple[tuple[str, tuple[float, ...]], ...]] = {
    'train': (
        ('cross', (0, 90, 180, 270)),
        ('cross', (0, 90, 180, 270)),
        ('tee', (0, 90, 180)),
        ('skew_cross', (0, 78, 180, 258)),
        ('bent_tee', (0, 100, 190)),
        ('skew_tee', (0, 76, 180)),
        ('fork', (0, 144, 216)),
    ),
    'val': (('cross', (0, 95, 180, 272)), ('tee', (0, 82, 180))),
    'test': (
        ('oblique_cross', (0, 66, 176, 250)),
        ('wye', (0, 118, 242)),
        ('bent_cross', (0, 84, 160, 262)),
        ('oblique_tee', (0, 112, 184)),
    ),
}

_WIGGLE = {'train': 5.0, 'val': 3.0, 'test': 0.0}
"""By how much the arms' angles vary, degrees."""


def draw_junction(split: str, rng: np.random.Generator) -> Junction:
    """Draw a junction of a split.

    Raises:
        ValueError: for a split other than train, val and test.
    """
    if split not in _LAYOUTS:
        raise ValueError(f'unknown split {split!r}; expected one of {sorted(_LAYOUTS)}')
    _, angles = _LAYOUTS[split][rng.integers(len(_LAYOUTS[split]))]
    wiggle = _WIGGLE[split]
    major = rng.integers(2, 4) if rng.random() < 0.7 else rng.integers(1, 3)
    minor = rng.integers(1, 3)
    medians = rng.choice([0.3, 1.2, 3.0, 5.0], size=2, p=[0.4, 0.2, 0.25, 0.15])
    width = rng.uniform(3.1, 3.6)
    arms = []
    for index, angle in enumerate(angles):
        lanes = int(major if index % 2 == 0 else minor)
        extra = int(rng.random() < 0.35)
        arms.append(
            Arm(
                np.radians(angle + rng.uniform(-wiggle, wiggle)),
                min(lanes + extra, 4),
                lanes,
                width,
                float(medians[index % 2]),
            )
        )
    return Junction(_with_mouths(arms, rng.uniform(4.0, 9.0)), float(rng.uniform(2.5, 5.0)))
