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

"""A part of a network as a program of OpenVINO, for a CPU."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
import importlib.util
import threading
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx


def has_openvino() -> bool:
    """Tell whether OpenVINO is installed."""
    return importlib.util.find_spec('openvino') is not None


def require_openvino() -> None:
    """Check that OpenVINO is installed.

    Raises:
        ValueError: if it is not; the message says how to get it.
    """
    if not has_openvino():
        raise ValueError(
            '8 bits and engine openvino need the package openvino, which is not installed; get it '
            'with: pip install openvino'
        )


class OpenVinoProgram:
    """A function of maps that OpenVINO compiles in the first call, for the shapes of that call.

    Maps are [B, C, H, W] with the channels of a pixel together in memory, or are copied so; the
    results are new ones. Several threads may call it. It uses as many threads as PyTorch was
    allowed to when it was compiled.
    """

    def __init__(self, network: nn.Module, function: Callable[..., Sequence[Tensor]]) -> None:
        """Prepare ``function`` of some maps, which uses the weights of ``network``."""
        self._part = _PixelMajor(network, function)
        self._lock = threading.Lock()
        self._compiled: Any = None
        self._shapes: tuple[torch.Size, ...] = ()
        self._idle: list[Any] = []

    def __call__(self, *maps: Tensor) -> tuple[Tensor, ...]:
        """Run the function.

        Raises:
            ValueError: for other shapes than those of the first call.
        """
        rows = tuple(_pixel_major(x) for x in maps)
        with self._request(rows) as request:
            outputs = request.infer([row.numpy() for row in rows], share_inputs=True)
            return tuple(
                torch.from_numpy(output).permute(0, 3, 1, 2) for output in outputs.values()
            )

    @contextmanager
    def _request(self, rows: tuple[Tensor, ...]) -> Any:
        """Lend a request, which can run once at a time."""
        shapes = tuple(row.shape for row in rows)
        with self._lock:
            if self._compiled is None:
                self._compiled, self._shapes = _compiled(self._part, rows), shapes
            if shapes != self._shapes:
                raise ValueError(
                    f'maps have shapes {list(map(list, shapes))} (channels last); this program '
                    f'was compiled for {list(map(list, self._shapes))}'
                )
            request = self._idle.pop() if self._idle else self._compiled.create_infer_request()
        try:
            yield request
        finally:
            with self._lock:
                self._idle.append(request)


class _PixelMajor(nn.Module):
    """A function of [B, C, H, W] with arguments and results [B, H, W, C]."""

    def __init__(self, network: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.network, self.function = network, function

    def forward(self, *rows: Tensor) -> tuple[Tensor, ...]:
        results = self.function(*(x.permute(0, 3, 1, 2) for x in rows))
        return tuple(result.permute(0, 2, 3, 1) for result in results)


def _pixel_major(x: Tensor) -> Tensor:
    return x.detach().permute(0, 2, 3, 1).contiguous()


def _compiled(part: nn.Module, examples: Sequence[Tensor]) -> Any:
    """Translate and compile ``part`` for the shapes of ``examples``."""
    from openvino import Core, properties
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

    from emiff_ros.acceleration.openvino_operators import conversions

    with torch.inference_mode(False), torch.no_grad():
        # torch.export gives the same and takes four times as long.
        graph = make_fx(torch.func.functionalize(part))(*(x.clone() for x in examples))
    # Not openvino.convert_model, which tells its makers that it was used.
    frontend = FrontEndManager().load_by_framework('pytorch')
    for conversion in conversions():
        frontend.add_extension(conversion)
    decoder = TorchFXPythonDecoder(graph, dynamic_shapes=False)
    model = frontend.convert(frontend.load(decoder))
    settings = {
        properties.inference_num_threads(): torch.get_num_threads(),
        properties.num_streams(): 1,
        properties.hint.inference_precision(): 'f32',
        properties.hint.enable_cpu_pinning(): False,
    }
    return Core().compile_model(model, 'CPU', settings)
