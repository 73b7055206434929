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

"""The identity of a trained network, which both halves carry and every feature message names."""

import hashlib
import json

import torch
from torch import Tensor

from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.emiff import Emiff


def fingerprint(model: Emiff) -> str:
    """Return the SHA-256 of a whole network as 64 hexadecimal digits.

    It covers the architecture (every field of the configuration but the detection thresholds) and
    all floating-point tensors as float32, sorted by name. Counters of batch norms are left out.
    Compute it once, on the float32 weights of a training, and carry it along: precision and export
    format do not change it.

    Raises:
        ValueError: if ``model`` is one half only.
    """
    if model.config.has_infrastructure and model.infrastructure_encoder is None:
        raise ValueError(
            'the fingerprint belongs to the whole network; this model has no infrastructure '
            'encoder. Use the fingerprint that was loaded with it'
        )
    return fingerprint_tensors(model.config, model.state_dict())


def fingerprint_tensors(config: EmiffConfig, state_dict: dict[str, Tensor]) -> str:
    """Return the fingerprint of the whole network's ``state_dict``; see :func:`fingerprint`."""
    digest = hashlib.sha256()
    digest.update(json.dumps(config.architecture(), sort_keys=True).encode())
    for name in sorted(state_dict):
        tensor = state_dict[name]
        if tensor.is_floating_point():
            values = tensor.detach().to('cpu', torch.float32).contiguous()
            digest.update(f'{name}{list(values.shape)}'.encode())
            digest.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
