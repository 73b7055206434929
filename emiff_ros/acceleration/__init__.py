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

"""A network of :mod:`emiff_ros.model` made faster, one switch for each speed-up.

    network = accelerate(model, AccelerationConfig.for_gpu())
    vehicle_map = network.encode_vehicle_picture(pixels)
    boxes = network.detect_encoded(vehicle_map, camera, views)

The model stays the plain reference; ``network.py`` has the same methods, ``encoder.py`` those of a
roadside unit. ``steps.py`` cuts a frame into steps; ``config.py`` says how each is computed. One
idea a file:

- the whole network: ``batch_norm.py``, ``precision.py``, ``heap.py``, ``cuda_graph.py``,
  ``fused_convolution.py``;
- pictures and stems: ``image_preparation.py``, ``stem.py``; pairs of them: ``pair_detector.py``;
- cameras: ``camera_values.py``; what cuDNN is told: ``convolution_settings.py``;
- attention and sampling: ``deformable_norm.py``, ``deformable_taps.py``, ``voxel_reads.py``;
- necks: ``height_convolution.py``, ``winograd.py``, ``volume_neck.py``, ``column_neck.py``;
- 8 bits: ``byte_rounding.py``; of a 3D neck ``observer.py``, ``calibration.py`` and
  ``quantized_neck.py``; of a network with a folded one ``input_calibration.py``,
  ``rounded_convolution.py`` and ``rounded_parts.py``;
- OpenVINO: ``openvino_package.py``, ``openvino_program.py``, ``openvino_operators.py``,
  ``openvino_alignment.py``, ``openvino_steps.py``;
- boxes: ``candidates.py``.
"""

from emiff_ros.acceleration.calibration import NeckCalibration, NeckObserver
from emiff_ros.acceleration.config import AccelerationConfig
from emiff_ros.acceleration.encoder import AcceleratedEncoder
from emiff_ros.acceleration.input_calibration import InputCalibration, InputObserver
from emiff_ros.acceleration.network import AcceleratedEmiff, AlignedView, accelerate
from emiff_ros.acceleration.pair_detector import PairDetector

__all__ = [
    'AcceleratedEmiff',
    'AcceleratedEncoder',
    'AccelerationConfig',
    'AlignedView',
    'InputCalibration',
    'InputObserver',
    'NeckCalibration',
    'NeckObserver',
    'PairDetector',
    'accelerate',
]
