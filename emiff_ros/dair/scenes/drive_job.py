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

"""Renders and writes some pairs of one drive: the work of one process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from emiff_ros.dair.scenes.dataset_plan import DatasetPlan
from emiff_ros.dair.scenes.drive import Drive, Shares, count_shares, draw_drive
from emiff_ros.dair.scenes.ground import Ground
from emiff_ros.dair.scenes.label_entries import cooperative_entry, label_entry
from emiff_ros.dair.scenes.visibility import instance_rectangles
from emiff_ros.dair.scenes.writer import DriveBatch, FolderWriter, PairTimes, index_entries
from emiff_ros.geometry import invert_affine

# The first image is taken this many seconds after the drive's start.
_LEAD_IN = 0.4
_LIDAR = 1
"""Key of the random numbers of a frame's LiDAR time."""
_EPOCH = 1_626_200_000_000_000


@dataclass(frozen=True)
class Job:
    """Pairs ``first`` to ``first + count - 1`` of one drive of a plan, written below ``root``."""

    plan: DatasetPlan
    root: Path
    drive: int
    first: int
    count: int


@lru_cache(maxsize=1)
def _prepare(plan: DatasetPlan, index: int) -> tuple[Drive, Ground, DriveBatch, list[PairTimes]]:
    rng = plan.rng(index)
    count = plan.drive_frames(index)
    duration = _LEAD_IN + count * plan.pair_interval + 0.3
    drive = draw_drive(plan.split, duration, plan.image_size, rng)
    ground = drive.make_ground(rng)
    times = _pair_times(plan, index, count, rng)
    offset = (0.0, 0.0)
    if rng.random() < 0.4:
        offset = tuple(round(float(value), 2) for value in rng.uniform(-1.1, 1.1, 2))
    batch = DriveBatch(
        str(index),
        (times[0].vehicle_id, times[-1].vehicle_id),
        (times[0].infrastructure_id, times[-1].infrastructure_id),
        _EPOCH + plan.seed % 1000 * 10_000_000_000 + index * 60_000_000,
        offset,
    )
    return drive, ground, batch, times


def _pair_times(
    plan: DatasetPlan, index: int, count: int, rng: np.random.Generator
) -> list[PairTimes]:
    """Draw capture times: vehicle images jitter, roadside ones fall on a 25 Hz clock before.

    The vehicle's point cloud is as much older than its image as in the real frames.
    """
    phase = rng.uniform(0, 0.04)
    first = index * plan.frames_per_drive
    pole_first = plan.frames + 100
    previous = -1.0
    times = []
    for k in range(count):
        vehicle = round(_LEAD_IN + k * plan.pair_interval + rng.uniform(-0.018, 0.018), 3)
        lag = rng.uniform(0.045, 0.11)
        pole = phase + np.floor((vehicle - lag - phase) / 0.04) * 0.04
        while pole <= previous + 1e-6:
            pole += 0.04
        previous = pole
        lidar = vehicle - plan.rng(index, k, _LIDAR).uniform(0.079, 0.123)
        times.append(
            PairTimes(
                f'{first + k:06d}',
                f'{pole_first + first + k:06d}',
                vehicle,
                round(float(pole), 6),
                round(float(lidar), 6),
            )
        )
    return times


def run_job(job: Job) -> tuple[list[dict[str, dict[str, Any]]], Shares]:
    """Render and write the pairs of a job; return their index entries and the counts of shares."""
    drive, ground, batch, times = _prepare(job.plan, job.drive)
    writer = FolderWriter(job.root)
    entries, shares = [], Shares()
    for k in range(job.first, job.first + job.count):
        rng = job.plan.rng(job.drive, k)
        shares += _write_pair(writer, drive, ground, batch, times[k], rng)
        entries.append(index_entries(times[k], batch, rng))
    return entries, shares


def _write_pair(
    writer: FolderWriter,
    drive: Drive,
    ground: Ground,
    batch: DriveBatch,
    times: PairTimes,
    rng: np.random.Generator,
) -> Shares:
    moment = drive.snapshot(times.vehicle, ground)
    pole_moment = drive.snapshot(times.infrastructure, ground)
    vehicle_from_scene = invert_affine(drive.scene_from_vehicle(times.lidar))
    camera = drive.rig.camera(drive.scene_from_vehicle(times.vehicle), drive.image_size)
    image, instances = moment.stage.render(camera, rng)
    pole_camera = drive.station.camera(drive.image_size)
    pole_image, pole_instances = pole_moment.stage.render(pole_camera, rng)
    writer.write_images(times, image, pole_image)
    writer.write_calibration(drive, batch, times)

    sights = drive.station_sights(pole_moment)
    truths = drive.truths_at(moment, sights, times.lidar)
    rectangles = instance_rectangles(instances), instance_rectangles(pole_instances)
    cooperative = [
        cooperative_entry(truth, drive.map_from_scene, vehicle_from_scene, rectangles)
        for truth in truths
    ]
    vehicle_labels = [
        label_entry(
            t.actor, t.box, vehicle_from_scene, t.vehicle, rectangles[0].get(t.actor.identity)
        )
        for t in truths
        if t.vehicle.visible_fraction > 0
    ]
    lidar_from_scene = invert_affine(drive.station.scene_from_virtual_lidar)
    station_labels = [
        label_entry(
            actor,
            actor.box(times.infrastructure),
            lidar_from_scene,
            sights[actor.identity],
            rectangles[1].get(actor.identity),
        )
        for actor in drive.traffic.actors
        if sights[actor.identity].visible_fraction > 0
    ]
    writer.write_labels(times, cooperative, vehicle_labels, station_labels)
    return count_shares(truths)
