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

"""Rigid and affine geometry in float64: transforms, quaternions and box corners.

Transforms are affine ``[3, 4]`` arrays named ``target_from_source``. They need not be rotations:
the roadside extrinsics of DAIR-V2X have determinant 0.81, so inverses are true matrix inverses.
"""

from collections.abc import Sequence
from itertools import chain
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Affine = NDArray[np.float64]


def as_affine(values: ArrayLike, name: str = 'affine') -> Affine:
    """Return ``values`` as a finite, invertible ``[3, 4]`` float64 affine transform.

    Args:
        values: ``[3, 4]``, ``[4, 4]`` or twelve row-major numbers.
        name: what the transform is called in the error message.

    Raises:
        ValueError: for another shape, for non-finite numbers or for a singular matrix.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape == (12,):
        array = array.reshape(3, 4)
    elif array.shape == (4, 4):
        array = array[:3]
    if array.shape != (3, 4):
        raise ValueError(
            f'{name} has shape {array.shape}; expected [3, 4] (rotation | translation)'
        )
    rows = array.tolist()
    if not all(map(math.isfinite, chain.from_iterable(rows))):
        raise ValueError(f'{name} holds a number that is not finite: {rows}')
    determinant = determinant_of([row[:3] for row in rows])
    if abs(determinant) < 1e-9:
        raise ValueError(f'{name} cannot be inverted (determinant {determinant:.3g})')
    return array


def determinant_of(matrix: Sequence[Sequence[float]]) -> float:
    """Return the determinant of a 3x3 matrix of plain numbers.

    For so few of them each operation on arrays takes longer than all of this.
    """
    (a, b, c), (d, e, f), (g, h, i) = matrix
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def affine_from_parts(linear: ArrayLike, translation: ArrayLike, name: str = 'affine') -> Affine:
    """Join a 3x3 linear part and a translation (3 numbers, metres) into ``[3, 4]``."""
    linear = np.asarray(linear, dtype=np.float64)
    translation = np.asarray(translation, dtype=np.float64)
    if linear.shape != (3, 3) or translation.size != 3:
        raise ValueError(
            f'{name}: linear part {linear.shape} and translation {translation.shape}; '
            'expected [3, 3] and 3 numbers'
        )
    affine = np.empty((3, 4))
    affine[:, :3], affine[:, 3] = linear, translation.ravel()
    return as_affine(affine, name)


def homogeneous(affine: ArrayLike) -> Affine:
    """Append the row ``0 0 0 1`` to a ``[3, 4]`` transform."""
    return np.vstack([as_affine(affine), [0.0, 0.0, 0.0, 1.0]])


def invert_affine(affine: ArrayLike) -> Affine:
    """Return ``source_from_target`` for ``target_from_source`` (true inverse, no transpose)."""
    affine = as_affine(affine)
    inverse = np.linalg.inv(affine[:, :3])
    return np.hstack([inverse, -inverse @ affine[:, 3:]])


def compose(*transforms: ArrayLike) -> Affine:
    """Chain transforms: ``compose(a_from_b, b_from_c)`` is ``a_from_c``."""
    if not transforms:
        raise ValueError('compose needs at least one transform')
    result = as_affine(transforms[0])
    for transform in transforms[1:]:
        translation = result[:, 3]
        result = result[:, :3] @ as_affine(transform)
        result[:, 3] += translation
    return result


def transform_points(affine: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Move points ``[..., 3]`` from the source frame to the target frame (metres)."""
    affine = as_affine(affine)
    points = np.asarray(points, dtype=np.float64)
    if points.shape[-1:] != (3,):
        raise ValueError(f'points have shape {points.shape}; expected [..., 3]')
    return points @ affine[:, :3].T + affine[:, 3]


def is_rigid(affine: ArrayLike, tolerance: float = 1e-3) -> bool:
    """Tell whether the linear part is a rotation: no entry of R R^T - I above ``tolerance``."""
    linear = as_affine(affine)[:, :3]
    orthonormal = np.abs(linear @ linear.T - np.eye(3)).max() <= tolerance
    return bool(orthonormal and np.linalg.det(linear) > 0)


def rotation_from_quaternion(quaternion: ArrayLike) -> NDArray[np.float64]:
    """Return the 3x3 rotation of a quaternion (x, y, z, w); it is normalised first.

    Raises:
        ValueError: if the quaternion is not finite or shorter than 1e-6.
    """
    quaternion = np.asarray(quaternion, dtype=np.float64)
    numbers = quaternion.ravel().tolist()  # plain ones, as in determinant_of
    norm = math.hypot(*numbers)
    if quaternion.shape != (4,) or not math.isfinite(norm) or norm < 1e-6:
        raise ValueError(
            f'{quaternion.tolist()} is no quaternion; expected 4 numbers (x, y, z, w)'
        )
    x, y, z, w = (number / norm for number in numbers)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_from_rotation(rotation: ArrayLike) -> NDArray[np.float64]:
    """Return the quaternion (x, y, z, w), w >= 0, nearest to a 3x3 rotation matrix.

    The quaternion is the dominant eigenvector of Bar-Itzhack's matrix, so small numerical errors
    of the rotation are averaged and not amplified.
    """
    r = np.asarray(rotation, dtype=np.float64)
    if r.shape != (3, 3):
        raise ValueError(f'rotation has shape {r.shape}; expected [3, 3]')
    matrix = (
        np.array(
            [
                [r[0, 0] - r[1, 1] - r[2, 2], 0, 0, 0],
                [r[1, 0] + r[0, 1], r[1, 1] - r[0, 0] - r[2, 2], 0, 0],
                [r[2, 0] + r[0, 2], r[2, 1] + r[1, 2], r[2, 2] - r[0, 0] - r[1, 1], 0],
                [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], np.trace(r)],
            ]
        )
        / 3.0
    )
    _, vectors = np.linalg.eigh(matrix, UPLO='L')
    quaternion = vectors[:, -1]
    return quaternion if quaternion[3] >= 0 else -quaternion


def wrap_to_pi(angle: ArrayLike) -> NDArray[np.float64]:
    """Wrap angles in radians to [-pi, pi)."""
    return (np.asarray(angle, dtype=np.float64) + np.pi) % (2 * np.pi) - np.pi


_CORNER_SIGNS = np.array(
    [
        [-0.5, -0.5, 0.0],
        [-0.5, -0.5, 1.0],
        [-0.5, 0.5, 1.0],
        [-0.5, 0.5, 0.0],
        [0.5, -0.5, 0.0],
        [0.5, -0.5, 1.0],
        [0.5, 0.5, 1.0],
        [0.5, 0.5, 0.0],
    ]
)


def box_corners(boxes: ArrayLike) -> NDArray[np.float64]:
    """Return the corners ``[N, 8, 3]`` of boxes ``[N, 7]`` in the same frame.

    A box is (x, y, z of the bottom face, length, width, height, yaw), yaw counter-clockwise from
    +x. Corners follow mmdetection3d's LiDAR order: x- y- bottom, x- y- top, x- y+ top, x- y+
    bottom, then the same four at x+.
    """
    boxes = np.asarray(boxes, dtype=np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 7:
        raise ValueError(f'boxes have shape {boxes.shape}; expected [N, 7]')
    local = _CORNER_SIGNS[None] * boxes[:, None, 3:6]
    cos, sin = np.cos(boxes[:, 6:7]), np.sin(boxes[:, 6:7])
    x = local[..., 0] * cos - local[..., 1] * sin
    y = local[..., 0] * sin + local[..., 1] * cos
    return np.stack([x, y, local[..., 2]], axis=-1) + boxes[:, None, :3]
