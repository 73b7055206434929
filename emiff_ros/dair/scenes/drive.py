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

"""One drive: a junction, its traffic, both cameras and the light, at any moment.

Drawing a drive repeats until the vehicle and the roadside camera see shares of the surrounding
vehicles that make cooperation worthwhile: many vehicles are hidden from the vehicle and seen from
the pole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.scenes.cameras import (
    Station,
    VehicleRig,
    draw_map_from_scene,
    draw_rig,
    draw_station,
)
from emiff_ros.dair.scenes.ground import Ground, make_ground
from emiff_ros.dair.scenes.layout import Junction, draw_junction
from emiff_ros.dair.scenes.lighting import Light, draw_light
from emiff_ros.dair.scenes.meshes import Mesh, MeshBuilder, merge
from emiff_ros.dair.scenes.renderer import NO_INSTANCE, Stage
from emiff_ros.dair.scenes.scenery import METAL, make_scenery
from emiff_ros.dair.scenes.traffic import Actor, TrafficModel
from emiff_ros.dair.scenes.vehicles import fleet
from emiff_ros.dair.scenes.visibility import Sight, Solid, observe, observe_from_point
from emiff_ros.geometry import Affine, box_corners, compose, invert_affine, transform_points

# x, y, z limits of the evaluation protocol in the vehicle frame, metres.
RANGE_LOW, RANGE_HIGH = np.array([0.0, -39.68, -3.0]), np.array([100.0, 39.68, 1.0])
_LABEL_REACH = 110.0
_SEEN_BY_LIDAR, _SEEN_BY_CAMERA = 0.15, 0.1
_ATTEMPTS, _STATIONS = 6, 4


@dataclass(frozen=True)
class Truth:
    """One labelled vehicle at one moment; ``box`` is a box row in the scene."""

    actor: Actor
    box: NDArray[np.float64]
    vehicle: Sight
    infrastructure: Sight
    in_range: bool


@dataclass(frozen=True)
class Shares:
    """Counts over ground-truth boxes in the evaluated range."""

    boxes: int = 0
    vehicle: int = 0
    infrastructure: int = 0
    neither: int = 0

    def __add__(self, other: Shares) -> Shares:
        """Return the counts of both."""
        return Shares(
            self.boxes + other.boxes,
            self.vehicle + other.vehicle,
            self.infrastructure + other.infrastructure,
            self.neither + other.neither,
        )

    def as_dict(self) -> dict[str, float]:
        """Return the number of boxes and the shares (0 to 1)."""
        total = max(self.boxes, 1)
        return {
            'boxes': self.boxes,
            'vehicle': round(self.vehicle / total, 4),
            'infrastructure': round(self.infrastructure / total, 4),
            'neither': round(self.neither / total, 4),
        }


def count_shares(truths: list[Truth]) -> Shares:
    """Count which boxes in the evaluated range the two cameras see."""
    near = [truth for truth in truths if truth.in_range]
    return Shares(
        len(near),
        sum(t.vehicle.is_visible for t in near),
        sum(t.infrastructure.is_visible for t in near),
        sum(not (t.vehicle.is_visible or t.infrastructure.is_visible) for t in near),
    )


@dataclass(frozen=True)
class Snapshot:
    """The scene at one moment (seconds of the drive), with its vehicles by identity."""

    time: float
    stage: Stage
    solids: dict[int, Solid]


@dataclass(frozen=True)
class Drive:
    """Everything that one drive shows."""

    junction: Junction
    traffic: TrafficModel
    scenery: Mesh
    light: Light
    rig: VehicleRig
    station: Station
    map_from_scene: Affine
    image_size: tuple[int, int]

    def meshes_at(self, time: float) -> dict[int, Mesh]:
        """Return every vehicle's mesh in the scene at a time, by identity."""
        return _meshes_at(self.traffic, time)

    def scene_from_vehicle(self, time: float) -> Affine:
        """Return the pose of the ego vehicle's LiDAR."""
        return self.rig.scene_from_vehicle(self.traffic.ego.pose(time), time)

    def snapshot(self, time: float, ground: Ground | None) -> Snapshot:
        """Return the scene at a time with every vehicle as a solid."""
        meshes = self.meshes_at(time)
        parts = [(self.scenery, NO_INSTANCE)]
        parts += [(mesh, identity) for identity, mesh in meshes.items()]
        rack = _roof_rack(self.traffic.ego).placed(*self.traffic.ego.pose(time))
        parts.append((rack, self.traffic.ego.identity))
        solids = {
            actor.identity: Solid(actor.model, actor.pose(time), actor.identity)
            for actor in self.traffic.actors
        }
        return Snapshot(time, Stage(parts, ground, self.light), solids)

    def station_sights(self, snapshot: Snapshot) -> dict[int, Sight]:
        """Return what the roadside camera sees of every vehicle, the ego vehicle too."""
        camera = self.station.camera(self.image_size)
        return {
            identity: observe(snapshot.stage, camera, solid)
            for identity, solid in snapshot.solids.items()
        }

    def truths_at(
        self, snapshot: Snapshot, station_sights: dict[int, Sight], time: float
    ) -> list[Truth]:
        """Return the labelled vehicles where they are at the time of the vehicle's LiDAR.

        A vehicle is labelled if a camera sees a tenth of it or the vehicle's LiDAR would see it.

        Args:
            snapshot: the scene when the vehicle's image is taken.
            station_sights: what the station sees when its own image is taken.
            time: of the labels, seconds of the drive.
        """
        vehicle_from_scene = invert_affine(self.scene_from_vehicle(time))
        scene_from_vehicle = self.scene_from_vehicle(snapshot.time)
        camera = self.rig.camera(scene_from_vehicle, self.image_size)
        truths = []
        for actor in self.traffic.actors[1:]:
            box = actor.box(time)
            near_ego = np.hypot(*(box[:2] - scene_from_vehicle[:2, 3])) < _LABEL_REACH
            near_pole = np.hypot(*(box[:2] - self.station.base)) < _LABEL_REACH
            if not (near_ego or near_pole):
                continue
            solid = snapshot.solids[actor.identity]
            vehicle = observe(snapshot.stage, camera, solid)
            pole = station_sights[actor.identity]
            seen = max(vehicle.visible_fraction, pole.visible_fraction) >= _SEEN_BY_CAMERA
            if not seen and near_ego:
                lidar = scene_from_vehicle[:, 3]
                seen = observe_from_point(snapshot.stage, lidar, solid) >= _SEEN_BY_LIDAR
            if not seen:
                continue
            corners = transform_points(vehicle_from_scene, box_corners(box[None])[0])
            in_range = ((corners >= RANGE_LOW) & (corners <= RANGE_HIGH)).all(axis=1).any()
            truths.append(Truth(actor, box, vehicle, pole, bool(in_range)))
        return truths

    def make_ground(self, rng: np.random.Generator) -> Ground:
        """Paint the junction's ground, finer for larger images."""
        texel = 0.06 if self.image_size[0] > 700 else 0.1
        return make_ground(self.junction, texel, rng)

    def map_from_vehicle(self, time: float) -> Affine:
        """Return the true pose of the vehicle frame in the world."""
        return compose(self.map_from_scene, self.scene_from_vehicle(time))


def _roof_rack(ego: Actor) -> Mesh:
    builder = MeshBuilder()
    height, half = ego.model.height, 0.33 * ego.model.width
    dark = {**METAL, 'colour': (0.02, 0.02, 0.022)}
    for y in (-half, half):
        low, high = [-0.9, y - 0.025, height - 0.02], [0.6, y + 0.025, height + 0.03]
        builder.box(low, high, **dark)
    return builder.build()


def _pole(station: Station) -> Mesh:
    builder = MeshBuilder()
    top = station.height - 0.4
    builder.tube([*station.foot, 0], [*station.foot, top], 0.13, sides=8, **METAL)
    if station.foot != station.base:
        builder.tube([*station.foot, top], [*station.base, top], 0.07, sides=8, **METAL)
    x, y = station.base
    builder.box([x - 0.2, y - 0.2, top - 0.3], [x + 0.2, y + 0.2, top], **METAL)
    return builder.build()


def draw_drive(
    split: str, duration: float, image_size: tuple[int, int], rng: np.random.Generator
) -> Drive:
    """Draw a drive of ``duration`` seconds whose shares of seen vehicles are useful."""
    best: tuple[float, Drive] | None = None
    for _ in range(_ATTEMPTS):
        junction = draw_junction(split, rng)
        traffic = TrafficModel(junction, fleet(split), duration, rng)
        rig, light = draw_rig(split, image_size, rng), draw_light(rng)
        world = draw_map_from_scene(rng)
        scenery = make_scenery(junction, traffic.green_arms, rng)
        middle = _middle(traffic, rig, scenery, light, image_size, 0.55 * duration)
        boxes = len(middle.solids)
        seen = float(middle.seen.mean()) if boxes else 0.0
        cost = 2 * max(0.0, 0.34 - seen, seen - 0.72) + 0.1 * max(0.0, 7 - boxes, boxes - 26)
        for _ in range(_STATIONS if cost < 0.1 or best is None else 0):
            station = draw_station(
                split, junction, traffic.ego.route.entry, middle.places, image_size, rng
            )
            covered, neither = _covered(middle, station, image_size)
            penalty = cost + max(0.0, 0.62 - covered) + max(0.0, neither - 0.12)
            if best is None or penalty < best[0]:
                whole = merge([scenery, _pole(station)])
                drive = Drive(junction, traffic, whole, light, rig, station, world, image_size)
                best = penalty, drive
            if penalty < 0.03:
                return best[1]
    return best[1]


@dataclass(frozen=True)
class _Moment:
    """The vehicles in the evaluated range at one time, and which the ego camera sees."""

    stage: Stage
    solids: list[Solid]
    places: NDArray[np.float64]
    seen: NDArray[np.bool_]


def _middle(
    traffic: TrafficModel,
    rig: VehicleRig,
    scenery: Mesh,
    light: Light,
    image_size: tuple[int, int],
    time: float,
) -> _Moment:
    parts = [(mesh, key) for key, mesh in _meshes_at(traffic, time).items()]
    stage = Stage([(scenery, NO_INSTANCE), *parts], None, light)
    scene_from_vehicle = rig.scene_from_vehicle(traffic.ego.pose(time), time)
    vehicle_from_scene = invert_affine(scene_from_vehicle)
    camera = rig.camera(scene_from_vehicle, image_size)
    solids, places, seen = [], [], []
    for actor in traffic.actors[1:]:
        x, y, _ = actor.pose(time)
        local = transform_points(vehicle_from_scene, [x, y, 0.8])
        if ((local >= RANGE_LOW) & (local <= RANGE_HIGH)).all():
            solid = Solid(actor.model, actor.pose(time), actor.identity)
            solids.append(solid)
            places.append((x, y))
            seen.append(observe(stage, camera, solid, grid=10).is_visible)
    return _Moment(stage, solids, np.array(places).reshape(-1, 2), np.array(seen, dtype=bool))


def _covered(
    moment: _Moment, station: Station, image_size: tuple[int, int]
) -> tuple[float, float]:
    """Return the shares of vehicles in range that the station sees and that no camera sees."""
    if not moment.solids:
        return 0.0, 1.0
    camera = station.camera(image_size)
    pole = np.array([observe(moment.stage, camera, s, grid=10).is_visible for s in moment.solids])
    return float(pole.mean()), float((~pole & ~moment.seen).mean())


def _meshes_at(traffic: TrafficModel, time: float) -> dict[int, Mesh]:
    return {
        actor.identity: actor.model.mesh.painted(actor.paint).placed(*actor.pose(time))
        for actor in traffic.actors
    }
