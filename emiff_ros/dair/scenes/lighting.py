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

"""Weather and sun of a drive: light directions, colours, haze, clouds and exposure."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Light:
    """Illumination in linear units; ``sun_direction`` points to the sun.

    Attributes:
        sun: colour of the direct light, 0 when overcast.
        ambient: colour of the light from the sky.
        zenith, horizon: colours of the sky.
        haze: extinction per metre.
        clouds: tone of the clouds ``[n, n]`` over direction, -1 to 1.
        exposure: gain before the tone curve.
        noise: standard deviation of the sensor noise, grey levels of 255.
    """

    sun_direction: FloatArray
    sun: FloatArray
    ambient: FloatArray
    zenith: FloatArray
    horizon: FloatArray
    haze: float
    clouds: FloatArray
    cloudiness: float
    exposure: float
    noise: float

    def sky(self, directions: FloatArray) -> FloatArray:
        """Return the sky's colour ``[n, 3]`` in unit directions ``[n, 3]``."""
        height = np.clip(directions[:, 2], 0.0, 1.0)
        mix = np.sqrt(height)[:, None]
        colour = self.horizon * (1 - mix) + self.zenith * mix
        size = self.clouds.shape[0]
        flat = directions[:, :2] / (height[:, None] + 0.25)
        at = ((flat * 0.22 + 0.5) * (size - 1)).astype(np.int32).clip(0, size - 1)
        tone = self.clouds[at[:, 1], at[:, 0]] * self.cloudiness
        return colour * (1 + tone[:, None])


def draw_light(rng: np.random.Generator) -> Light:
    """Draw a light: clear, thin cloud or overcast, low to high sun."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(18, 72))
    direction = np.array(
        [
            np.cos(azimuth) * np.cos(elevation),
            np.sin(azimuth) * np.cos(elevation),
            np.sin(elevation),
        ]
    )
    overcast = rng.random() < 0.45
    warmth = np.clip((np.radians(45) - elevation) / np.radians(45), 0, 1)
    strength = rng.uniform(0.0, 0.25) if overcast else rng.uniform(1.2, 2.4)
    sun = strength * np.array([1.0, 0.97 - 0.1 * warmth, 0.92 - 0.28 * warmth])
    ambient = rng.uniform(0.75, 1.0) if overcast else rng.uniform(0.33, 0.55)
    tint = np.array([0.97, 1.0, 1.04]) if overcast else np.array([0.88, 0.98, 1.14])
    if overcast:
        zenith = rng.uniform(0.35, 0.75) * np.array([0.97, 1.0, 1.05])
        horizon = rng.uniform(0.6, 0.95) * np.array([1.0, 1.0, 1.02])
    else:
        zenith = rng.uniform(0.3, 0.6) * np.array([0.55, 0.8, 1.35])
        horizon = rng.uniform(0.75, 1.05) * np.array([0.97, 1.0, 1.05])
    coarse = [
        cv2.resize(
            rng.standard_normal((n, n), dtype=np.float32),
            (256, 256),
            interpolation=cv2.INTER_CUBIC,
        )
        / n**0.5
        for n in (5, 10, 24)
    ]
    clouds = np.clip(sum(coarse), -1, 1).astype(np.float32)
    return Light(
        direction.astype(np.float32),
        sun.astype(np.float32),
        (ambient * tint).astype(np.float32),
        zenith.astype(np.float32),
        horizon.astype(np.float32),
        float(rng.choice([0.0003, 0.0007, 0.002])),
        clouds,
        float(rng.uniform(0.05, 0.35)),
        float(rng.uniform(0.8, 1.25) * (1.0 if overcast else 0.75)),
        float(rng.uniform(0.8, 2.5)),
    )
