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

What goes first is stated and always the same (:data:`RUNGS`): number format and step, then values
of small magnitude, then whole channels of small energy. Spatial resolution is kept, because a
receiver's model expects one shape.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emiff_ros.transport.codec import EncodedFeature, encode_feature
from emiff_ros.transport.coding import Coder
from emiff_ros.transport.errors import BudgetError, NonFiniteError, ShapeError, ValueRangeError
from emiff_ros.transport.quantization import Quantization

PROFILES = {'lan': 60_000, 'wifi': 5_600, 'radio': 1_200}
"""Bytes of a serialised message: one UDP datagram, four packets of 1,400 B, one packet."""


@dataclass(frozen=True)
class Rung:
    """One way to encode a feature, from fine to coarse.

    Attributes:
        quantization: number format.
        levels: steps between a channel's smallest and largest value; 0 for floats.
        threshold: values smaller than this share of their channel's largest magnitude become 0.
    """

    quantization: Quantization
    levels: int = 0
    threshold: float = 0.0


RUNGS = (
    Rung(Quantization.FLOAT32),
    Rung(Quantization.FLOAT16),
    *(Rung(Quantization.INT8, levels) for levels in (255, 180, 127, 90, 63, 45, 31, 22)),
    *(Rung(Quantization.INT4, levels) for levels in (15, 11, 8, 6, 5, 4, 3)),
    *(Rung(Quantization.INT4, 3, threshold) for threshold in (0.25, 0.33, 0.42)),
    *(Rung(Quantization.INT4, 2, threshold) for threshold in (0.33, 0.42, 0.5)),
    *(Rung(Quantization.INT4, 1, threshold) for threshold in (0.5, 0.6, 0.7, 0.8, 0.9)),
)


@dataclass(frozen=True, eq=False)
class RateDecision:
    """An encoded feature that fits, and what it took.

    Attributes:
        encoded: what travels.
        message_bytes: length of the serialised message.
        rung: how it was quantised.
        dropped_channels: channels that were set to 0.
    """

    encoded: EncodedFeature
    message_bytes: int
    rung: Rung
    dropped_channels: int = 0


class RateController:
    """Keeps messages inside a byte budget.

    Sizes hardly change from frame to frame, so the search starts where the last one ended: about
    two encodings for a frame, one where the finest rung fits.
    """

    def __init__(self) -> None:
        """Start at the finest rung."""
        self._last = 0

    def encode(
        self,
        tensor: ArrayLike,
        budget: int,
        size_of: Callable[[EncodedFeature], int],
        finest: Quantization | int | str = Quantization.INT8,
        coder: Coder | int | str = 'rans',
    ) -> RateDecision:
        """Encode ``tensor`` as finely as the budget allows.

        Args:
            tensor: ``[C, H, W]``, finite.
            budget: largest length of the serialised message, bytes.
            size_of: length of the serialised message of an encoded feature.
            finest: best number format that may be used.
            coder: entropy coder.

        Raises:
            BudgetError: if not even a feature of zeros fits.
            TransportError: as :func:`~emiff_ros.transport.codec.encode_feature`.
        """
        finest = Quantization.parse(finest)
        array = _checked(tensor)
        rungs = [rung for rung in RUNGS if rung.quantization >= finest]
        tried: dict[int, RateDecision | None] = {}

        def attempt(index: int) -> RateDecision | None:
            if index not in tried:
                tried[index] = self._attempt(array, rungs[index], budget, size_of, coder)
            return tried[index]

        index = min(self._last, len(rungs) - 1)
        if attempt(index) is None:
            while index < len(rungs) - 1 and attempt(index) is None:
                index += 1
        else:
            while index > 0 and attempt(index - 1) is not None:
                index -= 1
        self._last = index
        return attempt(index) or _without_channels(array, rungs[-1], budget, size_of, coder)

    def _attempt(
        self,
        array: NDArray[np.float32],
        rung: Rung,
        budget: int,
        size_of: Callable[[EncodedFeature], int],
        coder: Coder | int | str,
    ) -> RateDecision | None:
        try:
            decision = _encode(array, rung, size_of, coder)
        except ValueRangeError:
            if rung.quantization is Quantization.FLOAT16:
                return None  # a coarser integer format holds what float16 cannot
            raise
        return decision if decision.message_bytes <= budget else None


def _encode(
    array: NDArray[np.float32],
    rung: Rung,
    size_of: Callable[[EncodedFeature], int],
    coder: Coder | int | str,
) -> RateDecision:
    if rung.threshold:
        magnitude = np.abs(array)
        limit = rung.threshold * magnitude.max(axis=(1, 2), keepdims=True)
        array = np.where(magnitude < limit, np.float32(0), array)
    encoded = encode_feature(array, rung.quantization, coder, rung.levels or None)
    return RateDecision(encoded, size_of(encoded), rung)


def _without_channels(
    array: NDArray[np.float32],
    rung: Rung,
    budget: int,
    size_of: Callable[[EncodedFeature], int],
    coder: Coder | int | str,
) -> RateDecision:
    """Set channels to 0, those of least energy first, until the message fits."""
    weakest_first = np.argsort(np.square(array, dtype=np.float64).sum(axis=(1, 2)), kind='stable')
    fits, too_few = None, 0
    count = 1
    while count <= len(array):  # double, then bisect: there may be a thousand channels
        decision = _drop(array, weakest_first[:count], rung, size_of, coder)
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
        decision = _drop(array, weakest_first[:count], rung, size_of, coder)
        if decision.message_bytes <= budget:
            fits = decision
        else:
            too_few = count
    return fits


def _drop(
    array: NDArray[np.float32],
    channels: NDArray[np.intp],
    rung: Rung,
    size_of: Callable[[EncodedFeature], int],
    coder: Coder | int | str,
) -> RateDecision:
    array = array.copy()
    array[channels] = 0
    decision = _encode(array, rung, size_of, coder)
    return RateDecision(decision.encoded, decision.message_bytes, rung, len(channels))


def _checked(tensor: ArrayLike) -> NDArray[np.float32]:
    try:
        array = np.asarray(tensor, np.float32)
    except (TypeError, ValueError) as error:
        raise ShapeError(f'tensor is no array of numbers: {error}') from None
    if array.ndim != 3 or 0 in array.shape:
        raise ShapeError(f'shape {list(array.shape)}; expected [channels, height, width]')
    if not np.isfinite(array).all():
        raise NonFiniteError('the tensor holds NaN or infinite values; nothing is sent')
    return array
