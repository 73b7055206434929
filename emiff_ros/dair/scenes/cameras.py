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

"""The two cameras: the vehicle's rig, the roadside station, and where they sit in the scene.

Values are like DAIR-V2X-C's: a wide camera (fx about 797 at 1920 pixels) low on the vehicle's
roof, and a camera with fx about 2186 and fy about 2332 six to eight metres above the road. The
fifth of each range in the middle belongs to the splits val and test alone, so that they show
intrinsics never trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.scenes.layout import Junction
from emiff_ros.dair.scenes.renderer import PinholeCamera
from emiff_ros.geometry import Affine, affine_from_parts, compose, invert_affine, wrap_to_pi

FULL_SIZE = (1080, 1920)
# Optical axes (x right, y down, z forward) from vehicle axes (x forward, y left, z up).
OPTICAL = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


def rotation_zyx(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Return the rotation yaw about z, pitch about y (nose down positive), roll about x."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    return z @ y @ x


def draw_held_out(rng: np.random.Generator, split: str, low: float, high: float) -> float:
    """Draw from a range whose middle fifth is kept from the split ``train``."""
    first, last = low + 0.4 * (high - low), low + 0.6 * (high - low)
    if split != 'train':
        return float(rng.uniform(first, last))
    value = rng.uniform(low, high - (last - first))
    return float(value if value < first else value + (last - first))


def _intrinsics(fx: float, fy: float, cx: float, cy: float, size: tuple[int, int]) -> NDArray:
    scale_y, scale_x = size[0] / FULL_SIZE[0], size[1] / FULL_SIZE[1]
    return np.array(
        [[fx * scale_x, 0, cx * scale_x], [0, fy * scale_y, cy * scale_y], [0, 0, 1.0]]
    )


@dataclass(frozen=True)
class VehicleRig:
    """The ego vehicle's calibration; the ``vehicle`` frame is its LiDAR, x forward."""

    intrinsics: NDArray[np.float64]
    camera_from_vehicle: Affine
    novatel_from_vehicle: Affine
    lidar_height: float
    lidar_forward: float
    phases: NDArray[np.float64]

    def scene_from_vehicle(self, pose: tuple[float, float, float], time: float) -> Affine:
        """Return the LiDAR's pose for a vehicle pose (x, y, heading); the body swings a bit."""
        x, y, yaw = pose
        swing = np.sin(2 * np.pi * np.array([0.9, 0.6]) * time + self.phases)
        pitch, roll = np.radians([0.25, 0.2]) * swing
        rotation = rotation_zyx(yaw, pitch, roll)
        position = [
            x + np.cos(yaw) * self.lidar_forward,
            y + np.sin(yaw) * self.lidar_forward,
            self.lidar_height,
        ]
        return affine_from_parts(rotation, position)

    def camera(self, scene_from_vehicle: Affine, size: tuple[int, int]) -> PinholeCamera:
        """Return the camera in the scene."""
        extrinsics = compose(self.camera_from_vehicle, invert_affine(scene_from_vehicle))
        return PinholeCamera(self.intrinsics, extrinsics, size)


@dataclass(frozen=True)
class Station:
    """The roadside camera's calibration and its place.

    ``base`` is the point of the road below the camera, ``foot`` that of the pole that carries it.
    """

    intrinsics: NDArray[np.float64]
    camera_from_virtual_lidar: Affine
    scene_from_virtual_lidar: Affine
    base: tuple[float, float]
    foot: tuple[float, float]
    height: float

    def camera(self, size: tuple[int, int]) -> PinholeCamera:
        """Return the camera in the scene."""
        extrinsics = compose(
            self.camera_from_virtual_lidar, invert_affine(self.scene_from_virtual_lidar)
        )
        return PinholeCamera(self.intrinsics, extrinsics, size)


def draw_rig(split: str, size: tuple[int, int], rng: np.random.Generator) -> VehicleRig:
    """Draw the calibration of a vehicle for images of ``size`` (height, width)."""
    fx = draw_held_out(rng, split, 730, 870)
    intrinsics = _intrinsics(
        fx, fx * rng.uniform(0.997, 1.006), rng.normal(975, 15), rng.normal(565, 12), size
    )
    tilt = rotation_zyx(*np.radians(rng.normal(0, [1.2, 0.8, 0.6])))
    position = np.array(
        [rng.uniform(0.1, 0.35), rng.uniform(-0.05, 0.05), rng.uniform(-0.27, -0.2)]
    )
    linear = OPTICAL @ tilt
    lidar = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    lidar = lidar @ rotation_zyx(*np.radians(rng.normal(0, 0.5, 3)))
    return VehicleRig(
        intrinsics,
        affine_from_parts(linear, -linear @ position),
        affine_from_parts(lidar, [rng.normal(0, 0.02), rng.uniform(0.1, 0.3), 0.263]),
        lidar_height=draw_held_out(rng, split, 1.76, 1.84),
        lidar_forward=rng.uniform(-0.2, 0.1),
        phases=rng.uniform(0, 2 * np.pi, 2),
    )


def draw_station(
    split: str,
    junction: Junction,
    approach: int,
    places: NDArray[np.float64],
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Station:
    """Draw a station at a junction that the ego vehicle approaches on arm ``approach``.

    Poles of train and val stand at street corners or beside an arm; those of test hang over an arm
    on a mast, so both place and direction differ. As an installer would, the draw looks at several
    mounts and turns the camera to where the traffic is.

    Args:
        split: ``train``, ``val`` or ``test``.
        junction: the junction.
        approach: index of the arm on which the ego vehicle comes.
        places: ``[n, 2]`` positions of vehicles that the camera should cover, metres.
        size: (height, width) of the images.
        rng: source of the draw.
    """
    best = (-1.0, np.zeros(2), np.zeros(2), 0.0)
    for _ in range(8):
        base, foot = _mount(split, junction, approach, rng)
        offset = places - base
        distance = np.hypot(offset[:, 0], offset[:, 1])
        bearing = np.arctan2(offset[:, 1], offset[:, 0])
        for yaw in rng.uniform(0, 2 * np.pi) + np.arange(24) * (np.pi / 12):
            aside = np.abs(wrap_to_pi(bearing - yaw))
            covered = (aside < np.radians(21)) & (distance > 15) & (distance < 105)
            score = covered.sum() - 0.004 * distance[covered].sum() + rng.uniform(0, 1)
            if score > best[0]:
                best = score, base, foot, yaw
    height = draw_held_out(rng, split, 6.0, 8.4)
    return make_station(split, best[1], best[2], height, best[3], size, rng)


def _mount(
    split: str, junction: Junction, approach: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the camera's place above the road and the foot of its pole."""
    count = len(junction.arms)
    if split == 'test':
        arm = junction.arms[approach if rng.random() < 0.4 else int(rng.integers(count))]
        distance, lateral = arm.mouth + rng.uniform(2.0, 14.0), rng.uniform(0.1, 0.6) * arm.edge_in
        return arm.point(distance, lateral), arm.point(distance, arm.edge_in + 0.8)
    index = int(rng.choice([approach, (approach - 1) % count, rng.integers(count)]))
    if rng.random() < 0.55:
        curve = junction.corner(index, margin=1.2)
        base = curve[rng.integers(len(curve))]
    else:
        arm = junction.arms[index]
        side = arm.edge_in + 1.2 if rng.random() < 0.5 else arm.edge_out - 1.2
        base = arm.point(arm.mouth + rng.uniform(0, 30), side)
    return base, base


def make_station(
    split: str,
    base: NDArray[np.float64],
    foot: NDArray[np.float64],
    height: float,
    yaw: float,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Station:
    """Return a station above ``base`` (x, y) that looks along ``yaw``, slightly down."""
    fx = draw_held_out(rng, split, 2030, 2330)
    intrinsics = _intrinsics(
        fx, fx * rng.uniform(1.055, 1.075), rng.normal(960, 15), rng.normal(545, 12), size
    )
    down = np.radians(draw_held_out(rng, split, 9.0, 15.0))
    scene_from_body = affine_from_parts(
        rotation_zyx(yaw, down, np.radians(rng.normal(0, 0.6))), [*base, height]
    )
    turn = yaw + np.radians(rng.normal(0, 3))
    offset = rotation_zyx(turn, 0, 0) @ [rng.normal(0, 0.5), rng.uniform(2, 7), 0]
    scene_from_virtual_lidar = affine_from_parts(
        rotation_zyx(turn, *np.radians(rng.normal(0, 0.3, 2))),
        [base[0] + offset[0], base[1] + offset[1], rng.uniform(1.6, 2.0)],
    )
    camera_from_scene = compose(
        affine_from_parts(_stretch(rng) @ OPTICAL, np.zeros(3)), invert_affine(scene_from_body)
    )
    return Station(
        intrinsics,
        compose(camera_from_scene, scene_from_virtual_lidar),
        scene_from_virtual_lidar,
        (float(base[0]), float(base[1])),
        (float(foot[0]), float(foot[1])),
        height,
    )


def _stretch(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the deviation from a rotation: half of the stations have one, as in real data."""
    if rng.random() < 0.5:
        return np.eye(3)
    stretch = np.diag([rng.uniform(0.99, 1.01), rng.uniform(0.81, 0.97), 1.0])
    stretch[0, 1], stretch[1, 2] = rng.uniform(-0.02, 0.02), rng.uniform(-0.01, 0.01)
    return stretch


def draw_map_from_scene(rng: np.random.Generator) -> Affine:
    """Draw where the scene lies in the world frame; roads slope by up to about one percent."""
    rotation = rotation_zyx(rng.uniform(0, 2 * np.pi), *np.radians(rng.normal(0, 0.3, 2)))
    return affine_from_parts(
        rotation, [rng.uniform(2000, 4000), rng.uniform(1200, 3000), rng.uniform(15, 30)]
    )
