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

"""Cameras: what they keep and what they refuse."""

import numpy as np
import pytest
import torch

from emiff_ros.model import Camera
from emiff_ros.model.camera import CameraBatch

INTRINSICS = np.array([[1000.0, 0, 480], [0, 1010, 270], [0, 0, 1]])
EXTRINSICS = np.array([[0.0, -1, 0, 0.1], [0, 0, -1, 0.2], [1, 0, 0, 0.3]])


def test_values_are_kept_in_float64():
    camera = Camera(INTRINSICS.tolist(), torch.tensor(EXTRINSICS), (540, 960))
    assert camera.intrinsics.dtype == camera.camera_from_vehicle.dtype == torch.float64
    assert camera.camera_from_vehicle.tolist() == EXTRINSICS.tolist()


def test_scaled_follows_the_picture():
    camera = Camera(INTRINSICS, EXTRINSICS, (540, 960)).scaled((270, 320))
    assert camera.image_size == (270, 320)
    assert camera.intrinsics[0].tolist() == pytest.approx([1000 / 3, 0, 160])
    assert camera.intrinsics[1].tolist() == pytest.approx([0, 505, 135])
    assert camera.intrinsics[2].tolist() == [0, 0, 1]


def test_each_camera_is_scaled_by_its_own_picture():
    """Quirk: the original scales both cameras by the vehicle's factor.

    That is the same for its pictures, which all have 1920x1080 pixels, and wrong for others.
    """
    same = [Camera(INTRINSICS, EXTRINSICS, (1080, 1920)).scaled((540, 960)) for _ in range(2)]
    assert torch.equal(same[0].intrinsics, same[1].intrinsics)
    larger = Camera(INTRINSICS * [[2], [2], [1]], EXTRINSICS, (2160, 3840)).scaled((540, 960))
    assert torch.equal(larger.intrinsics, same[0].intrinsics)


def test_affine_that_is_no_rotation_is_taken():
    affine = EXTRINSICS.copy()
    affine[:, :3] *= 0.93
    assert Camera(INTRINSICS, affine, (540, 960)).camera_from_vehicle[2, 0] == 0.93


def test_batch_is_float32_and_in_order(device):
    cameras = [Camera(INTRINSICS * [[k], [k], [1]], EXTRINSICS, (540, 960)) for k in (1, 2)]
    batch = CameraBatch.stack(cameras, device)
    assert batch.intrinsics.dtype == torch.float32
    assert batch.intrinsics[:, 0, 0].tolist() == [1000, 2000]
    assert batch.image_sizes.tolist() == [[540, 960], [540, 960]]
    assert batch.camera_from_vehicle.device.type == device.type


# Rows that agree to nine digits: small is what is small beside the rows, not beside 1.
NEARLY_SINGULAR = np.array([[1000.0, 2000, 480], [1000, 2000 + 1e-6, 480], [0, 0, 1]])


def changed(matrix, row, column, value):
    matrix = matrix.copy()
    matrix[row, column] = value
    return matrix


@pytest.mark.parametrize(
    ('intrinsics', 'extrinsics', 'size', 'message'),
    [
        (np.eye(4), EXTRINSICS, (540, 960), r'intrinsics has shape \(4, 4\); expected \[3, 3\]'),
        (INTRINSICS, np.eye(4), (540, 960), r'camera_from_vehicle has shape \(4, 4\)'),
        (changed(INTRINSICS, 0, 0, 0), EXTRINSICS, (540, 960), 'intrinsics is singular'),
        (NEARLY_SINGULAR, EXTRINSICS, (540, 960), 'intrinsics is singular'),
        (changed(INTRINSICS, 2, 0, 1), EXTRINSICS, (540, 960), 'last row of intrinsics'),
        (changed(INTRINSICS, 0, 0, np.nan), EXTRINSICS, (540, 960), 'not finite'),
        (INTRINSICS, changed(EXTRINSICS, 0, 3, np.inf), (540, 960), 'not finite'),
        (INTRINSICS, changed(EXTRINSICS, 2, 0, 0), (540, 960), 'camera_from_vehicle is singular'),
        (INTRINSICS, EXTRINSICS, (0, 960), r'image_size is \(0, 960\)'),
    ],
)
def test_refusals(intrinsics, extrinsics, size, message):
    with pytest.raises(ValueError, match=message):
        Camera(intrinsics, extrinsics, size)
