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

"""Inputs of the golden cases: images, cameras, configurations, seeded and adjusted weights."""

from dataclasses import dataclass, replace
from pathlib import Path

from model.golden_weights import seeded_weights
import numpy as np
import torch

from emiff_ros.model import Camera, Emiff, EmiffConfig, InfrastructureView
from emiff_ros.model.official import load_official_state_dict, official_shapes
from emiff_ros.model.preprocessing import normalise_and_pad

GOLDEN = Path(__file__).parents[1] / 'data' / 'golden'

HEAD = ('bbox_head.conv_cls', 'bbox_head.conv_reg', 'bbox_head.conv_dir_cls')


@dataclass(frozen=True)
class GoldenCase:
    """One recorded run of the original network in evaluation mode."""

    name: str
    ratio: int
    halvings: int
    squeeze_ratio: int
    image_size: tuple
    seeds: tuple
    station_distance: float
    station_pitch: float
    head_factors: tuple
    head_summands: tuple
    flips: tuple = (False,)
    channels: int = 16
    calibration_scale: float = 512 / 1920

    def config(self):
        x, y = (0.0, 46.08), (-19.84, 19.84)
        return EmiffConfig.from_dict(
            {
                'image_height': self.image_size[0],
                'image_width': self.image_size[1],
                'fpn_channels': self.channels,
                'compression': {'ratio': self.ratio, 'halvings': self.halvings},
                'channel_masking': {'squeeze_ratio': self.squeeze_ratio},
                'voxels': {'x_range': x, 'y_range': y, 'counts': (40, 48, 12)},
                'anchors': {'x_range': x, 'y_range': y},
                'neck': {'widths': (16, 32, 64), 'out_channels': 64},
            }
        )

    def official_weights(self):
        """Official key -> array: the seeded weights with this case's adjusted head."""
        adjust = {}
        for branch, factor, summand in zip(
            HEAD, self.head_factors, self.head_summands, strict=True
        ):
            adjust[f'{branch}.weight'] = (factor, 0.0)
            adjust[f'{branch}.bias'] = (1, summand)
        with torch.device('meta'):
            shapes = official_shapes(Emiff(self.config()))
        return seeded_weights(shapes, adjust)

    def model(self):
        model = Emiff(self.config()).eval()
        tensors = {key: torch.from_numpy(v) for key, v in self.official_weights().items()}
        load_official_state_dict(model, tensors)
        return model

    def images(self):
        """Vehicle and infrastructure image, each [B, 3, H, W]."""
        config = self.config()
        sides = []
        for seed in self.seeds:
            picture = synthetic_picture(seed, *self.image_size)
            batch = [picture[:, ::-1] if flip else picture for flip in self.flips]
            tensors = [torch.from_numpy(image.copy()) for image in batch]
            sides.append(
                torch.stack([normalise_and_pad(image, *config.padded_size) for image in tensors])
            )
        return sides

    def cameras(self):
        """Vehicle and infrastructure camera at the network's input size."""
        k = self.calibration_scale
        original = tuple(2 * size for size in self.image_size)
        vehicle = Camera(
            intrinsics(2183.4 * k, 2183.9 * k, 940.6 * k, 567.6 * k),
            extrinsics((0.35, 0.1, -0.25), 0.7, 1.3, -0.4),
            original,
        )
        station = Camera(
            intrinsics(2186.4 * k, 2332.2 * k, 968.7 * k, 542.4 * k),
            extrinsics((self.station_distance, 6.5, 4.3), 187.0, self.station_pitch, 1.1),
            original,
        )
        return vehicle.scaled(self.image_size), station.scaled(self.image_size)

    def run(self, model):
        """Return the head maps of this case."""
        images, cameras = self.images(), self.cameras()
        count = len(self.flips)
        view = InfrastructureView([cameras[1]] * count, image=images[1])
        with torch.no_grad():
            return model.forward_maps(images[0], [cameras[0]] * count, [view], self.flips)


def synthetic_picture(seed, height, width):
    """Return an RGB uint8 picture [H, W, 3]: coloured blocks of 16 pixels plus noise."""
    random = np.random.RandomState(seed)
    coarse = random.randint(0, 256, (-(-height // 16), -(-width // 16), 3)).astype(np.int64)
    noise = random.randint(0, 256, (height, width, 3)).astype(np.int64)
    blocks = np.repeat(np.repeat(coarse, 16, 0), 16, 1)[:height, :width]
    bgr = ((blocks * 180 + noise * 76) >> 8).astype(np.uint8)
    return bgr[..., ::-1].copy()


def intrinsics(fx, fy, cx, cy):
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float32).astype(np.float64)


def extrinsics(position, yaw, pitch_down, roll):
    """Return camera_from_vehicle of a camera at ``position``; angles in degrees."""
    body = _turn(2, yaw) @ _turn(1, pitch_down) @ _turn(0, roll)
    rotation = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]]) @ body.T
    matrix = np.hstack([rotation, (-rotation @ np.asarray(position, np.float64))[:, None]])
    return matrix.astype(np.float32).astype(np.float64)


def _turn(axis, degrees):
    angle = degrees * (np.pi / 180)
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second] = -np.sin(angle)
    matrix[second, first] = np.sin(angle)
    return matrix


SMALL = GoldenCase(
    name='small',
    ratio=8,
    halvings=1,
    squeeze_ratio=1,
    image_size=(150, 256),
    seeds=(11, 12),
    station_distance=38.0,
    station_pitch=12.5,
    head_factors=(-0.512, 1.544, 0.828),
    head_summands=(
        (1.866, -2.112),
        (0.135, 0.239, -0.46, -0.185, 0.158, 0.205, -0.054)
        + (0.238, 0.215, 0.053, -0.059, 0.114, 0.339, 0.031),
        (-1.769, -0.304, 0.015, -1.9),
    ),
)

SMALL_S4 = GoldenCase(
    name='small_s4',
    ratio=16,
    halvings=4,
    squeeze_ratio=2,
    image_size=(120, 256),
    seeds=(21, 22),
    station_distance=10.0,
    station_pitch=1.5,
    head_factors=(-3.23, 11.415, 7.892),
    head_summands=(
        (2.009, -2.232),
        (0.136, 0.612, -0.92, -0.046, 0.434, 0.254, 0.035)
        + (0.318, 0.101, 0.113, -0.256, 0.084, 0.598, -0.231),
        (-3.521, -2.091, -1.597, -3.204),
    ),
)

FLIP = replace(SMALL, name='flip', flips=(False, True))
