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

"""The methods that a table compares: which networks, and what travels between the two sides."""

from dataclasses import dataclass
import hashlib
from pathlib import Path
import time
from typing import NamedTuple

from emiff_ros.comparison.disturbance import Disturbance
from emiff_ros.comparison.hardware import describe_hardware
from emiff_ros.comparison.late_fusion import ScoredBoxes, fuse_boxes, in_sent_range
from emiff_ros.comparison.message_size import MessageSizer
from emiff_ros.comparison.network import Network
from emiff_ros.dair.evaluation import Prediction, late_fusion_bytes
from emiff_ros.dair.frames import CooperativePair

UNDISTURBED = Disturbance()


class MethodError(ValueError):
    """A method whose networks do not belong together; the message names it."""


@dataclass(frozen=True)
class Method:
    """One row of a comparison.

    Attributes:
        name: of the row.
        weights: the network, or the vehicle's network of late fusion.
        infrastructure_weights: the roadside network of late fusion; None for one network.
        alone: leave the roadside view out of a cooperative network.
        quantization: number format of transmitted features.
    """

    name: str
    weights: Path
    infrastructure_weights: Path | None = None
    alone: bool = False
    quantization: str = 'int8'


class Answer(NamedTuple):
    """What a method answers for one pair.

    Attributes:
        prediction: boxes, scores and bytes.
        milliseconds: time of the networks, both sides one after the other; files are read before.
    """

    prediction: Prediction
    milliseconds: float


class Runner:
    """Runs one method pair by pair.

    Args:
        method: which networks.
        device: as torch names it.

    Raises:
        MethodError: if the networks do not fit the method.
        WeightsError: if weights cannot be used.
    """

    def __init__(self, method: Method, device: str = 'cpu') -> None:
        """Load the networks."""
        self.method = method
        self._device = device
        self.network = Network(method.weights, device, method.quantization)
        self.pole = None
        if method.infrastructure_weights is not None:
            self.pole = Network(method.infrastructure_weights, device, method.quantization)
        self._sizer = MessageSizer()
        self._check()

    @property
    def networks(self) -> list[Network]:
        """Return the networks of the method."""
        return [network for network in (self.network, self.pole) if network is not None]

    @property
    def kind(self) -> str:
        """Return where the two sides meet: ``late`` or the modality of the one network."""
        if self.pole is not None:
            return 'late'
        return 'vehicle_only' if self.method.alone else self.network.config.modality

    @property
    def identity(self) -> str:
        """Return a short digest of all that decides the answers and their times."""
        parts = [str(self.method.alone), self.method.quantization, self.kind]
        parts.append(describe_hardware(self._device))
        for network in self.networks:
            detection = network.config.detection.model_dump_json()
            parts += [network.fingerprint, network.labels, detection]
        return hashlib.sha256(' '.join(parts).encode()).hexdigest()[:12]

    def answer(self, pair: CooperativePair, disturbance: Disturbance = UNDISTURBED) -> Answer:
        """Detect in one pair.

        Args:
            pair: the two frames; for a delay, with an older roadside frame.
            disturbance: of pose or light.

        Raises:
            DairError: if an image or a calibration cannot be read.
        """
        if self.kind == 'late':
            return self._late(pair, disturbance)
        if self.kind == 'infrastructure_only':
            return self._from_the_pole(pair, disturbance)
        if self.kind == 'vehicle_only':
            return self._alone(pair, disturbance)
        return self._cooperative(pair, disturbance)

    def _alone(self, pair: CooperativePair, disturbance: Disturbance) -> Answer:
        network, stops = self.network, disturbance.stops
        network.load(pair.vehicle, stops)
        camera = network.camera(pair.vehicle, pair.vehicle.camera_from_vehicle())
        started = time.perf_counter()
        found = network.detect(network.encode_vehicle(pair.vehicle, stops), camera, [])
        return _answer(found, 0.0, 0.0, started)

    def _cooperative(self, pair: CooperativePair, disturbance: Disturbance) -> Answer:
        network, stops = self.network, disturbance.stops
        network.load(pair.vehicle, stops)
        network.load_to_send(pair.infrastructure, stops)
        camera = network.camera(pair.vehicle, pair.vehicle.camera_from_vehicle())
        roadside = network.roadside_camera(pair, disturbance.pose_error(pair))
        started = time.perf_counter()
        levels = network.encode_vehicle(pair.vehicle, stops)
        sent = network.send(pair.infrastructure, stops)
        found = network.detect(levels, camera, [network.view(roadside.camera, sent)])
        return _answer(found, sent.average_bytes, sent.message_bytes, started)

    def _from_the_pole(self, pair: CooperativePair, disturbance: Disturbance) -> Answer:
        network, stops = self.network, disturbance.stops
        network.load(pair.infrastructure, stops)
        roadside = network.roadside_camera(pair, disturbance.pose_error(pair))
        started = time.perf_counter()
        found = network.detect_from_the_pole(pair.infrastructure, roadside, stops)
        found = in_sent_range(found)
        count = len(found.scores)
        return _answer(found, late_fusion_bytes(count), self._sizer.detections(count), started)

    def _late(self, pair: CooperativePair, disturbance: Disturbance) -> Answer:
        stops = disturbance.stops
        self.network.load(pair.vehicle, stops)
        self.pole.load(pair.infrastructure, stops)
        camera = self.network.camera(pair.vehicle, pair.vehicle.camera_from_vehicle())
        roadside = self.pole.roadside_camera(pair, disturbance.pose_error(pair))
        started = time.perf_counter()
        own = self.network.detect(self.network.encode_vehicle(pair.vehicle, stops), camera, [])
        found = self.pole.detect_from_the_pole(pair.infrastructure, roadside, stops)
        sent = in_sent_range(found)
        count = len(sent.scores)
        return _answer(
            fuse_boxes(own, sent),
            late_fusion_bytes(count),
            self._sizer.detections(count),
            started,
        )

    def _check(self) -> None:
        name, modality = self.method.name, self.network.config.modality
        if self.pole is not None:
            sides = (self.network.config.has_vehicle, self.pole.config.modality)
            if sides != (True, 'infrastructure_only') or self.method.alone:
                raise MethodError(
                    f'{name}: late fusion takes a network with a vehicle camera and an '
                    f'infrastructure_only one; got {modality} and {self.pole.config.modality}'
                )
        elif self.method.alone and modality not in ('cooperative', 'early'):
            raise MethodError(f'{name}: modality {modality} has no roadside view to leave out')


def _answer(found: ScoredBoxes, average: float, message: float, started: float) -> Answer:
    milliseconds = 1e3 * (time.perf_counter() - started)
    prediction = Prediction(found.corners, found.scores, float(average), float(message))
    return Answer(prediction, milliseconds)
