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

"""Speed-ups that need each other are refused apart."""

import pytest

from emiff_ros.acceleration import AccelerationConfig

OPENVINO = {'engine': 'openvino', 'compiled_taps': True}


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'fused_activations': True, 'fold_batch_norm': False}, 'needs fold_batch_norm'),
        ({'cuda_graphs': True, 'indexed_sampling': False}, 'cuda_graphs needs indexed_sampling'),
        ({'neck': 'winograd', 'precision': 'bfloat16'}, 'needs precision float32; got bfloat16'),
        ({'quantized_encoders': True}, 'need engine openvino'),
        ({'quantized_attention': True}, 'need engine openvino'),
        *(
            (
                {'engine': 'openvino', 'compiled_taps': True} | other,
                'engine openvino needs precision float32',
            )
            for other in (
                {'precision': 'bfloat16', 'neck': 'conv3d'},
                {'fold_batch_norm': False},
                {'channels_last': False},
                {'compiled_taps': False},
                {'sliced_pooling': True},
            )
        ),
        ({'warp_drive': True}, 'warp_drive'),
    ],
)
def test_impossible_combinations_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        AccelerationConfig(**values)
