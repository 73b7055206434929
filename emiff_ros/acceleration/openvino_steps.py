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

"""A network whose convolutions OpenVINO computes."""

from collections.abc import Sequence

from torch import Tensor

from emiff_ros.acceleration.column_neck import ColumnNeck, columns_of
from emiff_ros.acceleration.config import AccelerationConfig
from emiff_ros.acceleration.input_calibration import Calibration
from emiff_ros.acceleration.openvino_alignment import OpenVinoAlignment
from emiff_ros.acceleration.openvino_program import OpenVinoProgram
from emiff_ros.acceleration.steps import Maps, NetworkSteps
from emiff_ros.model import Emiff, HeadMaps
from emiff_ros.model.cross_attention import mean_of_scales


class OpenVinoSteps(NetworkSteps):
    """The steps of one network, as its base class has them.

    Both encoders, the attention, the masks and a folded neck are programs; a 3D neck, sampling and
    decoding are PyTorch's.
    """

    def __init__(
        self,
        model: Emiff,
        acceleration: AccelerationConfig,
        calibration: Calibration | None = None,
    ) -> None:
        """Prepare the programs; they are compiled when they run first."""
        super().__init__(model, acceleration, calibration)
        network = self._model  # and not self, which would never be let go of
        self._vehicle = OpenVinoProgram(network.encode_vehicle)
        self._infrastructure = OpenVinoProgram(
            lambda image: [network.encode_infrastructure(image)]
        )
        self._vehicle_half = _vehicle_half(network)
        self._infrastructure_half = _infrastructure_half(network)
        self._weigh = _weigh(network)
        self._mask = OpenVinoProgram(
            lambda seen, vector: network.channel_masking([seen], [vector.flatten(1)])
        )
        self._columns = (
            OpenVinoProgram(lambda columns: network.head(network.neck.layers(columns)))
            if isinstance(network.neck, ColumnNeck)
            else None
        )

    def encode_vehicle(self, image: Tensor) -> list[Tensor]:
        """Encode the vehicle's image [1, 3, H, W]."""
        return list(self._vehicle(image))

    def align_vehicle(self, levels: Sequence[Tensor]) -> Tensor:
        """Do the vehicle's half of the attention: [1, C, h, w]."""
        return levels[0] if self._vehicle_half is None else self._vehicle_half(*levels)[0]

    def align_infrastructure(self, feature: Tensor) -> Maps:
        """Decompress a transmitted tensor [1, c, h', w'] and do its half of the attention."""
        return self._infrastructure_half(feature)

    def weigh(self, vehicle: Maps, scales: Maps) -> Tensor:
        """Weigh the aligned scales of one view by the vehicle's map, if there is one."""
        return self._weigh(*vehicle, *scales)[0]

    def mask(self, maps: Maps, vectors: Maps) -> Maps:
        """Mask the channels of each view's map as its camera vector [16] says."""
        return tuple(
            self._mask(x, vector.view(1, -1, 1, 1))[0]
            for x, vector in zip(maps, vectors, strict=True)
        )

    def encode_infrastructure(self, image: Tensor) -> Tensor:
        """Encode a roadside image [1, 3, H, W]."""
        return self._infrastructure(image)[0]

    def predict(self, volume: Tensor) -> HeadMaps:
        """Run neck and head."""
        if self._columns is None:
            return super().predict(volume)
        return HeadMaps(*self._columns(columns_of(volume)))


def _vehicle_half(network: Emiff) -> OpenVinoAlignment | None:
    attention = network.cross_attention
    if attention is None or attention.vehicle_alignment is None:
        return None
    return OpenVinoAlignment(
        attention.vehicle_alignment, after=lambda aligned: [mean_of_scales(aligned)]
    )


def _infrastructure_half(network: Emiff) -> OpenVinoAlignment | OpenVinoProgram:
    attention, size = network.cross_attention, network.config.feature_size

    def decoded(feature: Tensor) -> list[Tensor]:
        return [network.decode_infrastructure(feature, size)]

    if attention is None or attention.infrastructure_alignment is None:
        return OpenVinoProgram(decoded)
    return OpenVinoAlignment(
        attention.infrastructure_alignment,
        before=lambda feature: attention.multi_scale_block(*decoded(feature)),
    )


def _weigh(network: Emiff) -> OpenVinoProgram:
    """From the vehicle's map, if there is a vehicle, and a view's aligned scales to one map."""
    has_vehicle = network.config.has_vehicle

    def weigh(*maps: Tensor) -> list[Tensor]:
        query = maps[0] if has_vehicle else None
        return [network.cross_attention.weigh_scales(maps[has_vehicle:], query)]

    return OpenVinoProgram(weigh)


def make_steps(
    model: Emiff, acceleration: AccelerationConfig, calibration: Calibration | None = None
) -> NetworkSteps:
    """Return the steps that ``acceleration.engine`` asks for.

    Raises:
        ValueError: if a speed-up does not fit the network or its device, or OpenVINO is missing.
    """
    kind = OpenVinoSteps if acceleration.engine == 'openvino' else NetworkSteps
    return kind(model, acceleration, calibration)
