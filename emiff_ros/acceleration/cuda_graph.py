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

"""Record a function of tensors once as a CUDA graph and replay it as one launch."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

_WARM_UP_RUNS = 3


class CapturedStep:
    """A function of tensors of fixed shapes on one GPU, recorded at its first call.

    Arguments are copied into the recorded call's inputs. The result is that call's own memory and
    is overwritten by the next call: whoever keeps it must copy it. Calls must not overlap.

    Args:
        function: takes tensors, and nested tuples of them, all on ``device``; must not read
            values back to the host.
        device: the GPU. Arguments may lie elsewhere, in pinned memory best.
    """

    def __init__(self, function: Callable[..., Any], device: torch.device) -> None:
        """Record nothing yet."""
        self._function, self._device = function, device
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: list[Tensor] = []
        self._outputs: Any = None

    def __call__(self, *arguments: Any) -> Any:
        """Run the function on ``arguments``.

        Raises:
            ValueError: if a shape is not that of the recorded call.
        """
        tensors = pytree.tree_leaves(arguments)
        # Memory that is made under inference mode could not be written to outside of it.
        with torch.inference_mode(False), torch.no_grad():
            if self._graph is None:
                self._record(arguments, tensors)
            else:
                self._fill(tensors)
            self._graph.replay()
        return self._outputs

    def replay(self) -> Any:
        """Run on the arguments of the last call, once there was one."""
        self._graph.replay()
        return self._outputs

    def _fill(self, tensors: Sequence[Tensor]) -> None:
        for kept, given in zip(self._inputs, tensors, strict=True):
            if kept.shape != given.shape:
                raise ValueError(
                    f'argument has shape {tuple(given.shape)}; this step was recorded for '
                    f'{tuple(kept.shape)}'
                )
            kept.copy_(given, non_blocking=True)

    def _record(self, arguments: Any, tensors: Sequence[Tensor]) -> None:
        device = self._device
        self._inputs = [torch.empty_like(tensor, device=device) for tensor in tensors]
        self._fill(tensors)
        inputs = pytree.tree_unflatten(self._inputs, pytree.tree_structure(arguments))
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_RUNS):
                self._function(*inputs)
        torch.cuda.current_stream(device).wait_stream(stream)
        torch.cuda.synchronize(device)
        graph = torch.cuda.CUDAGraph()
        before = torch.cuda.current_stream(device)
        try:
            # Other threads may use the GPU meanwhile. Without a stream of its own the graph would
            # be recorded on the device that is the process's current one.
            with (
                torch.cuda.device(device),
                torch.cuda.graph(graph, stream=stream, capture_error_mode='thread_local'),
            ):
                self._outputs = self._function(*inputs)
        except Exception:
            torch.cuda.set_stream(before)  # a recording that fails leaves its own one behind
            raise
        self._graph = graph
