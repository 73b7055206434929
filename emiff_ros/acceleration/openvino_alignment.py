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

"""One side's half of the attention, as programs of OpenVINO around the deformable convolutions.

OpenVINO's own deformable convolution prepares what a tap reads one number at a time, which takes
longer than :mod:`~emiff_ros.acceleration.deformable_taps` does for all of it.
"""

from collections.abc import Callable, Sequence

from torch import Tensor

from emiff_ros.acceleration.openvino_program import OpenVinoProgram
from emiff_ros.model.cross_attention import MultiScaleAlignment

Maps = Sequence[Tensor]


class OpenVinoAlignment:
    """Aligned scales of a feature, or what is made of them."""

    def __init__(
        self,
        alignment: MultiScaleAlignment,
        before: Callable[..., Maps] | None = None,
        after: Callable[[Maps], Maps] | None = None,
    ) -> None:
        """Prepare the programs; they are compiled when they run first.

        Args:
            alignment: changed by ``read_deformations_by_taps``.
            before: from what the call takes to the four levels to align; by default they are it.
            after: from the four aligned scales to what the call gives; by default they are it.
        """
        scales = self._scales = list(alignment.scales)
        self._takes_levels = before is None

        def begin(*maps: Tensor) -> Maps:
            levels = maps if before is None else before(*maps)
            moves = [
                scale.deformable.offset(level) for scale, level in zip(scales, levels, strict=True)
            ]
            return moves if before is None else [*levels, *moves]

        def finish(*convolved: Tensor) -> Maps:
            aligned = [scale.finish(x) for scale, x in zip(scales, convolved, strict=True)]
            return aligned if after is None else after(aligned)

        self._begin, self._finish = OpenVinoProgram(begin), OpenVinoProgram(finish)

    def __call__(self, *maps: Tensor) -> tuple[Tensor, ...]:
        """Align maps [1, C, h, w]."""
        begun = self._begin(*maps)
        count = len(self._scales)
        levels = maps if self._takes_levels else begun[:count]
        convolved = [
            scale.deformable.convolve(level, moves)
            for scale, level, moves in zip(self._scales, levels, begun[-count:], strict=True)
        ]
        return self._finish(*convolved)
