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

"""From an image message to the network's input: decode, check, resize, scale the intrinsics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
from cv_bridge import CvBridge, CvBridgeError
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from emiff_ros.jpeg import decode, is_complete_jpeg, is_jpeg, reduced_size, reduction
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.resize import resize

_BRIDGE = CvBridge()

_CONVERSIONS = {
    'bayer_grbg8': (1, cv2.COLOR_BayerGB2BGR),
    'yuv422': (2, cv2.COLOR_YUV2BGR_UYVY),
    'uyvy': (2, cv2.COLOR_YUV2BGR_UYVY),
    'yuv422_yuy2': (2, cv2.COLOR_YUV2BGR_YUYV),
    'yuyv': (2, cv2.COLOR_YUV2BGR_YUYV),
}
"""Encodings that not every cv_bridge knows: bytes of a pixel and OpenCV's conversion."""

_DISTORTION_MODELS = {
    'plumb_bob': (4, 5),
    'rational_polynomial': (8, 12, 14),
    'equidistant': (4,),
}
"""Distortion models of sensor_msgs/CameraInfo and how many coefficients they have."""


@dataclass(frozen=True)
class NetworkImage:
    """An image at the network's input size.

    Attributes:
        pixels: ``[height, width, 3]`` uint8, RGB.
        intrinsics: ``[3, 3]`` float64 at that size, pixels.
    """

    pixels: NDArray[np.uint8]
    intrinsics: NDArray[np.float64]


def decode_image(message: Image | CompressedImage, factor: int = 1) -> NDArray[np.uint8]:
    """Return the pixels ``[height, width, 3]`` of a message as BGR.

    Args:
        message: image of any size.
        factor: by which both sides of a JPEG become smaller, see
            :func:`emiff_ros.jpeg.reduction`.

    Raises:
        Refusal: ``truncated_image`` or ``undecodable_image``.
    """
    if isinstance(message, CompressedImage):
        data = memoryview(message.data)
        if is_jpeg(data) and not is_complete_jpeg(data):
            raise Refusal(
                'truncated_image',
                f'JPEG of {len(data)} bytes has no end marker: the image was cut off on its '
                'way or on disk',
            )
        pixels = decode(data, factor)
        if pixels is None:
            raise Refusal(
                'undecodable_image',
                f'{len(data)} bytes of format {message.format!r} are no image that OpenCV '
                'reads; send JPEG or PNG',
            )
        return pixels
    try:
        if message.encoding in _CONVERSIONS:
            return _convert(message)
        return _BRIDGE.imgmsg_to_cv2(_without_padding(message), 'bgr8')
    except (CvBridgeError, KeyError, ValueError, TypeError, cv2.error) as error:
        raise Refusal(
            'undecodable_image',
            f'image with encoding {message.encoding!r}, {message.width}x{message.height}, step '
            f'{message.step} '
            f'and {len(message.data)} bytes cannot be converted: {error}',
        ) from error


def _holds_jpeg(message: Image | CompressedImage) -> bool:
    return isinstance(message, CompressedImage) and is_jpeg(memoryview(message.data))


def _convert(message: Image) -> NDArray[np.uint8]:
    """Convert an encoding of ``_CONVERSIONS`` to BGR.

    Raises:
        ValueError: if the message has too few bytes.
    """
    depth, conversion = _CONVERSIONS[message.encoding]
    pixels = _rows(message, message.width * depth)
    return cv2.cvtColor(pixels.reshape(message.height, message.width, depth), conversion)


def _without_padding(message: Image) -> Image:
    """Return an image whose rows follow each other; not every cv_bridge heeds ``step``.

    Raises:
        ValueError: if the message has too few bytes.
        CvBridgeError: for an unknown encoding.
    """
    kind, channels = _BRIDGE.encoding_to_dtype_with_channels(message.encoding)
    length = message.width * channels * np.dtype(kind).itemsize
    if message.step == length:
        return message
    return Image(
        height=message.height,
        width=message.width,
        encoding=message.encoding,
        is_bigendian=message.is_bigendian,
        step=length,
        data=_rows(message, length).tobytes(),
    )


def _rows(message: Image, length: int) -> NDArray[np.uint8]:
    """Return the first ``length`` bytes of each row, ``[height, length]``.

    Raises:
        ValueError: if the rows are shorter, or the message has not as many bytes as they take.
    """
    if message.step < length:
        raise ValueError(f'rows of {message.step} bytes; expected at least {length}')
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    return rows[:, :length]


def check_camera_info(info: CameraInfo) -> NDArray[np.float64]:
    """Return the intrinsics ``[3, 3]`` of a valid CameraInfo.

    Raises:
        Refusal: ``bad_camera_info``.
    """
    intrinsics = np.asarray(info.k, dtype=np.float64).reshape(3, 3)
    focal_lengths = intrinsics[[0, 1], [0, 1]]
    projects = np.isfinite(intrinsics).all() and np.array_equal(intrinsics[2], (0.0, 0.0, 1.0))
    if not projects or (focal_lengths <= 0).any():
        raise Refusal(
            'bad_camera_info',
            f'CameraInfo has k = {intrinsics.ravel().tolist()}; expected finite numbers, '
            'positive focal lengths and a last row of 0, 0, 1: is the camera calibrated?',
        )
    if not info.width or not info.height:
        raise Refusal(
            'bad_camera_info',
            f'CameraInfo has size {info.width}x{info.height}; expected the image size',
        )
    return intrinsics


@lru_cache(maxsize=4)
def _undistortion_maps(
    model: str, k: tuple[float, ...], d: tuple[float, ...], size: tuple[int, int]
) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
    """Return OpenCV's maps from a distorted image to one with the same intrinsics."""
    intrinsics = np.reshape(k, (3, 3))
    if model == 'equidistant':
        return cv2.fisheye.initUndistortRectifyMap(
            intrinsics, np.array(d), np.eye(3), intrinsics, size, cv2.CV_16SC2
        )
    return cv2.initUndistortRectifyMap(
        intrinsics, np.array(d), None, intrinsics, size, cv2.CV_16SC2
    )


def undistort(pixels: NDArray[np.uint8], info: CameraInfo) -> NDArray[np.uint8]:
    """Remove the lens distortion that a CameraInfo describes; the intrinsics stay as they are.

    Raises:
        Refusal: ``bad_camera_info``, for a model or coefficients that OpenCV does not know.
    """
    if not any(info.d):
        return pixels
    if (
        info.distortion_model not in _DISTORTION_MODELS
        or len(info.d) not in _DISTORTION_MODELS[info.distortion_model]
        or not np.isfinite(info.d).all()
    ):
        raise Refusal(
            'bad_camera_info',
            f'CameraInfo has the distortion model {info.distortion_model!r} with d = '
            f'{list(info.d)}; expected finite coefficients of one of '
            f'{", ".join(_DISTORTION_MODELS)}',
        )
    maps = _undistortion_maps(
        info.distortion_model, tuple(info.k), tuple(info.d), (info.width, info.height)
    )
    return cv2.remap(pixels, *maps, cv2.INTER_LINEAR)


def prepare_image(
    message: Image | CompressedImage,
    info: CameraInfo,
    width: int,
    height: int,
    rectify: bool = False,
    reduced_decoding: bool = True,
) -> NetworkImage:
    """Decode an image and resize it to ``width`` x ``height`` with its intrinsics.

    Args:
        message: image of any size.
        info: calibration of the same camera at the image's size.
        width: of the network's input before padding, pixels.
        height: likewise.
        rectify: remove the lens distortion that ``info`` describes.
        reduced_decoding: decode a JPEG at a fraction of its size where that is enough; one that
            is rectified is always decoded in full.

    Raises:
        Refusal: if the image cannot be decoded or its size is not the CameraInfo's.
    """
    intrinsics = check_camera_info(info)
    size, factor = (info.height, info.width), 1
    if reduced_decoding and not rectify and _holds_jpeg(message):
        factor = reduction(size, (height, width))
    pixels = decode_image(message, factor)
    if pixels.shape[:2] != reduced_size(size, factor):
        rows, columns = decode_image(message).shape[:2]
        raise Refusal(
            'size_mismatch',
            f'image is {columns}x{rows} but its CameraInfo says {info.width}x{info.height}: '
            'publish the CameraInfo of this stream',
        )
    if rectify:
        pixels = undistort(pixels, info)
    resized = resize(pixels, height, width)
    scale = np.diag([width / info.width, height / info.height, 1.0])
    return NetworkImage(cv2.cvtColor(resized, cv2.COLOR_BGR2RGB), scale @ intrinsics)
