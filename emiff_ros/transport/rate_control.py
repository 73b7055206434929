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

"""A byte budget for each message: as much of a feature as fits, and never a byte more.

What goes first is stated and always the same (:data:`RUNGS`): number format and step, evenly at
first; then coarser and coarser steps that are spent where they are worth most
(:mod:`~emiff_ros.transport.rate_distortion`); then whole channels of small energy. Spatial
resolution is kept, because a receiver's model expects one shape.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emiff_ros.transport.codec import EncodedFeature, checked_tensor, encode_codes
from emiff_ros.transport.coding import Coder, coder_from
from emiff_ros.transport.errors import BudgetError, ShapeError, TooLargeError, ValueRangeError
from emiff_ros.transport.quantization import Layout, Quantization, bytes_from_codes, quantize
from emiff_ros.transport.rate_distortion import quantize_thriftily

PROFILES = {'lan': 60_000, 'wifi': 5_600, 'radio': 1_200}
"""Bytes of a serialised message: one UDP datagram, four packets of 1,400 B, one packet."""


_POOR = 5  # levels that tell something from nothing and little more
_FULL = 0.92  # of the budget: the next finer rung would hardly fit


@dataclass(frozen=True)
class Rung:
    """One way to encode a feature, from fine to coarse.

    Attributes:
        quantization: number format.
        levels: steps between a channel's smallest and largest value; 0 for floats.
        thrifty: whether codes are chosen by importance and cost instead of rounded to the nearest.
    """

    quantization: Quantization
    levels: int = 0
    thrifty: bool = False


RUNGS = (
    Rung(Quantization.FLOAT32),
    Rung(Quantization.FLOAT16),
    *(Rung(Quantization.INT8, levels) for levels in (255, 180, 127)),
    *(Rung(Quantization.INT8, levels, True) for levels in (127, 90, 63, 45, 36, 30, 25, 21, 18)),
    *(Rung(Quantization.INT4, levels, True) for levels in (15, 13, 11, 9, 8, 7, 6, 5, 4, 3, 2, 1)),
)


@dataclass(frozen=True, eq=False)
class RateDecision:
    """An encoded feature that fits, and what it took.

    Attributes:
        encoded: what travels.
        message: the serialised message.
        rung: how it was quantised.
        dropped_channels: channels that were set to 0.
    """

    encoded: EncodedFeature
    message: bytes
    rung: Rung
    dropped_channels: int = 0

    @property
    def message_bytes(self) -> int:
        """Length of the serialised message."""
        return len(self.message)

    @property
    def costs_content(self) -> bool:
        """Tell whether more than precision was given up: channels, or all but a few levels."""
        return bool(self.dropped_channels) or 0 < self.rung.levels < _POOR


class RateController:
    """Keeps messages inside a byte budget.

    Sizes hardly change from frame to frame, so the search starts where the last one ended: one or
    two encodings for a frame.
    """

    def __init__(self) -> None:
        """Start at the finest rung."""
        self._last = 0

    def encode(
        self,
        tensor: ArrayLike,
        budget: int,
        serialize: Callable[[EncodedFeature], bytes],
        finest: Quantization | int | str = Quantization.INT8,
        coder: Coder | int | str = 'rans',
        importance: NDArray[np.float32] | None = None,
    ) -> RateDecision:
        """Encode ``tensor`` as finely as the budget allows.

        Args:
            tensor: ``[C, H, W]``, finite.
            budget: largest length of the serialised message, bytes.
            serialize: returns the message of an encoded feature.
            finest: best number format that may be used.
            coder: entropy coder.
            importance: weight of each cell ``[H, W]``, see
                :func:`~emiff_ros.transport.importance.ground_importance`; all equal by default.

        Raises:
            BudgetError: if not even a feature of zeros fits.
            TransportError: as :func:`~emiff_ros.transport.codec.encode_feature`.
        """
        finest = Quantization.parse(finest)
        array = checked_tensor(tensor)
        if importance is None:
            importance = np.ones(array.shape[1:], np.float32)
        elif importance.shape != array.shape[1:]:
            raise ShapeError(
                f'importance of shape {list(importance.shape)} for a tensor of shape '
                f'{list(array.shape)}; expected {list(array.shape[1:])}'
            )
        encoding = _Encoding(importance, serialize, coder_from(coder))
        rungs = [rung for rung in RUNGS if rung.quantization >= finest]
        tried: dict[int, RateDecision | None] = {}

        def attempt(index: int) -> RateDecision | None:
            if index not in tried:
                tried[index] = _attempt(array, rungs[index], budget, encoding)
            return tried[index]

        index = min(self._last, len(rungs) - 1)
        if attempt(index) is None:
            while index < len(rungs) - 1 and attempt(index) is None:
                index += 1
        else:
            while (
                index > 0
                and attempt(index).message_bytes <= _FULL * budget
                and attempt(index - 1) is not None
            ):
                index -= 1
        self._last = index
        return attempt(index) or _without_channels(array, rungs[-1], budget, encoding)


@dataclass(frozen=True)
class _Encoding:
    """How to encode, whatever the rung."""

    importance: NDArray[np.float32]
    serialize: Callable[[EncodedFeature], bytes]
    coder: Coder

    def run(self, array: NDArray[np.float32], rung: Rung, dropped: int = 0) -> RateDecision:
        if rung.thrifty:
            codes, *parameters = quantize_thriftily(
                array, rung.quantization, rung.levels, self.importance
            )
            data = bytes_from_codes(codes, rung.quantization)
        else:
            data, *parameters = quantize(array, rung.quantization, rung.levels or None)
        layout = Layout(array.shape, rung.quantization)
        encoded = encode_codes(data, layout, *parameters, self.coder)
        return RateDecision(encoded, self.serialize(encoded), rung, dropped)


def _attempt(
    array: NDArray[np.float32], rung: Rung, budget: int, encoding: _Encoding
) -> RateDecision | None:
    try:
        decision = encoding.run(array, rung)
    except TooLargeError:
        return None  # a coarser rung may fit the largest payload
    except ValueRangeError:
        if rung.quantization is Quantization.FLOAT16:
            return None  # a coarser integer format holds what float16 cannot
        raise
    return decision if decision.message_bytes <= budget else None


def _without_channels(
    array: NDArray[np.float32], rung: Rung, budget: int, encoding: _Encoding
) -> RateDecision:
    """Set channels to 0, those of least energy first, until the message fits."""
    weakest_first = np.argsort(np.square(array, dtype=np.float64).sum(axis=(1, 2)), kind='stable')
    fits, too_few = None, 0
    count = 1
    while count <= len(array):  # double, then bisect: there may be a thousand channels
        decision = _drop(array, weakest_first[:count], rung, encoding)
        if decision.message_bytes <= budget:
            fits = decision
            break
        too_few = count
        if count == len(array):
            raise BudgetError(
                f'budget of {budget} bytes, but a message without any value takes '
                f'{decision.message_bytes}; raise byte_budget'
            )
        count = min(2 * count, len(array))
    while fits.dropped_channels - too_few > 1:
        count = (fits.dropped_channels + too_few) // 2
        decision = _drop(array, weakest_first[:count], rung, encoding)
        if decision.message_bytes <= budget:
            fits = decision
        else:
            too_few = count
    return fits


def _drop(
    array: NDArray[np.float32], channels: NDArray[np.intp], rung: Rung, encoding: _Encoding
) -> RateDecision:
    array = array.copy()
    array[channels] = 0
    return encoding.run(array, rung, len(channels))
