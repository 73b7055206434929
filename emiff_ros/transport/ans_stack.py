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

"""Asymmetric numeral systems (Duda, arXiv 1311.2540): a stack of symbols that is one large number.

Byte for byte the ``AnsCoder`` of the library constriction, which a test asks: 32-bit words, a
64-bit state, 24-bit probabilities. Own code because that library is told every symbol's
distribution as a row of floats, which takes three to four times as long.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emiff_ros.compiled import compiled

# Unsigned throughout: Numba computes with floats where signed and unsigned integers meet.
_ONE = np.uint64(1)
_WORD_BITS = np.uint64(32)
_WORD = (_ONE << _WORD_BITS) - _ONE
_PRECISION = np.uint64(24)
_QUANTILES = _ONE << _PRECISION
_STATE_BITS_ABOVE = np.uint64(64) - _PRECISION


class AnsStack:
    """A stack of symbols; what was pushed last is popped first."""

    def __init__(self, capacity: int) -> None:
        """Make an empty stack for at most ``capacity`` symbols."""
        self._words = np.empty(capacity, np.uint32)
        self._register = np.zeros(2, np.uint64)  # state, number of words in use

    @classmethod
    def from_words(cls, words: NDArray[np.uint32]) -> AnsStack:
        """Return the stack that :attr:`words` of another one describe.

        Raises:
            ValueError: if the last word is 0, which that of no stack is.
        """
        if len(words) and words[-1] == 0:
            raise ValueError('the last word is 0')
        stack = cls(0)
        stack._words = words
        state = 0
        for word in words[:-3:-1].tolist():
            state = state << 32 | word
        stack._register[:] = state, max(0, len(words) - 2)
        return stack

    @property
    def words(self) -> NDArray[np.uint32]:
        """All that the stack is, to be kept or sent."""
        state, used = self._register.tolist()
        above = [word for word in (state & 0xFFFFFFFF, state >> 32) if word or state >> 32]
        return np.append(self._words[:used], np.array(above, np.uint32))

    @property
    def is_empty(self) -> bool:
        """Whether every symbol was popped and no number is left."""
        return not self._register.any()

    def push(
        self, symbols: NDArray[np.int32], rows: NDArray[np.intp], cumulative: NDArray[np.uint32]
    ) -> None:
        """Push symbols, the last one first.

        Args:
            symbols: ``[N]``, from 0.
            rows: ``[N]``, the distribution of each.
            cumulative: distributions of :func:`cumulative_frequencies`.

        Raises:
            ValueError: if there is no room for as many.
        """
        self._check_room(len(symbols))
        _push(self._words, self._register, symbols, rows, cumulative)

    def pop(self, rows: NDArray[np.intp], cumulative: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Pop the symbols that a push with these arguments has pushed, the first one first."""
        return _pop(self._words, self._register, rows, cumulative)

    def push_uniform(
        self, symbols: NDArray[np.int32], rows: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> None:
        """Push symbols whose values are equally likely, the last one first.

        Args:
            symbols: ``[N]``, from 0.
            rows: ``[N]``, the distribution of each.
            counts: ``[R]``, values in each distribution; one value takes no space.

        Raises:
            ValueError: if there is no room for as many.
        """
        self._check_room(len(symbols))
        _push_uniform(self._words, self._register, symbols, rows, counts)

    def pop_uniform(self, rows: NDArray[np.int32], counts: NDArray[np.int32]) -> NDArray[np.int32]:
        """Pop the symbols that a push with these arguments has pushed, the first one first."""
        return _pop_uniform(self._words, self._register, rows, counts)

    def _check_room(self, count: int) -> None:
        """Check that as many symbols fit, each of which adds at most one word."""
        room = len(self._words) - int(self._register[1])
        if count > room:
            raise ValueError(f'{count} symbols for a stack with room for {room}')


@compiled
def cumulative_frequencies(tables: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Share out all quantiles by frequency, at least one to each symbol.

    Args:
        tables: ``[R, S]`` frequencies, integers whose sums float32 holds exactly.

    Returns:
        ``[R, S + 1]``, the first quantile of each symbol, and where the last one ends.
    """
    rows, symbols = tables.shape
    cumulative = np.empty((rows, symbols + 1), np.uint32)
    free = np.float32(_QUANTILES - np.uint64(symbols))
    for row in range(rows):
        scale = free / tables[row].sum()
        below = np.float32(0)
        for symbol in range(symbols):
            cumulative[row, symbol] = np.uint32(below * scale) + np.uint32(symbol)
            below += tables[row, symbol]
        cumulative[row, symbols] = _QUANTILES
    return cumulative


@compiled
def _push(
    words: NDArray[np.uint32],
    register: NDArray[np.uint64],
    symbols: NDArray[np.int32],
    rows: NDArray[np.intp],
    cumulative: NDArray[np.uint32],
) -> None:
    for index in range(len(symbols) - 1, -1, -1):
        first = cumulative[rows[index], symbols[index]]
        end = cumulative[rows[index], symbols[index] + 1]
        _push_share(words, register, np.uint64(first), np.uint64(end - first))


@compiled
def _pop(
    words: NDArray[np.uint32],
    register: NDArray[np.uint64],
    rows: NDArray[np.intp],
    cumulative: NDArray[np.uint32],
) -> NDArray[np.int32]:
    symbols = np.empty(len(rows), np.int32)
    for index in range(len(rows)):
        row, quantile = rows[index], np.uint32(register[0] % _QUANTILES)
        symbol = 0
        while cumulative[row, symbol + 1] <= quantile:  # The last one ends above all quantiles.
            symbol += 1
        first, end = cumulative[row, symbol], cumulative[row, symbol + 1]
        _pop_share(words, register, np.uint64(first), np.uint64(end - first))
        symbols[index] = symbol
    return symbols


@compiled
def _push_uniform(
    words: NDArray[np.uint32],
    register: NDArray[np.uint64],
    symbols: NDArray[np.int32],
    rows: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> None:
    for index in range(len(symbols) - 1, -1, -1):
        count = np.uint64(counts[rows[index]])
        if count > _ONE:
            first, share = _uniform_share(np.uint64(symbols[index]), count)
            _push_share(words, register, first, share)


@compiled
def _pop_uniform(
    words: NDArray[np.uint32],
    register: NDArray[np.uint64],
    rows: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> NDArray[np.int32]:
    symbols = np.zeros(len(rows), np.int32)
    for index in range(len(rows)):
        count = np.uint64(counts[rows[index]])
        if count > _ONE:
            symbol = min(register[0] % _QUANTILES // (_QUANTILES // count), count - _ONE)
            first, share = _uniform_share(symbol, count)
            _pop_share(words, register, first, share)
            symbols[index] = symbol
    return symbols


@compiled
def _uniform_share(symbol: np.uint64, count: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return a symbol's first quantile and how many it has; the last one has the rest too."""
    share = _QUANTILES // count
    first = symbol * share
    return first, _QUANTILES - first if symbol + _ONE == count else share


@compiled
def _push_share(
    words: NDArray[np.uint32], register: NDArray[np.uint64], first: np.uint64, share: np.uint64
) -> None:
    """Push a symbol that has ``share`` of the quantiles from ``first`` on."""
    state = register[0]
    if state >> _STATE_BITS_ABOVE >= share:
        words[register[1]] = state & _WORD
        register[1] += _ONE
        state >>= _WORD_BITS
    register[0] = (state // share << _PRECISION) | (first + state % share)


@compiled
def _pop_share(
    words: NDArray[np.uint32], register: NDArray[np.uint64], first: np.uint64, share: np.uint64
) -> None:
    """Pop a symbol that has ``share`` of the quantiles from ``first`` on."""
    state = register[0]
    state = (state >> _PRECISION) * share + state % _QUANTILES - first
    if state <= _WORD and register[1] > np.uint64(0):
        register[1] -= _ONE
        state = state << _WORD_BITS | np.uint64(words[register[1]])
    register[0] = state
