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

"""What a feature message says beside its payload: who, when, through which camera.

Plain numbers only, so that it can be checked and tested without ROS.
"""

from dataclasses import dataclass
from functools import cached_property
import math

import numpy as np
from numpy.typing import NDArray

from emiff_ros.stamps import SECOND
from emiff_ros.transport.errors import (
    CalibrationError,
    IdentityError,
    ImageSizeError,
    ModelMismatchError,
    ShapeError,
    ZeroStampError,
)

FINGERPRINT_BYTES = 32
MAX_NAME_BYTES = 64
MAX_IMAGE_SIDE = 16384
_MAX_UINT64 = 2**64 - 1
_MAX_STAMP = 2**31 * SECOND - 1


@dataclass(frozen=True, eq=False)
class FeatureHeader:
    """Identity, time and camera of one transmitted feature tensor.

    Attributes:
        stamp: capture time of the image, integer nanoseconds.
        frame_id: optical frame of the camera.
        station_id: name of the sender, at most 64 bytes.
        session_id: drawn by the sender when it starts.
        sequence: counts the messages of a session without gaps.
        fingerprint: SHA-256 of the model, 32 bytes.
        image_size: (height, width) of the network's input before padding, pixels.
        padded_size: (height, width) after padding at the bottom and right, pixels.
        intrinsics: float64 ``[3, 3]`` at ``image_size``.
        map_frame: frame that ``camera_from_map`` starts from.
        camera_from_map: float64 affine ``[3, 4]``, metres.
    """

    stamp: int
    frame_id: str
    station_id: str
    session_id: int
    sequence: int
    fingerprint: bytes
    image_size: tuple[int, int]
    padded_size: tuple[int, int]
    intrinsics: NDArray[np.float64]
    map_frame: str
    camera_from_map: NDArray[np.float64]

    @cached_property
    def camera_position(self) -> tuple[float, float, float]:
        """Position of the camera in the map frame, metres."""
        linear, translation = self.camera_from_map[:, :3], self.camera_from_map[:, 3]
        x, y, z = -np.linalg.solve(linear, translation)
        return float(x), float(y), float(z)


@dataclass(frozen=True)
class CalibrationLimits:
    """What a real camera's calibration looks like.

    Attributes:
        focal_per_width: smallest and largest focal length, in image widths (0.25 is 127 degrees).
        principal_point_margin: how far outside the image the principal point may be, in image
            sizes.
        determinant: smallest and largest determinant of the extrinsics' linear part; 1 for a rigid
            transform, 0.81 for the roadside cameras of DAIR-V2X.
        max_coordinate: largest absolute camera coordinate in the map frame, metres.
    """

    focal_per_width: tuple[float, float] = (0.1, 20.0)
    principal_point_margin: float = 0.5
    determinant: tuple[float, float] = (0.5, 1.5)
    max_coordinate: float = 1e7


@dataclass(frozen=True)
class FeatureExpectation:
    """What a receiver's model can read.

    Attributes:
        fingerprint: SHA-256 of the receiver's model, 32 bytes.
        image_size: (height, width) of the network's input before padding, pixels.
        channels: channels of the transmitted tensor.
        stride: padded image pixels per tensor cell (4 times 2 for each compression stage).
        image_divisor: padded sizes are the next multiples of this number.
        limits: what passes as a calibration.
    """

    fingerprint: bytes
    image_size: tuple[int, int]
    channels: int
    stride: int
    image_divisor: int = 32
    limits: CalibrationLimits = CalibrationLimits()


def check_identity(header: FeatureHeader) -> None:
    """Check stamp, names and numbers of a header, on either side of the link.

    Raises:
        ZeroStampError: for a stamp of zero or below, or beyond what ROS 2 can express.
        IdentityError: for a missing or overlong name, a number out of range or a fingerprint that
            is not 32 bytes long.
    """
    if not 0 < header.stamp <= _MAX_STAMP:
        raise ZeroStampError(
            f'stamp {header.stamp} ns; expected the capture time of the image (does the camera '
            'driver or the bag leave header stamps empty?)'
        )
    if not header.frame_id:
        raise IdentityError('frame_id is empty; set it at the sender')
    check_name('station_id', header.station_id)
    check_name('map_frame', header.map_frame)
    for name in ('session_id', 'sequence'):
        value = getattr(header, name)
        if not 0 <= value <= _MAX_UINT64:
            raise IdentityError(f'{name} {value} is out of range; expected 0 to 2^64-1')
    if len(header.fingerprint) != FINGERPRINT_BYTES:
        raise IdentityError(
            f'model fingerprint has {len(header.fingerprint)} bytes; expected {FINGERPRINT_BYTES}'
        )


def check_name(field: str, name: str) -> None:
    """Check the name of a station or of its map.

    Args:
        field: what is named, for the message.
        name: 1 to 64 bytes in UTF-8.

    Raises:
        IdentityError: for a missing or overlong name.
    """
    if not name:
        raise IdentityError(f'{field} is empty; set it at the sender')
    if len(name.encode('utf-8', 'surrogateescape')) > MAX_NAME_BYTES:
        raise IdentityError(f'{field} {name[:20]!r}... is longer than {MAX_NAME_BYTES} bytes')


def check_camera(header: FeatureHeader, limits: CalibrationLimits | None = None) -> None:
    """Check image sizes, intrinsics and extrinsics of a header.

    Raises:
        ImageSizeError: for an empty or huge image, or a padded size below the image size.
        CalibrationError: for numbers that are not finite or not those of a real camera.
    """
    limits = limits or CalibrationLimits()
    height, width = header.image_size
    padded_height, padded_width = header.padded_size
    if not (0 < height <= padded_height and 0 < width <= padded_width):
        raise ImageSizeError(
            f'image of {width}x{height} in a padded image of {padded_width}x{padded_height}; '
            'expected 0 < image <= padded image'
        )
    if max(padded_height, padded_width) > MAX_IMAGE_SIDE:
        raise ImageSizeError(
            f'padded image of {padded_width}x{padded_height}; no side may exceed {MAX_IMAGE_SIDE}'
        )
    _check_intrinsics(header.intrinsics, height, width, limits)
    _check_extrinsics(header, limits)


def check_expected(
    header: FeatureHeader, shape: tuple[int, int, int], expectation: FeatureExpectation
) -> None:
    """Check that the receiver's model can read a tensor of ``shape`` with this header.

    Raises:
        ModelMismatchError: for another model's fingerprint.
        ImageSizeError: for an image of another size than the network's input, or if the padded
            size is not the image size rounded up to the divisor.
        ShapeError: if the tensor's shape does not follow from the padded size.
    """
    if header.fingerprint != expectation.fingerprint:
        raise ModelMismatchError(
            f'feature of model {header.fingerprint.hex()[:12]}, this vehicle runs '
            f'{expectation.fingerprint.hex()[:12]}; load the same weights on both sides'
        )
    if header.image_size != expectation.image_size:
        height, width = header.image_size
        expected_height, expected_width = expectation.image_size
        raise ImageSizeError(
            f'feature of an image of {width}x{height}, the network of this vehicle takes '
            f'{expected_width}x{expected_height}; the station must scale its image to that size'
        )
    divisor = expectation.image_divisor
    rounded = tuple(-(-side // divisor) * divisor for side in header.image_size)
    if header.padded_size != rounded:
        raise ImageSizeError(
            f'padded size {list(header.padded_size)} (height, width) of image size '
            f'{list(header.image_size)}; expected {list(rounded)}, the next multiples of {divisor}'
        )
    rows, columns = (-(-side // expectation.stride) for side in header.padded_size)
    expected = (expectation.channels, rows, columns)
    if tuple(shape) != expected:
        raise ShapeError(
            f'tensor of shape {list(shape)} for a padded image of {list(header.padded_size)}; '
            f'expected {list(expected)} at stride {expectation.stride}'
        )


def _check_intrinsics(
    matrix: NDArray[np.float64], height: int, width: int, limits: CalibrationLimits
) -> None:
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise CalibrationError(f'intrinsics {matrix.tolist()} are not nine finite numbers')
    (fx, skew, cx), (zero, fy, cy), last_row = matrix.tolist()
    low, high = (factor * width for factor in limits.focal_per_width)
    for name, focal in (('fx', fx), ('fy', fy)):
        if not low <= focal <= high:
            raise CalibrationError(
                f'focal length {name} = {focal:.6g} px of a {width} px wide image; expected '
                f'{low:.6g} to {high:.6g}'
            )
    for name, point, size in (('cx', cx, width), ('cy', cy, height)):
        margin = limits.principal_point_margin * size
        if not -margin <= point <= size + margin:
            raise CalibrationError(
                f'principal point {name} = {point:.6g} px lies outside an image of {size} px'
            )
    if zero != 0 or last_row != [0, 0, 1] or abs(skew) > fx:
        raise CalibrationError(
            f'intrinsics {matrix.tolist()} are not of the form [fx s cx; 0 fy cy; 0 0 1]'
        )


def _check_extrinsics(header: FeatureHeader, limits: CalibrationLimits) -> None:
    affine = header.camera_from_map
    if affine.shape != (3, 4) or not np.isfinite(affine).all():
        raise CalibrationError('camera_from_map is not twelve finite numbers')
    row_lengths = [math.hypot(*row) for row in affine[:, :3].tolist()]
    if max(row_lengths) > 2 or min(row_lengths) < 0.5:
        lengths = ', '.join(f'{length:.3f}' for length in row_lengths)
        raise CalibrationError(
            f'rows of camera_from_map have lengths {lengths}; expected about 1 (metres in, '
            'metres out)'
        )
    determinant = float(np.linalg.det(affine[:, :3]))
    low, high = limits.determinant
    if not low <= determinant <= high:
        raise CalibrationError(
            f'camera_from_map has determinant {determinant:.4g}; expected {low:g} to {high:g} '
            '(1 for a rotation)'
        )
    position = header.camera_position
    if max(map(abs, position)) > limits.max_coordinate:
        raise CalibrationError(
            f'camera at {list(position)} m of the map; no coordinate may exceed '
            f'{limits.max_coordinate:g} m'
        )
