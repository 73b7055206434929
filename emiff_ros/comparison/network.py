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

"""One trained network on the pairs of a folder, with what its roadside half would send."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from emiff_ros.comparison.disturbance import disturbed_camera, disturbed_pose, expose
from emiff_ros.comparison.inputs import network_camera
from emiff_ros.comparison.late_fusion import ScoredBoxes
from emiff_ros.comparison.message_size import MessageSizer
from emiff_ros.dair.frames import CooperativePair, SensorFrame
from emiff_ros.dair.images import read_image
from emiff_ros.device import find_device
from emiff_ros.geometry import Affine, box_corners, transform_points
from emiff_ros.model.camera import Camera
from emiff_ros.model.emiff import InfrastructureView
from emiff_ros.model.preprocessing import preprocess_image
from emiff_ros.model.weights import load_weights, read_metadata
from emiff_ros.resize import resize
from emiff_ros.training.scene import vehicle_from_virtual_lidar
from emiff_ros.transport.codec import decode_feature, encode_feature

_BYTES_PER_FLOAT = 4

Pixels = NDArray[np.uint8]


class Sent(NamedTuple):
    """What the roadside sends of one image.

    Attributes:
        feature: the transmitted tensor [1, c, h, w] after its way over the radio; None if the
            image itself is sent.
        image: the network's input [1, 3, H, W]; None if a feature is sent.
        average_bytes: as published figures count it: a feature 4 bytes a value, an image its JPEG.
        message_bytes: serialised length of the message.
    """

    feature: Tensor | None
    image: Tensor | None
    average_bytes: float
    message_bytes: float


class RoadsideCamera(NamedTuple):
    """A roadside camera where it is believed to be.

    Attributes:
        camera: at the network's input size, seen from the frame in which the network detects.
        vehicle_from_detections: [3, 4] from that frame to the vehicle's, metres.
    """

    camera: Camera
    vehicle_from_detections: Affine


class Network:
    """Weights on a device. Of the latest frames, pictures and features are kept.

    Attributes:
        config: of the network.
        model: in evaluation mode, on the device.
        metadata: of the weights file.
        fingerprint: of the weights.
    """

    def __init__(
        self,
        path: str | Path,
        device: str = 'cpu',
        quantization: str = 'int8',
        coder: str = 'zstd',
    ) -> None:
        """Load the weights in ``path``.

        Args:
            path: a whole network.
            device: auto, cpu or cuda:N.
            quantization: number format of transmitted features.
            coder: their entropy coder.

        Raises:
            ValueError: if the device is absent.
            WeightsError: if the file cannot be used.
        """
        model, self.config, self.fingerprint = load_weights(path)
        self.metadata = read_metadata(path)
        self._device = find_device(device, 'device')
        self.model = model.to(self._device).eval()
        self._quantization, self._coder = quantization, coder
        self._sizer = MessageSizer()
        self._latest: dict[tuple[str, type], tuple] = {}

    @property
    def labels(self) -> str:
        """Whose labels it was trained on; with the roadside's it detects in that unit's frame."""
        return self.metadata.get('labels', 'cooperative')

    def load(self, frame: SensorFrame, stops: float = 0.0) -> Pixels:
        """Return a frame's image [H, W, 3] (RGB) at the network's input size and exposure."""
        size = self.config.image_height, self.config.image_width
        return self._kept(
            'picture',
            frame,
            stops,
            lambda: expose(resize(read_image(frame.image_path, size), *size), stops),
        )

    def camera(self, frame: SensorFrame, camera_from_frame: Affine) -> Camera:
        """Return a frame's camera at the network's input size."""
        return network_camera(frame, camera_from_frame, self.config)

    def roadside_camera(
        self, pair: CooperativePair, error: NDArray[np.float64] | None = None
    ) -> RoadsideCamera:
        """Return a pair's roadside camera.

        A network that learned the roadside unit's own labels detects in the frame of its virtual
        LiDAR, as one that knows of no vehicle; others detect around the vehicle.

        Args:
            pair: the roadside frame and both poses.
            error: [4, 4] of the roadside pose, see ``Disturbance.pose_error``.

        Raises:
            DairError: if a calibration cannot be read.
        """
        error = np.eye(4) if error is None else error
        frame = pair.infrastructure
        if self.labels != 'infrastructure':
            believed = disturbed_camera(pair.camera_from_vehicle(), error)
            return RoadsideCamera(self.camera(frame, believed), np.eye(4)[:3])
        camera = self.camera(frame, frame.camera_from_virtual_lidar())
        return RoadsideCamera(camera, disturbed_pose(vehicle_from_virtual_lidar(pair), error))

    @torch.inference_mode()
    def encode_vehicle(self, frame: SensorFrame, stops: float = 0.0) -> list[Tensor]:
        """Encode the vehicle's picture."""
        return self._kept(
            'levels',
            frame,
            stops,
            lambda: self.model.encode_vehicle(self._input(self.load(frame, stops))),
        )

    @torch.inference_mode()
    def encode_infrastructure(self, frame: SensorFrame, stops: float = 0.0) -> NDArray[np.float32]:
        """Encode a roadside picture into the tensor [c, h, w] that is to be sent."""
        feature = self.model.encode_infrastructure(self._input(self.load(frame, stops)))
        return feature[0].float().cpu().numpy()

    def load_to_send(self, frame: SensorFrame, stops: float = 0.0) -> None:
        """Read the files that :meth:`send` needs, so that it does not wait for them.

        Raises:
            DairError: if the image cannot be read.
        """
        self.load(frame, stops)
        if self.config.modality == 'early':
            self._jpeg(frame)

    @torch.inference_mode()
    def send(self, frame: SensorFrame, stops: float = 0.0) -> Sent:
        """Encode a roadside picture as it arrives at the vehicle: quantised, packed, unpacked."""
        return self._kept('sent', frame, stops, lambda: self._send(frame, stops))

    @torch.inference_mode()
    def detect(
        self, levels: list[Tensor] | None, camera: Camera | None, views: list[InfrastructureView]
    ) -> ScoredBoxes:
        """Detect in the frame of the cameras: corners and scores."""
        found = self.model.decode(self.model.fuse(levels, camera, views))[0]
        corners = box_corners(found.boxes.double().cpu().numpy())
        return ScoredBoxes(corners, found.scores.double().cpu().numpy())

    def view(self, camera: Camera, sent: Sent) -> InfrastructureView:
        """Return a roadside view as the network takes it."""
        return InfrastructureView(camera, image=sent.image, feature=sent.feature)

    @torch.inference_mode()
    def detect_from_the_pole(
        self, frame: SensorFrame, roadside: RoadsideCamera, stops: float = 0.0
    ) -> ScoredBoxes:
        """Detect with the roadside camera alone; the boxes come back in the vehicle's frame."""
        image = self._input(self.load(frame, stops))
        found = self.detect(None, None, [InfrastructureView(roadside.camera, image)])
        corners = transform_points(roadside.vehicle_from_detections, found.corners)
        return ScoredBoxes(corners, found.scores)

    def _send(self, frame: SensorFrame, stops: float) -> Sent:
        if self.config.modality == 'early':
            image, jpeg = self._input(self.load(frame, stops)), self._jpeg(frame)
            return Sent(None, image, len(jpeg), self._sizer.image(jpeg))
        tensor = self.encode_infrastructure(frame, stops)
        encoded = encode_feature(tensor, self._quantization, self._coder)
        received = torch.from_numpy(decode_feature(encoded))[None].to(self._device)
        size = self._sizer.feature(encoded)
        return Sent(received, None, _BYTES_PER_FLOAT * tensor.size, size)

    def _jpeg(self, frame: SensorFrame) -> bytes:
        return self._kept('jpeg', frame, 0.0, frame.image_bytes)

    def _kept(self, what: str, frame: SensorFrame, stops: float, make: Callable[[], Any]) -> Any:
        """Return the latest result again while frame and exposure stay the same."""
        key = (frame.image_path, stops)
        if self._latest.get((what, type(frame)), (None,))[0] != key:
            self._latest[what, type(frame)] = (key, make())
        return self._latest[what, type(frame)][1]

    def _input(self, picture: Pixels) -> Tensor:
        return preprocess_image(torch.from_numpy(picture).to(self._device), self.config)[None]
