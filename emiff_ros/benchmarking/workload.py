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

"""A seeded network and the pairs of pictures that it is timed on, all in memory."""

from dataclasses import dataclass
import hashlib

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch import nn

from emiff_ros.model import Camera, Emiff, EmiffConfig, InfrastructureView, preprocess_image
from emiff_ros.model.deformable import DeformableConv

PICTURE_SIZE = (1080, 1920)
_BLOCK = 24
_OPTICAL_AXES = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


@dataclass(frozen=True, eq=False)
class Pair:
    """Two pictures [1080, 1920, 3] uint8, red first, with cameras at the network's input size."""

    vehicle_rgb: NDArray[np.uint8]
    vehicle_camera: Camera
    infrastructure_rgb: NDArray[np.uint8]
    infrastructure_camera: Camera


def make_pairs(config: EmiffConfig, count: int, first: int = 0) -> list[Pair]:
    """Return pairs of a vehicle that approaches a roadside camera, one step a pair.

    The vehicle's camera sees 100 degrees, the roadside one 47, as those of DAIR-V2X do.
    """
    pairs = []
    for index in range(first, first + count):
        vehicle = _camera((801.3, 801.9, 981.4, 571.2), (0.35, 0.1, -0.25), 0.7, 1.3)
        position = (52.0 - 0.8 * index, 6.5, 4.3)
        station = _camera((2186.4, 2332.2, 968.7, 542.4), position, 187.0, 12.5)
        size = (config.image_height, config.image_width)
        pictures = _picture(2 * index), _picture(2 * index + 1)
        pairs.append(Pair(pictures[0], vehicle.scaled(size), pictures[1], station.scaled(size)))
    return pairs


def input_hash(pairs: list[Pair]) -> str:
    """Return the SHA-256 of all pictures and calibrations."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(pair.vehicle_rgb.tobytes())
        digest.update(pair.infrastructure_rgb.tobytes())
        for camera in (pair.vehicle_camera, pair.infrastructure_camera):
            digest.update(camera.intrinsics.numpy().tobytes())
            digest.update(camera.camera_from_vehicle.numpy().tobytes())
    return digest.hexdigest()


def seeded_model(config: EmiffConfig, pair: Pair, device: torch.device) -> Emiff:
    """Return a network with seeded weights whose maps have the spread of a trained one's.

    Batch norms take the statistics of ``pair``; the head is scaled so that about a hundred anchors
    score above 0.3, with boxes near their anchors.
    """
    torch.manual_seed(0)
    model = Emiff(config).to(device).eval()
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for module in model.modules():
        if isinstance(module, DeformableConv):
            nn.init.normal_(module.offset.bias, std=0.7)
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    run_plain(model, pair)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval()
        norm.momentum = momentum
    maps = run_plain(model, pair)
    head = model.head
    with torch.no_grad():
        for branch, values, spread in (
            (head.classify, maps.cls_score, 2.0),
            (head.regress, maps.bbox_pred, 0.1),
            (head.direction, maps.dir_cls, 1.0),
        ):
            branch.weight.mul_(spread / values.std())
            branch.bias.zero_()
        scores = run_plain(model, pair).cls_score.flatten()
        hundredth = scores.topk(min(100, len(scores))).values[-1]
        head.classify.bias.fill_(float(torch.tensor(0.3).logit() - hundredth))
    return model


@torch.no_grad()
def run_plain(model: Emiff, pair: Pair) -> tuple[torch.Tensor, ...]:
    """Return the head maps of the plain network."""
    config, device = model.config, next(model.parameters()).device
    images = [
        preprocess_image(resized(rgb, config).to(device), config).unsqueeze(0)
        for rgb in (pair.vehicle_rgb, pair.infrastructure_rgb)
    ]
    view = InfrastructureView(pair.infrastructure_camera, image=images[1])
    return model.forward_maps(images[0], pair.vehicle_camera, [view])


def resized(rgb: NDArray[np.uint8], config: EmiffConfig) -> torch.Tensor:
    """Resize a picture to the network's input on the CPU, averaging."""
    size = config.image_width, config.image_height
    return torch.from_numpy(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def _picture(seed: int) -> NDArray[np.uint8]:
    """Return coloured blocks with noise."""
    random = np.random.RandomState(seed)
    height, width = PICTURE_SIZE
    coarse = random.randint(0, 200, (-(-height // _BLOCK), -(-width // _BLOCK), 3), np.uint8)
    blocks = np.repeat(np.repeat(coarse, _BLOCK, 0), _BLOCK, 1)[:height, :width]
    return blocks + random.randint(0, 56, (height, width, 3), np.uint8)


def _camera(
    pinhole: tuple[float, float, float, float],
    position: tuple[float, float, float],
    yaw: float,
    pitch_down: float,
) -> Camera:
    """Return a camera of the full picture at ``position`` in metres, angles in degrees."""
    fx, fy, cx, cy = pinhole
    yaw, pitch = np.deg2rad(yaw), np.deg2rad(pitch_down)
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    tilt = np.array(
        [[np.cos(pitch), 0, np.sin(pitch)], [0, 1, 0], [-np.sin(pitch), 0, np.cos(pitch)]]
    )
    rotation = _OPTICAL_AXES @ (turn @ tilt).T
    extrinsics = np.hstack([rotation, -rotation @ np.array(position)[:, None]])
    return Camera([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], extrinsics, PICTURE_SIZE)
