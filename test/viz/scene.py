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

"""A made-up junction: cameras, boxes and metrics for the tests of the pictures."""

from typing import Any

import numpy as np

from emiff_ros.geometry import affine_from_parts, invert_affine
from emiff_ros.viz.projection import CameraView
from emiff_ros.viz.records import FrameRecord

SIZE = (180, 320)
OPTICAL_FROM_FORWARD = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


def camera(x=0.0, y=0.0, z=0.0, yaw=0.0, pitch_down=0.0, focal=160.0, size=SIZE) -> CameraView:
    """Return a camera at (x, y, z), turned left by ``yaw`` and tilted down (radians)."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    cos, sin = np.cos(pitch_down), np.sin(pitch_down)
    tilt = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    vehicle_from_camera = affine_from_parts(turn @ tilt @ OPTICAL_FROM_FORWARD.T, [x, y, z])
    intrinsics = [[focal, 0.0, size[1] / 2], [0.0, focal, size[0] / 2], [0.0, 0.0, 1.0]]
    return CameraView(intrinsics, invert_affine(vehicle_from_camera))


def car(x, y, yaw=0.0, z=-1.7) -> list[float]:
    """Return the row of a car."""
    return [x, y, z, 4.4, 1.8, 1.5, yaw]


def record(frame_id='000001', fused=True, roadside=True, **changes: Any) -> FrameRecord:
    """Return a frame with three cars, of which the vehicle alone finds one and both find two."""
    picture = np.full((*SIZE, 3), 90, dtype=np.uint8)
    fields: dict[str, Any] = {
        'vehicle_image': picture,
        'infrastructure_image': picture if roadside else None,
        'vehicle_camera': camera(),
        'infrastructure_camera': camera(40.0, 20.0, 5.0, -2.2, 0.3) if roadside else None,
        'ground_truth': [car(15.0, 2.0), car(30.0, -6.0, 1.2), car(50.0, 10.0)],
        'cooperative': [car(15.2, 2.1), car(30.4, -5.8, 1.3)],
        'cooperative_scores': [0.9, 0.6],
        'vehicle_only': [car(15.5, 1.8)],
        'vehicle_only_scores': [0.7],
        'latency_ms': 71.0,
        'payload_bytes': 2048,
    }
    return FrameRecord(frame_id=frame_id, fused=fused, **{**fields, **changes})


def metrics(**changes: Any) -> dict[str, Any]:
    """Return metrics as the demo writes them."""
    return {
        'protocol': 'opendairv2x',
        'frames': 60,
        'cooperative': {'ap_3d_50': 38.12, 'ap_bev_50': 46.23, 'ap_bev_30': 61.0},
        'vehicle_only': {'ap_3d_50': 17.2, 'ap_bev_50': 24.6, 'ap_bev_30': 35.3},
        'ranges': {
            'cooperative': {
                'overall': {'ap_bev_50': 46.23},
                '0-30': {'ap_bev_50': 58.1},
                '30-50': {'ap_bev_50': 45.0},
            },
            'vehicle_only': {
                'overall': {'ap_bev_50': 24.6},
                '0-30': {'ap_bev_50': 44.0},
                '30-50': {'ap_bev_50': None},
            },
        },
        'payload_bytes': {'mean': 2093.2, 'max': 2310},
        'message_bytes': {'mean': 2420.0, 'max': 2650},
        'latency_ms': {'p50': 71.3, 'p95': 93.8},
        'rate_hz': 9.7,
        'images': {
            'infrastructure_node': {'received': 63, 'published': 63, 'replaced': 0, 'refused': 0},
            'vehicle_node': {
                'received': 60,
                'published': 58,
                'replaced': 1,
                'refused': {'late': 1},
            },
        },
        'features': {'received': 63, 'fused': 58, 'superseded': 4, 'lost': 0},
        'visible_share': {'vehicle': 0.56, 'infrastructure': 0.81},
        'seed': 1,
        'git_commit': '0123456789abcdef0123456789abcdef01234567',
        **changes,
    }
