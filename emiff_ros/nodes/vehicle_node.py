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

"""The vehicle node: fuses its own image with roadside features and detects in 3D."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import functools
from pathlib import Path
import sys
import time

from message_filters import Subscriber
from nav_msgs.msg import Odometry
import numpy as np
from rclpy.lifecycle import LifecyclePublisher
from rclpy.qos import QoSProfile
from std_msgs.msg import Header
import torch
from vision_msgs.msg import Detection3DArray

from emiff_msgs.msg import CameraCalibration, FeatureTensor, FusionStatus
from emiff_ros.acceleration import AccelerationConfig, AlignedView
from emiff_ros.device import find_device
from emiff_ros.geometry import compose
from emiff_ros.home import expand_home
from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.coverage import sees_range
from emiff_ros.matching.matcher import Matcher
from emiff_ros.matching.pairs_file import read_pairs
from emiff_ros.matching.policy import DatasetPairs, MatchingPolicy, NewestFitting
from emiff_ros.matching.results import Match, MatchState, Refused
from emiff_ros.model import Boxes, Camera
from emiff_ros.model.weights import load_vehicle_model
from emiff_ros.nodes.ahead_alignment import AheadAlignment
from emiff_ros.nodes.calibration import CalibrationBuffer, Extrinsics
from emiff_ros.nodes.chunk_input import ChunkInput
from emiff_ros.nodes.counted_source import CountedSource
from emiff_ros.nodes.ego_filter import EgoFootprint
from emiff_ros.nodes.feature_aligner import FeatureAligner
from emiff_ros.nodes.fusion_status import fusion_status_message
from emiff_ros.nodes.images import NetworkImage
from emiff_ros.nodes.managed_node import ManagedNode, ReceivedImage, Result
from emiff_ros.nodes.pose_inputs import PoseInputs
from emiff_ros.nodes.pose_sources import Source
from emiff_ros.nodes.poses import PoseBuffer, VehiclePose
from emiff_ros.nodes.process import run_node
from emiff_ros.nodes.processing_time import Stopwatch
from emiff_ros.nodes.qos import naming
from emiff_ros.nodes.received_feature import ReceivedFeature, measurements, unused, used
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.nodes.specifications import VEHICLE
from emiff_ros.nodes.speed import calibration_for, choose_acceleration
from emiff_ros.nodes.station_health import StationHealth
from emiff_ros.nodes.transforms import TfExtrinsics, TfPose, tf_is_wanted
from emiff_ros.nodes.vehicle_debug import Scene, SizedView, VehicleDebug
from emiff_ros.nodes.vehicle_network import VehicleNetwork
from emiff_ros.stamps import SECOND
from emiff_ros.transport.codec import decode_feature
from emiff_ros.transport.detection_message import require_layout, serialize_detections
from emiff_ros.transport.errors import TransportError
from emiff_ros.transport.feature_header import FeatureHeader
from emiff_ros.transport.feature_message import expected_encoding, header_from_message
from emiff_ros.viz.projection import CameraView

SeenFeature = tuple[ReceivedFeature, Camera]
"""A feature to fuse, and its camera as the vehicle sees it."""

FEATURE_DEPTH = 20
"""Features that DDS keeps: after a stall of the radio those of all stations arrive at once."""

FEATURE_REFUSED = 'feature refused: '


@dataclass(frozen=True)
class EncodedImage:
    """What the first stage makes of an image.

    Attributes:
        image: at the network's input size.
        extrinsics: of its camera.
        vehicle_map: the image behind its half of the network.
        laps: milliseconds by name of the step.
    """

    image: NetworkImage
    extrinsics: Extrinsics
    vehicle_map: torch.Tensor
    laps: Mapping[str, float]


@dataclass(frozen=True)
class ResultPublishers:
    """What results go to.

    Attributes:
        detections: Detection3DArray.
        status: FusionStatus.
        debug: pictures and markers.
    """

    detections: LifecyclePublisher
    status: LifecyclePublisher
    debug: VehicleDebug


class VehicleNode(ManagedNode):
    """Image, pose and roadside features in, Detection3DArray and FusionStatus out.

    The vehicle never waits for the radio: whatever fits best when its own image is encoded is
    fused; if nothing fits, the result is vehicle-only and says so.
    """

    measurements = (
        'preprocess_ms',
        'backbone_ms',
        'matching_ms',
        'detection_ms',
        'feature_age_ms',
        'payload_bytes',
    )

    def __init__(self, name: str = 'vehicle_node') -> None:
        """Declare parameters.

        Raises:
            ParameterError: for an unknown parameter or a bad value.
        """
        super().__init__(name, VEHICLE)
        values = self.parameters.values
        self._calibrations = CalibrationBuffer()
        self._poses = PoseBuffer(values.max_pose_gap)
        self._matcher = Matcher(self._matching())
        self._network: VehicleNetwork | None = None
        self._aligner: FeatureAligner | None = None
        self._ahead: AheadAlignment | None = None
        self._ego: EgoFootprint | None = None
        self._results: ResultPublishers | None = None
        self._extrinsics: Source[Extrinsics] = self._calibrations
        self._pose_source = CountedSource(self._poses)
        self._stations = StationHealth(
            self._matcher, values, lambda: self.get_clock().now().nanoseconds
        )
        self.health.reporter.add('pose', self._pose_source.status)
        self.health.reporter.add_group(self._stations.statuses)
        self._chunk_input = ChunkInput(self, self._on_feature)

    def load_network(self, path: Path) -> tuple[torch.device, AccelerationConfig]:
        """Load the receiver's half of the network."""
        values = self.parameters.values
        tf_is_wanted(*self._wanted_sources)
        self._matcher.choose_by(_policy(values.pairs_file))
        self._ego = EgoFootprint.from_values(values.ego_footprint)
        device = find_device(values.device, 'parameter device')
        loaded = load_vehicle_model(path)
        acceleration = choose_acceleration(
            values.acceleration, values.engine, loaded.config, device, self.get_logger().warning
        )
        calibration = calibration_for(acceleration, path, loaded.fingerprint)
        self._network = VehicleNetwork(loaded, device, acceleration, calibration)
        self._aligner = FeatureAligner(self._network.align)
        self._ahead = AheadAlignment(self._aligner, self._matcher.preview)
        if device.type == 'cuda':
            self._network.run_once(views=0)  # records the step that the first silence needs
        return device, acceleration

    def free_network(self) -> None:
        """Drop the weights."""
        self._network = None
        if self._aligner is not None:
            self._aligner.close()
            self._aligner = self._ahead = None

    def run_once(self) -> None:
        """Fuse an empty image with an empty feature."""
        self._network.run_once()

    def create_outputs(self) -> None:
        """Create the publishers."""
        require_layout(Detection3DArray)
        profile = QoSProfile(depth=1)
        self._results = ResultPublishers(
            self.outputs.create(Detection3DArray, '~/output/detections', profile),
            self.outputs.create(FusionStatus, '~/output/fusion_status', profile),
            VehicleDebug(self.outputs),
        )

    def create_inputs(self) -> None:
        """Listen to the pose, the calibration and the stations."""
        values = self.parameters.values
        self._matcher.listen_again()
        poses = PoseInputs(self, *self._wanted_sources)
        self._pose_source.source = poses.open(
            values.pose_source,
            Odometry,
            '~/input/odometry',
            self._poses,
            lambda transforms: TfPose(transforms, values.map_frame, values.vehicle_frame),
            depth=50,
        )
        self._extrinsics = poses.open(
            values.calibration_source,
            CameraCalibration,
            '~/input/calibration',
            self._calibrations,
            lambda transforms: TfExtrinsics(transforms, values.vehicle_frame, self.camera_frame),
            depth=10,
            repeats=False,
        )
        for topic in filter(None, self.parameters.values.feature_chunk_topics):
            self._chunk_input.listen(topic)
        for topic in filter(None, self.parameters.values.feature_topics):
            options = self.inputs.options(topic, FEATURE_DEPTH)
            with naming(topic):
                subscriber = Subscriber(self, FeatureTensor, topic, **options)
            subscriber.registerCallback(self.inputs.guarded(self._on_feature))
            self.inputs.adopt(subscriber.sub)
        self._stations.begin(self._network.config.has_infrastructure)
        self.inputs.call_on_destroy(self._stations.end)

    @property
    def _wanted_sources(self) -> tuple[str, str]:
        values = self.parameters.values
        return values.pose_source, values.calibration_source

    # Inputs.

    def _on_feature(self, message: FeatureTensor) -> None:
        """Check, decode and cache a feature; what is refused here never reaches the network."""
        now = self.get_clock().now().nanoseconds
        header = None
        try:
            header = header_from_message(message)
            encoded = expected_encoding(message, header, self._network.expectation)
            payload = ReceivedFeature(header, decode_feature(encoded), len(encoded.payload))
            answer = self._matcher.add(header, payload, now)
        except TransportError as error:
            answer = self._matcher.refuse(message.station_id, error.cause, str(error), now, header)
        if isinstance(answer, Refused):
            self.warn(Refusal(answer.cause, answer.reason), FEATURE_REFUSED)
        else:
            self._ahead.feature_arrived()

    # The two stages.

    def begin(self, received: ReceivedImage) -> EncodedImage:
        """Encode one image, which needs no roadside data.

        Raises:
            Refusal: if the image or its calibration cannot be used.
        """
        self._matcher.expect(received.stamp)
        extrinsics = self._extrinsics.at(
            received.stamp, self.parameters.values.calibration_timeout
        )
        height, width = self._network.image_size
        watch = Stopwatch()
        image = self.network_image(received, width, height)
        watch.lap('preprocess_ms')
        if self.parameters.values.overlap:
            self._ahead.image_begins(received.stamp)
        vehicle_map = self._network.encode(image.pixels)
        watch.lap('backbone_ms')
        return EncodedImage(image, extrinsics, vehicle_map, watch.laps)

    def finish(self, received: ReceivedImage, begun: EncodedImage) -> Result:
        """Fuse the image with what has arrived by now, detect and publish."""
        self._ahead.image_ends(received.stamp)
        image, extrinsics = begun.image, begun.extrinsics
        own_camera = _resting_camera(
            image.intrinsics.tobytes(),
            extrinsics.camera_from_reference.tobytes(),
            self._network.image_size,
        )
        watch = Stopwatch()
        matches, seen = self._fitting_features(received.stamp, extrinsics.reference_frame)
        watch.lap('matching_ms')
        views, boxes, matches = self._detect(begun.vehicle_map, own_camera, matches, seen)
        self._ahead.was_fused_with(match.station_id for match in used(matches))
        watch.lap('detection_ms')
        draw = self._publish(received, image, extrinsics, views, boxes, matches)
        self._stations.note(matches)
        return Result({**begun.laps, **watch.laps, **measurements(matches)}, draw)

    def _fitting_features(
        self, stamp: int, vehicle_frame: str
    ) -> tuple[Mapping[str, Match], list[SeenFeature]]:
        """Choose the features for the image at ``stamp`` and place their cameras."""
        self._matcher.configure(self._matching())
        matches = self._matcher.match(stamp, self.get_clock().now().nanoseconds)
        chosen = used(matches)
        if not self._network.config.has_infrastructure:
            return _all_unused(matches, 'the network takes no roadside features'), []
        if not chosen:
            return matches, []
        try:
            pose = self._pose(stamp, vehicle_frame)
        except Refusal as refusal:
            self.warn(refusal, 'vehicle-only: ')
            return _all_unused(matches, str(refusal)), []
        seen, out_of_view = [], {}
        for match in chosen:
            camera, reason = self._camera(match.feature.payload.header, pose)
            if camera is None:
                out_of_view[match.station_id] = unused(match, reason, MatchState.OUT_OF_VIEW)
            else:
                seen.append((match.feature.payload, camera))
        return {**matches, **out_of_view}, seen

    def _detect(
        self,
        vehicle_map: torch.Tensor,
        own_camera: Camera,
        matches: Mapping[str, Match],
        seen: Sequence[SeenFeature],
    ) -> tuple[list[AlignedView], Boxes, Mapping[str, Match]]:
        """Fuse what is seen; return ``matches`` without the features that make that fail.

        Nothing that a station sends may cost the vehicle its own result.
        """
        try:
            views, boxes = self._fuse(vehicle_map, own_camera, seen)
        except Exception as error:
            if not seen:
                raise
            failures = self._failures(vehicle_map, own_camera, seen)
            if not failures:  # they fail together only
                failures = {feature.header.station_id: error for feature, _ in seen}
            matches = self._refuse(matches, failures)
            seen = [one for one in seen if one[0].header.station_id not in failures]
            return self._detect(vehicle_map, own_camera, matches, seen)
        for match in used(matches):
            self._matcher.report_fused(match)
        return views, boxes, matches

    def _fuse(
        self, vehicle_map: torch.Tensor, own_camera: Camera, seen: Sequence[SeenFeature]
    ) -> tuple[list[AlignedView], Boxes]:
        views = [AlignedView(camera, self._aligner.aligned(feature)) for feature, camera in seen]
        threshold = self.parameters.values.score_threshold
        return views, self._network.detect(vehicle_map, own_camera, views, threshold)

    def _failures(
        self, vehicle_map: torch.Tensor, own_camera: Camera, seen: Sequence[SeenFeature]
    ) -> dict[str, Exception]:
        """Return what is raised when a feature is fused by itself, by the name of its station."""
        failures = {}
        for feature, camera in seen:
            try:
                self._fuse(vehicle_map, own_camera, [(feature, camera)])
            except Exception as error:
                failures[feature.header.station_id] = error
        return failures

    def _refuse(
        self, matches: Mapping[str, Match], failures: Mapping[str, Exception]
    ) -> dict[str, Match]:
        """Return ``matches`` without the features of the stations whose fusion failed."""
        refused = {}
        for name, error in failures.items():
            cause, reason = 'fusion_failed', f'{type(error).__name__}: {error}'
            self.warn(Refusal(cause, f'that of {name!r}: {reason}'), FEATURE_REFUSED)
            self._matcher.report_refused(matches[name], cause, reason)
            refused[name] = unused(matches[name], reason)
        return {**matches, **refused}

    def _matching(self) -> MatchingConfig:
        values = self.parameters.values
        return MatchingConfig(
            max_age=int(values.max_feature_age * SECOND),
            max_future=int(values.max_feature_lead * SECOND),
            max_pose_jump=values.max_station_jump,
        )

    def _pose(self, stamp: int, vehicle_frame: str) -> VehiclePose:
        pose = self._pose_source.at(stamp, self.parameters.values.pose_timeout)
        if pose.vehicle_frame != vehicle_frame:
            raise Refusal(
                'frame_mismatch',
                f'the pose is of {pose.vehicle_frame!r} but the camera calibration refers to '
                f'{vehicle_frame!r}; expected the same frame',
            )
        return pose

    def _camera(self, header: FeatureHeader, pose: VehiclePose) -> tuple[Camera | None, str]:
        """Return a station's camera in the vehicle's frame, or why it is of no use."""
        if header.map_frame != pose.map_frame:
            return None, f'station is in {header.map_frame!r}, the vehicle in {pose.map_frame!r}'
        camera_from_vehicle = compose(header.camera_from_map, pose.map_from_vehicle)
        ranges = self._network.detection_ranges
        if not sees_range(header.intrinsics, camera_from_vehicle, header.image_size, ranges):
            return None, 'its camera sees nothing of the detection range'
        return Camera(header.intrinsics, camera_from_vehicle, header.image_size), ''

    def _publish(
        self,
        received: ReceivedImage,
        image: NetworkImage,
        extrinsics: Extrinsics,
        views: Sequence[AlignedView],
        found: Boxes,
        matches: Mapping[str, Match],
    ) -> Callable[[], None] | None:
        """Publish detections and status; return what draws the debug pictures, if watched."""
        boxes, scores = found.boxes.numpy().astype(float), found.scores.numpy().astype(float)
        labels = [self._network.config.class_names[index] for index in found.labels.tolist()]
        if self.parameters.values.filter_ego:
            outside = ~self._ego.contains(boxes)
            boxes, scores = boxes[outside], scores[outside]
            labels = [label for label, keep in zip(labels, outside, strict=True) if keep]
        header = Header(stamp=received.message.header.stamp, frame_id=extrinsics.reference_frame)
        self._results.detections.publish(
            serialize_detections(boxes, scores, labels, received.stamp, header.frame_id)
        )
        elapsed = time.monotonic() - received.arrived
        self._results.status.publish(
            fusion_status_message(header, matches, self._matcher.counters(), elapsed)
        )
        debug = self._results.debug
        if not debug.watched:
            return None
        stations = [_sized_view(view.camera) for view in views]
        scene = Scene(header, boxes, scores, image, extrinsics.camera_from_reference, stations)
        return functools.partial(debug.publish, scene)


@functools.lru_cache(maxsize=4)
def _resting_camera(
    intrinsics: bytes, camera_from_vehicle: bytes, image_size: tuple[int, int]
) -> Camera:
    """Return the camera of float64 matrices, which image after image are the same."""
    matrices = (
        np.frombuffer(matrix).reshape(3, -1) for matrix in (intrinsics, camera_from_vehicle)
    )
    return Camera(*(matrix.copy() for matrix in matrices), image_size)


def _all_unused(matches: Mapping[str, Match], reason: str) -> dict[str, Match]:
    return {name: unused(match, reason) for name, match in matches.items()}


def _policy(pairs_file: str) -> MatchingPolicy:
    if not pairs_file:
        return NewestFitting()
    return DatasetPairs(read_pairs(expand_home(pairs_file)))


def _sized_view(camera: Camera) -> SizedView:
    view = CameraView(camera.intrinsics.numpy(), camera.camera_from_vehicle.numpy())
    return view, camera.image_size


def main(arguments: list[str] | None = None) -> int:
    """Run the node until it is told to stop."""
    return run_node(VehicleNode, sys.argv[1:] if arguments is None else arguments)
