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

"""Random changes of a training sample whose geometry stays exact.

Each function takes a :class:`~emiff_ros.training.sample.Sample` or a view and a numpy generator.
The paper uses :func:`resize` and :func:`mirror` only; the others make few scenes go further.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from emiff_ros.geometry import homogeneous
from emiff_ros.training.sample import Sample, View, move_vehicle_frame


class AugmentationConfig(BaseModel):
    """What is varied and how far. The defaults change nothing.

    Attributes:
        mirror_probability: left and right exchanged in both views and the ground truth.
        resize_factor: range of a common resize factor of both views (the paper: 0.95 to 1.05).
        camera_turn_degrees: standard deviation of a turn of each camera about its own three axes;
            the image is warped and the extrinsics turn with it.
        camera_zoom: each view is magnified by exp(uniform(-zoom, zoom)).
        frame_turn_degrees: the vehicle frame is turned about z by uniform(-turn, turn).
        frame_shift: and shifted along x and y by uniform(-shift, shift), metres.
        frame_lift: and along z by a normal variate of this standard deviation, metres.
        brightness, contrast, saturation: half ranges of the photometric changes (0.2 = +-20 %).
        noise: largest standard deviation of pixel noise (grey levels).
        roadside_dropout: share of the batches that are trained without the roadside view; plays
            no part for a network with one side alone.
        pose_noise_metres: standard deviation of the roadside pose error along x and y.
        pose_noise_degrees: and of its yaw.
        frame_delay: the roadside image is this many frames older (VIC-Async-k).
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    mirror_probability: float = Field(0.0, ge=0.0, le=1.0)
    resize_factor: tuple[float, float] = (1.0, 1.0)
    camera_turn_degrees: float = Field(0.0, ge=0.0, le=10.0)
    camera_zoom: float = Field(0.0, ge=0.0, le=0.5)
    frame_turn_degrees: float = Field(0.0, ge=0.0, le=180.0)
    frame_shift: float = Field(0.0, ge=0.0)
    frame_lift: float = Field(0.0, ge=0.0)
    brightness: float = Field(0.0, ge=0.0, lt=1.0)
    contrast: float = Field(0.0, ge=0.0, lt=1.0)
    saturation: float = Field(0.0, ge=0.0, lt=1.0)
    noise: float = Field(0.0, ge=0.0)
    roadside_dropout: float = Field(0.0, ge=0.0, le=1.0)
    pose_noise_metres: float = Field(0.0, ge=0.0)
    pose_noise_degrees: float = Field(0.0, ge=0.0)
    frame_delay: int = Field(0, ge=0)

    @model_validator(mode='after')
    def _check_resizing(self) -> 'AugmentationConfig':
        smallest, largest = self.resize_factor
        if not 0 < smallest <= largest < np.inf:
            raise ValueError(
                f'resize_factor is {self.resize_factor}; expected (smallest, largest) above 0'
            )
        return self


def augment(sample: Sample, config: AugmentationConfig, random: Generator) -> Sample:
    """Apply every random change of ``config`` that keeps pixels and geometry together.

    Left for later are the mirror and the pose error, see :func:`mirror` and
    :func:`disturb_roadside`: what an image shows is found with its true pose before both.
    Roadside dropout and frame delay decide what is loaded and belong to the data set.
    """
    if config.frame_turn_degrees or config.frame_shift or config.frame_lift:
        sample = move_vehicle_frame(sample, random_frame(config, random))
    if config.camera_turn_degrees or config.camera_zoom:
        sample = sample.map_views(lambda view: turn_camera(view, config, random))
    if config.resize_factor != (1.0, 1.0):
        factor = random.uniform(*config.resize_factor)
        sample = sample.map_views(lambda view: resize(view, factor))
    if config.brightness or config.contrast or config.saturation or config.noise:
        sample = sample.map_views(
            lambda view: replace(view, image=change_light(view.image, config, random))
        )
    return sample


def disturb_roadside(sample: Sample, config: AugmentationConfig, random: Generator) -> Sample:
    """Add the pose error of ``config`` to the roadside view, if it is there."""
    if sample.infrastructure is None or not (
        config.pose_noise_metres or config.pose_noise_degrees
    ):
        return sample
    return replace(sample, infrastructure=disturb_pose(sample.infrastructure, config, random))


def mirror(sample: Sample) -> Sample:
    """Mirror both images and the ground truth (y and yaw negated); the calibration stays.

    The network undoes the mirror when it projects (EMIFF section 4, official implementation).
    """
    boxes = sample.boxes.copy()
    boxes[:, [1, 6]] *= -1.0

    def change(view: View) -> View:
        return replace(view, image=np.ascontiguousarray(view.image[:, ::-1]))

    return replace(sample.map_views(change), boxes=boxes, flipped=not sample.flipped)


def resize(view: View, factor: float) -> View:
    """Resize a view by a factor and scale its intrinsics to the rounded size."""
    height, width = view.image.shape[:2]
    new_height, new_width = int(height * factor + 0.5), int(width * factor + 0.5)
    scale = np.diag([new_width / width, new_height / height, 1.0])
    return replace(
        view,
        image=cv2.resize(view.image, (new_width, new_height), interpolation=cv2.INTER_LINEAR),
        intrinsics=scale @ view.intrinsics,
    )


def random_frame(config: AugmentationConfig, random: Generator) -> NDArray[np.float64]:
    """Draw a turn about z and a translation, ``new_from_vehicle [3, 4]``."""
    turn = np.radians(random.uniform(-1, 1) * config.frame_turn_degrees)
    shift = random.uniform(-1, 1, 2) * config.frame_shift
    lift = random.normal() * config.frame_lift
    return np.array(
        [
            [np.cos(turn), -np.sin(turn), 0.0, shift[0]],
            [np.sin(turn), np.cos(turn), 0.0, shift[1]],
            [0.0, 0.0, 1.0, lift],
        ]
    )


def turn_camera(view: View, config: AugmentationConfig, random: Generator) -> View:
    """Turn a camera about its optical centre and zoom; exact for every scene.

    With turned_from_camera R and zoomed intrinsics K', the image moves by K' R K^-1.
    """
    turned_from_camera, _ = cv2.Rodrigues(
        np.radians(random.normal(size=3) * config.camera_turn_degrees)
    )
    zoom = np.exp(random.uniform(-1, 1) * config.camera_zoom)
    intrinsics = view.intrinsics.copy()
    intrinsics[0, 0] *= zoom
    intrinsics[1, 1] *= zoom
    homography = intrinsics @ turned_from_camera @ np.linalg.inv(view.intrinsics)
    height, width = view.image.shape[:2]
    return View(
        image=cv2.warpPerspective(view.image, homography, (width, height)),
        intrinsics=intrinsics,
        camera_from_vehicle=turned_from_camera @ view.camera_from_vehicle,
    )


def change_light(
    image: NDArray[np.uint8], config: AugmentationConfig, random: Generator
) -> NDArray[np.uint8]:
    """Change brightness, contrast and saturation of an RGB image and add pixel noise."""
    gain = 1.0 + random.uniform(-1, 1) * config.contrast
    offset = 255.0 * random.uniform(-1, 1) * config.brightness
    saturation = 1.0 + random.uniform(-1, 1) * config.saturation
    levels = np.clip((np.arange(256) - 127.5) * gain + 127.5 + offset, 0, 255)
    image = cv2.LUT(image, levels.astype(np.uint8))
    if config.saturation:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        image = cv2.addWeighted(image, saturation, grey, 1.0 - saturation, 0.0)
    if config.noise:
        deviation = random.uniform() * config.noise
        # One draw per pixel of a quarter of the image, tiled: noise is not worth a slow loader.
        height, width = image.shape[:2]
        noise = random.standard_normal((-(-height // 2), -(-width // 2), 3), dtype=np.float32)
        noise = np.tile(noise * deviation, (2, 2, 1))[:height, :width]
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image


def disturb_pose(view: View, config: AugmentationConfig, random: Generator) -> View:
    """Add a pose error to a view: a shift along x and y and a turn about the camera's vertical."""
    turn = np.radians(random.normal() * config.pose_noise_degrees)
    shift = random.normal(size=2) * config.pose_noise_metres
    vehicle_from_camera = np.linalg.inv(homogeneous(view.camera_from_vehicle))
    centre = vehicle_from_camera[:2, 3]
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    error = np.eye(4)
    error[:2, :2] = rotation
    error[:2, 3] = centre - rotation @ centre + shift
    return replace(view, camera_from_vehicle=view.camera_from_vehicle @ error)
