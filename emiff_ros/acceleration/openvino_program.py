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

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
import threading
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from emiff_ros.acceleration.openvino_operators import conversions
from emiff_ros.acceleration.openvino_package import import_openvino, openvino_core

Function = Callable[..., Sequence[Tensor]]

_tracing = threading.Lock()
"""PyTorch traces by exchanging methods for the whole process, so one function at a time."""


class OpenVinoProgram:
    """A function of maps that OpenVINO compiles in the first call, for the shapes of that call.

    Maps are [B, C, H, W] with the channels of a pixel together in memory, or are copied so; the
    results are new ones. Several threads may call it. It uses as many threads as PyTorch was
    allowed to when it was compiled.
    """

    def __init__(self, function: Function) -> None:
        """Prepare ``function``, which is let go of once it is compiled."""
        self._function: Function | None = function
        self._lock = threading.Lock()
        self._compiled: Any = None
        self._shapes: tuple[torch.Size, ...] = ()
        self._result_shapes: list[torch.Size] = []
        self._view: Any = None
        self._idle: list[Any] = []

    def __call__(self, *maps: Tensor) -> tuple[Tensor, ...]:
        """Run the function.

        Raises:
            ValueError: for other shapes than those of the first call.
        """
        rows = tuple(x.detach().permute(0, 2, 3, 1).contiguous() for x in maps)
        with self._request(rows) as request:
            # It writes into these; otherwise it would write into memory of its own and copy that.
            results = [torch.empty(shape) for shape in self._result_shapes]
            for index, result in enumerate(results):
                request.set_output_tensor(index, self._view(result.numpy(), shared_memory=True))
            inputs = [row.numpy() for row in rows]
            request.infer(inputs, share_inputs=True, share_outputs=True)
        return tuple(result.permute(0, 3, 1, 2) for result in results)

    @property
    def executed(self) -> dict[str, list[str]]:
        """What runs on the processor: by kind of operation, the kernels in use.

        Empty before the first call. A kernel's name ends with the type that it computes in, such
        as ``f32`` or ``I8``.
        """
        kernels: dict[str, list[str]] = {}
        if self._compiled is not None:
            for operation in self._compiled.get_runtime_model().get_ordered_ops():
                facts = operation.get_rt_info()
                kind, kernel = (facts[key].value for key in ('layerType', 'primitiveType'))
                kernels.setdefault(kind, []).append(kernel)
        return kernels

    @contextmanager
    def _request(self, rows: tuple[Tensor, ...]) -> Iterator[Any]:
        """Lend a request, which can run once at a time."""
        shapes = tuple(row.shape for row in rows)
        with self._lock:
            if self._compiled is None:
                self._compiled, self._shapes = _compiled(self._function, rows), shapes
                self._result_shapes = [torch.Size(x.shape) for x in self._compiled.outputs]
                self._view, self._function = import_openvino().Tensor, None
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


def _compiled(function: Function, examples: Sequence[Tensor]) -> Any:
    """Translate and compile a function of [B, C, H, W] as one of [B, H, W, C]."""
    openvino = import_openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

    def pixel_major(*rows: Tensor) -> tuple[Tensor, ...]:
        results = function(*(x.permute(0, 3, 1, 2) for x in rows))
        return tuple(result.permute(0, 2, 3, 1) for result in results)

    with _tracing, torch.inference_mode(False), torch.no_grad():
        # torch.export gives the same and takes four times as long.
        graph = make_fx(torch.func.functionalize(pixel_major))(*(x.clone() for x in examples))
    frontend = FrontEndManager().load_by_framework('pytorch')
    for conversion in conversions():
        frontend.add_extension(conversion)
    decoder = TorchFXPythonDecoder(graph, dynamic_shapes=False)
    model = frontend.convert(frontend.load(decoder))
    properties = openvino.properties
    settings = {
        properties.inference_num_threads(): torch.get_num_threads(),
        properties.num_streams(): 1,
        properties.hint.inference_precision(): 'f32',
        properties.hint.enable_cpu_pinning(): False,
    }
    return openvino_core().compile_model(model, 'CPU', settings)
