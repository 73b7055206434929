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

"""The roadside node: turns each image into a compressed feature and publishes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
import sys

from diagnostic_msgs.msg import DiagnosticStatus
import numpy as np
from numpy.typing import NDArray
from rclpy.duration import Duration
from rclpy.lifecycle import LifecyclePublisher
from rclpy.qos import QoSProfile
from rclpy.time import Time
from std_msgs.msg import Header
import torch

from emiff_msgs.msg import CameraCalibration, FeatureChunk, FeatureTensor
from emiff_ros.acceleration import AccelerationConfig
from emiff_ros.device import find_device
from emiff_ros.geometry import as_affine
from emiff_ros.model.weights import load_infrastructure_encoder
from emiff_ros.nodes.calibration import CalibrationBuffer, Extrinsics
from emiff_ros.nodes.diagnostics import status
from emiff_ros.nodes.infrastructure_network import InfrastructureNetwork
from emiff_ros.nodes.managed_node import ManagedNode, ReceivedImage, Result
from emiff_ros.nodes.pose_inputs import PoseInputs
from emiff_ros.nodes.pose_sources import FixedExtrinsics, Source
from emiff_ros.nodes.process import run_node
from emiff_ros.nodes.processing_time import Stopwatch
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.nodes.sender_session import SenderSession
from emiff_ros.nodes.specifications import INFRASTRUCTURE, UNSET_POSE
from emiff_ros.nodes.speed import calibration_for, choose_acceleration
from emiff_ros.nodes.transforms import TfExtrinsics, tf_is_wanted
from emiff_ros.transport.chunk_message import message_from_chunk
from emiff_ros.transport.chunking import cut
from emiff_ros.transport.coding import ZSTD, zstd_coder
from emiff_ros.transport.errors import TransportError
from emiff_ros.transport.feature_header import FeatureHeader, check_name
from emiff_ros.transport.feature_message import require_layout, serialize_feature
from emiff_ros.transport.importance import ground_importance
from emiff_ros.transport.quantization import Quantization
from emiff_ros.transport.rate_control import PROFILES, RateController, RateDecision

CHUNK_DEPTH = 200
"""Pieces that DDS keeps for a reliable subscriber."""


@dataclass(frozen=True)
class EncodedImage:
    """What the first stage makes of an image.

    Attributes:
        tensor: its feature ``[C, h, w]``, float32.
        intrinsics: ``[3, 3]`` at the network's input size, pixels.
        extrinsics: of its camera.
        camera_frame: optical frame of that camera.
        laps: milliseconds by name of the step.
    """

    tensor: NDArray[np.float32]
    intrinsics: NDArray[np.float64]
    extrinsics: Extrinsics
    camera_frame: str
    laps: Mapping[str, float]


class InfrastructureNode(ManagedNode):
    """Image, CameraInfo and camera pose in, FeatureTensor out."""

    measurements = (
        'preprocess_ms',
        'network_ms',
        'coding_ms',
        'payload_bytes',
        'message_bytes',
    )

    def __init__(self, name: str = 'infrastructure_node') -> None:
        """Declare parameters.

        Raises:
            ParameterError: for an unknown parameter or a bad value.
        """
        super().__init__(name, INFRASTRUCTURE)
        self._calibrations = CalibrationBuffer()
        self._session = SenderSession()
        self._network: InfrastructureNetwork | None = None
        self._fixed_pose: FixedExtrinsics | None = None
        self._extrinsics: Source[Extrinsics] = self._calibrations
        self._features: LifecyclePublisher | None = None
        self._chunks: LifecyclePublisher | None = None
        self._rate = RateController()
        self._rate_decision: RateDecision | None = None
        self._without_pieces = ''
        self.health.reporter.add('rate', self._rate_status)

    def load_network(self, path: Path) -> tuple[torch.device, AccelerationConfig]:
        """Load the sender's half of the network.

        Raises:
            IdentityError: if no feature could be sent under the station's name.
        """
        values = self.parameters.values
        check_name('station_id', values.station_id)
        device = find_device(values.device, 'parameter device')
        tf_is_wanted(values.pose_source)
        self._fixed_pose = None
        if values.pose_source == 'parameter':
            check_name('map_frame', values.map_frame)
            if list(values.camera_from_map) == UNSET_POSE:
                self.get_logger().warning(
                    'pose_source is parameter and camera_from_map is the identity, its default: '
                    'set it to the pose of the camera'
                )
            pose = as_affine(values.camera_from_map, 'parameter camera_from_map')
            self._fixed_pose = FixedExtrinsics(Extrinsics(0, '', values.map_frame, pose))
        loaded = load_infrastructure_encoder(path)
        acceleration = choose_acceleration(
            values.acceleration, values.engine, loaded.config, device, self.get_logger().warning
        )
        calibration = calibration_for(acceleration, path, loaded.fingerprint)
        self._network = InfrastructureNetwork(loaded, device, acceleration, calibration)
        return device, acceleration

    def run_once(self) -> None:
        """Encode an empty image."""
        self._network.run_once()

    def free_network(self) -> None:
        """Drop the weights."""
        self._network = None

    def create_outputs(self) -> None:
        """Create the feature publishers."""
        require_layout(FeatureTensor)
        self._features = self._publisher(FeatureTensor, '~/output/features', 1)
        self._chunks = None
        if self.parameters.values.chunked:
            self._chunks = self._publisher(FeatureChunk, '~/output/feature_chunks', CHUNK_DEPTH)

    def _publisher(self, kind: type, topic: str, depth: int) -> LifecyclePublisher:
        lifespan = Duration(seconds=self.parameters.values.lifespan)
        return self.outputs.create(kind, topic, QoSProfile(depth=depth, lifespan=lifespan))

    def create_inputs(self) -> None:
        """Listen to the camera's pose."""
        values = self.parameters.values
        self._extrinsics = self._fixed_pose or PoseInputs(self, values.pose_source).open(
            values.pose_source,
            CameraCalibration,
            '~/input/calibration',
            self._calibrations,
            lambda transforms: TfExtrinsics(transforms, values.map_frame, self.camera_frame),
            depth=10,
            repeats=False,
        )

    def begin(self, received: ReceivedImage) -> EncodedImage:
        """Encode one image.

        Raises:
            Refusal: if the image or its calibration cannot be used.
        """
        extrinsics = self._extrinsics.at(
            received.stamp, self.parameters.values.calibration_timeout
        )
        height, width = self._network.image_size
        watch = Stopwatch()
        image = self.network_image(received, width, height)
        watch.lap('preprocess_ms')
        tensor = self._network.encode(image.pixels)
        watch.lap('network_ms')
        frame = self.camera_frame() or extrinsics.camera_frame
        return EncodedImage(tensor, image.intrinsics, extrinsics, frame, watch.laps)

    def finish(self, received: ReceivedImage, begun: EncodedImage) -> Result:
        """Code the feature of an image and publish it.

        Raises:
            Refusal: if no message can hold it.
        """
        network, values = self._network, self.parameters.values
        watch, tensor = Stopwatch(), begun.tensor
        self._session.follow(received.stamp, begun.extrinsics.camera_from_reference)
        header = FeatureHeader(
            stamp=received.stamp,
            frame_id=begun.camera_frame,
            station_id=values.station_id,
            session_id=self._session.number,
            sequence=self._session.sequence,
            fingerprint=network.fingerprint,
            image_size=network.image_size,
            padded_size=network.config.padded_size,
            intrinsics=begun.intrinsics,
            map_frame=begun.extrinsics.reference_frame,
            camera_from_map=begun.extrinsics.camera_from_reference,
        )
        try:
            decision = self._rate.encode(
                tensor,
                values.byte_budget or PROFILES[values.profile],
                partial(serialize_feature, header),
                values.quantization,
                zstd_coder(values.zstd_level) if values.coder == ZSTD.name else values.coder,
                ground_importance(header, tensor.shape),
            )
        except TransportError as error:
            raise Refusal(error.cause, str(error)) from error
        watch.lap('coding_ms')
        self._rate_decision = decision
        self._session.note_sent()
        self._features.publish(decision.message)
        if self._chunks is not None:
            self._publish_chunks(header, decision.message)
        sizes = {
            'payload_bytes': len(decision.encoded.payload),
            'message_bytes': decision.message_bytes,
        }
        return Result({**begun.laps, **watch.laps, **sizes})

    def _publish_chunks(self, header: FeatureHeader, message: bytes) -> None:
        """Publish the pieces of a feature; one that is too large for them travels whole only."""
        self._without_pieces = ''
        redundancy = self.parameters.values.chunk_redundancy
        try:
            pieces = cut(
                message, header.station_id, header.session_id, header.sequence, redundancy
            )
        except TransportError as error:
            self._without_pieces = f'{error}; set a smaller byte_budget or chunk_redundancy'
            self.warn(Refusal(error.cause, self._without_pieces), 'feature not cut in pieces: ')
            return
        stamp = Time(nanoseconds=header.stamp).to_msg()
        message_header = Header(stamp=stamp, frame_id=header.frame_id)
        for piece in pieces:
            self._chunks.publish(message_from_chunk(piece, message_header))

    def _rate_status(self) -> DiagnosticStatus:
        """Say what the byte budget made of the newest feature."""
        values, decision = self.parameters.values, self._rate_decision
        limits = {
            'profile': values.profile,
            'byte_budget': values.byte_budget or PROFILES[values.profile],
        }
        if decision is None:
            return status(DiagnosticStatus.OK, 'nothing sent yet', **limits)
        rung = decision.rung
        choice = {
            'message_bytes': decision.message_bytes,
            'quantization': rung.quantization.name.lower(),
            'levels': rung.levels,
            'spent_by_importance': rung.thrifty,
            'dropped_channels': decision.dropped_channels,
        }
        if self._without_pieces:
            message = f'not cut in pieces: {self._without_pieces}'
            return status(DiagnosticStatus.WARN, message, **limits, **choice)
        if decision.costs_content:
            return status(DiagnosticStatus.WARN, 'the budget costs content', **limits, **choice)
        if rung.quantization > Quantization.parse(values.quantization):
            return status(DiagnosticStatus.OK, 'the budget costs precision', **limits, **choice)
        return status(DiagnosticStatus.OK, 'inside the budget', **limits, **choice)


def main(arguments: list[str] | None = None) -> int:
    """Run the node until it is told to stop."""
    return run_node(InfrastructureNode, sys.argv[1:] if arguments is None else arguments)
