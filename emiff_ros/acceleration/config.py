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

"""Which speed-ups an accelerated network uses: each is a switch."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator
import torch

from emiff_ros.acceleration.openvino_package import require_openvino
from emiff_ros.model import EmiffConfig

GPU_ONLY = ('fused_activations', 'autotune', 'cuda_graphs', 'parallel_encoders')
CPU_ONLY = (
    'compiled_taps',
    'sliced_pooling',
    'quantized_encoders',
    'quantized_attention',
    'keep_memory',
)

Engine = Literal['torch', 'openvino']

Precision = Literal['float32', 'tf32', 'bfloat16', 'float16']

DTYPES = {
    'float32': torch.float32,
    'tf32': torch.float32,
    'bfloat16': torch.bfloat16,
    'float16': torch.float16,
}

_FOR_CPU = dict.fromkeys(('keep_memory', 'opencv_resize'), True)


class AccelerationConfig(BaseModel):
    """Speed-ups of :func:`emiff_ros.acceleration.accelerate`; the defaults keep float32.

    Attributes:
        engine: what computes encoders, attention and a folded neck: PyTorch, operation by
            operation, or programs of OpenVINO (CPU, float32 or 8 bits).
        precision: of weights and feature maps. ``tf32`` is float32 whose convolutions round their
            factors to 10 bits of mantissa (NVIDIA GPUs). Projections, camera vectors, deformed
            positions, boxes and suppression stay in float32 or better whatever this says.
        fold_batch_norm: multiply batch norms into the convolutions before them.
        channels_last: keep the channels of one pixel next to each other in memory.
        indexed_sampling: read voxels by rows of a table, with positions computed once for each
            camera, instead of ``grid_sample``.
        compiled_taps: read the taps of deformable convolutions in a compiled loop, not with
            ``grid_sample`` (CPU); engine openvino knows nothing else.
        sliced_pooling: find the maxima of both stems in slices of the map, before the ReLU (CPU).
        keep_memory: keep what a frame frees for the next one, in the whole process (CPU, glibc).
        neck: form of the 3D neck's convolutions. ``plain`` as in the model; ``conv3d`` with height
            as the slowest axis; ``conv2d`` as 2D convolutions over the planes of the volume, each
            reading the planes below and above it as further channels; ``winograd`` the same with
            a fifth of the products (float32 on a CPU); ``int8`` with 8-bit factors behind the
            first layer or block, which needs a calibration (CPU). Of these a folded neck knows
            ``int8`` alone, with engine openvino.
        quantized_encoders: 8-bit factors in both backbones and behind them, which needs a
            calibration and engine openvino.
        quantized_attention: the same in the cross attention's ordinary convolutions.
        fused_activations: bias, sum and ReLU inside cuDNN's convolutions, but for those with few
            channels and a ``plain`` 3D neck (GPU).
        device_decoding: boxes and their suppression on the device; only detections are copied.
        autotune: let cuDNN try its algorithms once for each size (GPU).
        cuda_graphs: record each step once and replay it as one launch (GPU).
        parallel_encoders: encode both images on two streams at once (GPU).
        opencv_resize: shrink pictures with OpenCV before they go to the device (CPU).
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    engine: Engine = 'torch'
    precision: Precision = 'float32'
    fold_batch_norm: bool = True
    channels_last: bool = True
    indexed_sampling: bool = True
    compiled_taps: bool = False
    sliced_pooling: bool = False
    keep_memory: bool = False
    neck: Literal['plain', 'conv3d', 'conv2d', 'winograd', 'int8'] = 'conv2d'
    quantized_encoders: bool = False
    quantized_attention: bool = False
    fused_activations: bool = False
    device_decoding: bool = False
    autotune: bool = False
    cuda_graphs: bool = False
    parallel_encoders: bool = False
    opencv_resize: bool = False

    @model_validator(mode='after')
    def _check_switches(self) -> 'AccelerationConfig':
        if self.fused_activations and not self.fold_batch_norm:
            raise ValueError('fused_activations needs fold_batch_norm: no norm may stand between')
        if self.neck == 'winograd' and self.precision != 'float32':
            raise ValueError(f'neck winograd needs precision float32; got {self.precision}')
        if self.engine == 'openvino':
            self._check_openvino()
        elif self.quantized_encoders or self.quantized_attention:
            raise ValueError('quantized_encoders and quantized_attention need engine openvino')
        if self.cuda_graphs and not self.indexed_sampling:
            raise ValueError(
                'cuda_graphs needs indexed_sampling: the model computes positions on the way, '
                'which a graph cannot record'
            )
        return self

    def _check_openvino(self) -> None:
        needed = (self.fold_batch_norm, self.channels_last, self.compiled_taps)
        if self.precision != 'float32' or not all(needed) or self.sliced_pooling:
            raise ValueError(
                'engine openvino needs precision float32, fold_batch_norm, channels_last and '
                'compiled_taps, and does not take sliced_pooling: it has its own'
            )

    def check_device(
        self, device: torch.device, subject: str, switches: Sequence[str] = (*GPU_ONLY, *CPU_ONLY)
    ) -> None:
        """Check that what is switched on is installed and exists on a device.

        Args:
            device: where the network is.
            subject: that network, for the message.
            switches: that play a role there.

        Raises:
            ValueError: for a switch that needs another kind of device, or without OpenVINO.
        """
        for name in switches:
            kind, needed = ('cuda', 'an NVIDIA GPU') if name in GPU_ONLY else ('cpu', 'a CPU')
            if getattr(self, name) and device.type != kind:
                raise ValueError(f'{name} needs {needed}; {subject} is on {device}')
        if self.engine == 'openvino':
            require_openvino()
            if device.type != 'cpu':
                raise ValueError(f'engine openvino needs a CPU; {subject} is on {device}')

    def fitted(self, network: EmiffConfig) -> 'AccelerationConfig':
        """Return it without what adds views up, for a network that sets them side by side."""
        if network.view_fusion != 'concatenate':
            return self
        return self.model_copy(update={'indexed_sampling': False, 'cuda_graphs': False})

    @property
    def needs_calibration(self) -> bool:
        """Whether anything is computed in 8 bits."""
        return self.neck == 'int8' or self.quantized_encoders or self.quantized_attention

    @property
    def dtype(self) -> torch.dtype:
        """Type of weights and feature maps."""
        return DTYPES[self.precision]

    @classmethod
    def plain(cls) -> 'AccelerationConfig':
        """Return the configuration without any speed-up."""
        return cls(
            fold_batch_norm=False, channels_last=False, indexed_sampling=False, neck='plain'
        )

    @classmethod
    def for_gpu(cls, precision: Precision = 'float16') -> 'AccelerationConfig':
        """Return everything that helps on an NVIDIA GPU."""
        return cls(
            precision=precision,
            neck='conv3d',
            fused_activations=True,
            device_decoding=True,
            autotune=True,
            cuda_graphs=True,
            parallel_encoders=True,
        )

    @classmethod
    def for_cpu(
        cls, precision: Precision = 'bfloat16', quantized: bool = False
    ) -> 'AccelerationConfig':
        """Return everything that helps PyTorch on a CPU, 8 bits in a 3D neck if ``quantized``.

        Where 16 or 8 bits make products cheap, Winograd's sums cost more than they save.
        """
        neck = 'int8' if quantized else _float_neck(precision)
        return cls(
            precision=precision,
            neck=neck,
            compiled_taps=True,
            sliced_pooling=True,
            **_FOR_CPU,
        )

    @classmethod
    def for_openvino(cls, quantized: bool = False) -> 'AccelerationConfig':
        """Return everything that helps on a CPU with OpenVINO, 8 bits only if ``quantized``."""
        return cls(
            engine='openvino',
            compiled_taps=True,
            neck='int8' if quantized else _float_neck('float32'),
            quantized_encoders=quantized,
            quantized_attention=quantized,
            **_FOR_CPU,
        )


def _float_neck(precision: Precision) -> str:
    """Return the fastest form of a 3D neck on a CPU."""
    return 'winograd' if precision == 'float32' else 'conv3d'
