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

"""Traffic: vehicles on routes with signals and queues, parked vehicles, and the ego vehicle.

Moving vehicles follow the intelligent driver model (Treiber, Hennecke, Helbing 2000) along their
route and brake for red lights and for whatever stands in their way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.scenes.layout import Junction, Route
from emiff_ros.dair.scenes.meshes import Colour
from emiff_ros.dair.scenes.vehicles import VehicleModel, draw_model, draw_paint

FloatArray = NDArray[np.float64]

STEP = 0.2
_WARM_UP = 3.0
_LOOK_AHEAD = 28.0
_COMFORT, _BRAKE, _GAP, _HEADWAY = 1.6, 2.4, 2.0, 1.2


@dataclass(eq=False)
class Actor:
    """One vehicle: a model on a route (or parked at ``place``) with its course over time.

    Attributes:
        identity: positive number, unique in the drive; 1 is the ego vehicle.
        positions: arc length every `STEP` seconds of the drive.
        place: (x, y, heading) of a parked vehicle.
    """

    identity: int
    model: VehicleModel
    paint: Colour
    route: Route | None = None
    start: float = 0.0
    speed: float = 0.0
    wanted: float = 10.0
    place: tuple[float, float, float] | None = None
    positions: list[float] = field(default_factory=list)

    def pose(self, time: float) -> tuple[float, float, float]:
        """Return (x, y, heading) at ``time`` seconds after the drive's start."""
        if self.place is not None:
            return self.place
        times = np.arange(len(self.positions)) * STEP
        return self.route.pose(float(np.interp(time, times, self.positions)))

    def box(self, time: float) -> FloatArray:
        """Return the box row (x, y, z of the bottom, length, width, height, yaw) in the scene."""
        x, y, yaw = self.pose(time)
        model = self.model
        return np.array([x, y, 0.0, model.length, model.width, model.height, yaw])


def _rectangle(pose: tuple[float, float, float], model: VehicleModel, margin: float) -> FloatArray:
    x, y, yaw = pose
    along = np.array([np.cos(yaw), np.sin(yaw)]) * (model.length / 2 + margin)
    across = np.array([-np.sin(yaw), np.cos(yaw)]) * (model.width / 2 + margin)
    centre = np.array([x, y])
    return np.array(
        [
            centre + along + across,
            centre + along - across,
            centre - along - across,
            centre - along + across,
        ]
    )


def _overlap(first: FloatArray, second: FloatArray) -> bool:
    for points in (first, second):
        for edge in (points[1] - points[0], points[2] - points[1]):
            a, b = first @ edge, second @ edge
            if a.max() < b.min() or b.max() < a.min():
                return False
    return True


class TrafficModel:
    """Places vehicles at a junction and moves them for the length of a drive."""

    def __init__(
        self,
        junction: Junction,
        models: tuple[VehicleModel, ...],
        duration: float,
        rng: np.random.Generator,
    ) -> None:
        """Draw the traffic of a drive of ``duration`` seconds and move it."""
        self.junction, self.models, self.duration, self._rng = junction, models, duration, rng
        self.green_arms = self._draw_green()
        self.actors: list[Actor] = []
        self._place_ego()
        self._place_queues()
        self._place_moving()
        self._place_parked()
        self._simulate()
        self._remove_collisions()

    @property
    def ego(self) -> Actor:
        """The vehicle that carries the camera."""
        return self.actors[0]

    def _draw_green(self) -> set[int]:
        arms = self.junction.arms
        first = int(self._rng.integers(len(arms)))
        opposite = min(range(len(arms)), key=lambda i: np.cos(arms[i].angle - arms[first].angle))
        return {first, opposite}

    def _free(self, pose: tuple[float, float, float], model: VehicleModel) -> bool:
        wanted = _rectangle(pose, model, 0.5)
        for other in self.actors:
            place = self._start_pose(other)
            reach = 0.7 * (model.length + other.model.length) + 2.0
            if abs(place[0] - pose[0]) > reach or abs(place[1] - pose[1]) > reach:
                continue
            if _overlap(wanted, _rectangle(place, other.model, 0.3)):
                return False
        return True

    @staticmethod
    def _start_pose(actor: Actor) -> tuple[float, float, float]:
        return actor.place if actor.place is not None else actor.route.pose(actor.start)

    def _add(
        self,
        route: Route,
        start: float,
        speed: float,
        wanted: float,
        model: VehicleModel | None = None,
    ) -> bool:
        model = model or draw_model(self.models, self._rng)
        if not self._free(route.pose(start), model):
            return False
        self.actors.append(
            Actor(len(self.actors) + 1, model, draw_paint(self._rng), route, start, speed, wanted)
        )
        return True

    def _place_ego(self) -> None:
        rng = self._rng
        sedans = [m for m in self.models if m.kind == 'car' and m.height < 1.52]
        routes = self.junction.routes
        route = routes[rng.integers(len(routes))]
        if route.entry in self.green_arms:
            speed = rng.uniform(4, 10)
            start = route.stop_arc + rng.uniform(-45, 2) - speed * _WARM_UP
        else:
            speed = rng.uniform(0, 5)
            start = route.stop_arc - rng.uniform(5, 40)
        self._add(route, start, speed, rng.uniform(7, 12), sedans[rng.integers(len(sedans))])

    def _place_queues(self) -> None:
        rng = self._rng
        for index, arm in enumerate(self.junction.arms):
            if index in self.green_arms:
                continue
            for lane in range(arm.lanes_in):
                choices = [r for r in self.junction.routes if r.entry == index and r.lane == lane]
                if not choices:
                    continue
                position = choices[0].stop_arc - rng.uniform(3.0, 5.0)
                for _ in range(rng.integers(0, 6)):
                    model = draw_model(self.models, rng)
                    route = choices[rng.integers(len(choices))]
                    self._add(route, position - model.length / 2, 0.0, rng.uniform(8, 13), model)
                    position -= model.length + rng.uniform(1.8, 3.5)

    def _place_moving(self) -> None:
        rng = self._rng
        routes = self.junction.routes
        for _ in range(rng.integers(14, 40)):
            route = routes[rng.integers(len(routes))]
            wanted = rng.uniform(7, 14)
            if rng.random() < 0.55:
                start = rng.uniform(route.stop_arc + 18, route.length - 45)
            elif route.entry in self.green_arms:
                start = rng.uniform(route.stop_arc - 70, route.stop_arc + 12)
            else:
                start = rng.uniform(route.stop_arc - 110, route.stop_arc - 35)
            speed = rng.uniform(3, 9) if start > route.stop_arc - 20 else wanted * 0.8
            self._add(route, start, speed, wanted)

    def _place_parked(self) -> None:
        rng = self._rng
        for arm in self.junction.arms:
            for sign, edge in ((1, arm.edge_in), (-1, arm.edge_out)):
                if rng.random() < 0.55:
                    continue
                facing = arm.angle + (np.pi if sign > 0 else 0.0)
                slant = rng.choice([0.0, 0.0, np.pi / 2])
                distance = arm.mouth + rng.uniform(10, 40)
                for _ in range(rng.integers(1, 7)):
                    model = draw_model(self.models, rng)
                    if model.length > 6:
                        continue
                    depth = model.length if slant else model.width
                    x, y = arm.point(distance, edge + sign * (0.5 + depth / 2))
                    yaw = facing + slant + rng.normal(0, 0.02) + np.pi * (rng.random() < 0.15)
                    if self._free((x, y, yaw), model):
                        self.actors.append(
                            Actor(
                                len(self.actors) + 1,
                                model,
                                draw_paint(rng),
                                place=(float(x), float(y), float(yaw)),
                            )
                        )
                    distance += (model.width if slant else model.length) + rng.uniform(0.7, 3.0)

    def _simulate(self) -> None:
        moving = [actor for actor in self.actors if actor.route is not None]
        position = {a.identity: a.start for a in moving}
        speed = {a.identity: a.speed for a in moving}
        steps = int(np.ceil((_WARM_UP + self.duration) / STEP)) + 3
        for step in range(steps):
            poses = {a.identity: a.route.pose(position[a.identity]) for a in moving}
            places = np.array([poses[a.identity][:2] for a in moving])
            for actor in moving:
                key = actor.identity
                gap, ahead_speed = self._gap(actor, position[key], poses, places, moving, speed)
                v = speed[key]
                closing = v * (v - ahead_speed) / (2 * np.sqrt(_COMFORT * _BRAKE))
                desired = _GAP + max(0.0, v * _HEADWAY + closing)
                change = _COMFORT * (1 - (v / actor.wanted) ** 4 - (desired / max(gap, 0.3)) ** 2)
                new = float(np.clip(v + np.clip(change, -8, _COMFORT) * STEP, 0, 20))
                if step * STEP >= _WARM_UP - 1e-9:
                    actor.positions.append(position[key])
                position[key] += 0.5 * (v + new) * STEP
                speed[key] = new

    def _gap(
        self,
        actor: Actor,
        position: float,
        poses: dict,
        places: FloatArray,
        moving: list[Actor],
        speed: dict,
    ) -> tuple[float, float]:
        gap, ahead_speed = 200.0, speed[actor.identity]
        route, half = actor.route, actor.model.length / 2
        to_stop = route.stop_arc - position - half
        if route.entry not in self.green_arms and -2.0 < to_stop < 80:
            gap, ahead_speed = max(to_stop + _GAP - 1.0, 0.3), 0.0
        x, y, yaw = poses[actor.identity]
        offset = places - [x, y]
        ahead = offset @ [np.cos(yaw), np.sin(yaw)] > 0
        near = ahead & (np.abs(offset) < _LOOK_AHEAD + 8).all(axis=1)
        near[moving.index(actor)] = False
        samples = np.arange(half + 0.5, half + _LOOK_AHEAD, 1.0)
        path_x = np.interp(position + samples, route.arc, route.points[:, 0])
        path_y = np.interp(position + samples, route.arc, route.points[:, 1])
        for index in np.flatnonzero(near):
            other = moving[index]
            ox, oy, oyaw = poses[other.identity]
            cos, sin = np.cos(oyaw), np.sin(oyaw)
            along = np.abs((path_x - ox) * cos + (path_y - oy) * sin) - other.model.length / 2
            across = np.abs((path_y - oy) * cos - (path_x - ox) * sin) - other.model.width / 2
            blocked = (along < 0.4) & (across < actor.model.width / 2 + 0.2)
            if blocked.any():
                distance = samples[np.argmax(blocked)] - half
                if distance < gap:
                    gap = distance
                    ahead_speed = speed[other.identity] * max(0.0, np.cos(oyaw - yaw))
        return gap, ahead_speed

    def _remove_collisions(self) -> None:
        times = np.arange(0, self.duration + STEP, 0.3)
        shapes = [
            [_rectangle(actor.pose(t), actor.model, 0.05) for t in times] for actor in self.actors
        ]
        middles = [np.array([shape.mean(axis=0) for shape in course]) for course in shapes]
        removed: set[int] = set()
        for i in range(len(self.actors)):
            for j in range(i + 1, len(self.actors)):
                if i in removed or j in removed:
                    continue
                close = np.linalg.norm(middles[i] - middles[j], axis=1) < 16.0
                if any(_overlap(shapes[i][k], shapes[j][k]) for k in np.flatnonzero(close)):
                    removed.add(j)
        self.actors = [a for i, a in enumerate(self.actors) if i not in removed]
