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

"""What a neighbourhood of a feature map says about the next value, in exact integers.

A map ``[C, H, W]`` of codes is visited in passes, coarse to fine: first every fourth cell of every
fourth row, then the cells half-way between known ones, down and across in turn, so that half of
all cells are interpolated from both sides. A pass sees only what earlier passes have decoded, so
each is one loop on either side of the link. The mean and the spread of the neighbours
select a context; each context has a frequency table that starts as a logistic distribution around
the mean, censored at both ends as a ReLU censors, and learns from the passes before.

What both sides must compute alike is integer arithmetic, except the initial tables; those are
rounded to integers, and a test locks them.
"""

from dataclasses import dataclass
import functools

import numpy as np
from numpy.typing import NDArray

from emiff_ros.compiled import compiled

COARSEST = 4
SPREAD_BINS = 6
SPREAD_UNITS = 24  # of the integer spread, in one code
LARGEST_SPREAD = 16  # of the integer spread, in largest codes
VALUE_GROWTH = 4
MEAN_GROWTH = 6
TABLE_TOTAL = 1024
LEARNING = 12

# Fitted by maximum likelihood to roadside feature maps of 5 to 255 levels; in codes, with L the
# largest code: scale = SCALE_LEVELS * L + SCALE_FLOOR + SCALE_SPREAD * spread + SCALE_MEAN * mean.
SCALE_LEVELS = 0.016
SCALE_FLOOR = 0.1
SCALE_SPREAD = 0.5
SCALE_MEAN = 0.03
SHIFT_LEVELS = -0.02
OUTLIERS = 0.03


@dataclass(frozen=True, eq=False)
class Pass:
    """One step from coarse to fine.

    Attributes:
        cells: those that this pass adds, as indices ``[N]`` into the rows of a map one by one.
        neighbours: known cells ``[6, N]`` that they are interpolated from: the one before, the one
            after, and those to both sides of either; None in the first pass.
        teaches: whether the tables learn from it: the first passes show too little, and after the
            last one nobody asks.
    """

    cells: NDArray[np.intp]
    neighbours: NDArray[np.intp] | None = None
    teaches: bool = False


@functools.lru_cache(maxsize=4)
def passes(height: int, width: int) -> tuple[Pass, ...]:
    """Return the passes that together visit every cell of a map once."""
    cells = np.arange(height * width).reshape(height, width)
    found = [Pass(cells[::COARSEST, ::COARSEST].ravel())]
    step = COARSEST
    while step > 1:
        half = step // 2
        if height > half:
            known = cells[::step, ::step]
            found.append(_interpolating(cells[half::step, ::step], known, 0, half == 1))
        if width > half:
            known = cells[::half, ::step]
            found.append(_interpolating(cells[::half, half::step], known, 1, half == 2))
        step = half
    return tuple(found)


def _interpolating(
    added: NDArray[np.intp], known: NDArray[np.intp], axis: int, teaches: bool
) -> Pass:
    """Return the pass that adds cells between ``known`` ones along an axis.

    What would lie beyond an edge of the map is its outermost known cell.
    """
    position = np.arange(added.shape[axis])
    before = known.take(position, axis)
    after = known.take(np.minimum(position + 1, known.shape[axis] - 1), axis)
    lines = known.shape[1 - axis]
    left = np.maximum(np.arange(lines) - 1, 0)
    right = np.minimum(np.arange(lines) + 1, lines - 1)
    sides = [line.take(side, 1 - axis) for line in (before, after) for side in (left, right)]
    return Pass(added.ravel(), np.stack([before, after, *sides]).reshape(6, -1), teaches)


class ContextModel:
    """Contexts, buckets and initial tables of maps with codes 0 to ``largest``.

    A large code travels as a bucket and an offset in it: codes that differ by little need no
    frequencies of their own.

    Attributes:
        first: lowest code of each bucket, int32 ``[B]``.
        width: number of codes in each bucket, int32 ``[B]``.
        bucket_of: bucket of each code, int32.
        tables: initial frequencies, float32 ``[contexts, B]`` of exact integers; the last row is
            that of the first pass.
    """

    def __init__(self, largest: int) -> None:
        """Build the tables for codes 0 to ``largest`` (1 to 255)."""
        self.first, self.width, self.bucket_of = _buckets(largest, VALUE_GROWTH)
        first_sum, sum_width, row_of_total = _buckets(2 * largest, MEAN_GROWTH)
        self._row_of_total = row_of_total.astype(np.intp)
        mean = (first_sum + (sum_width - 1) / 2) / 2
        bounds = np.geomspace(0.2 + 0.004 * largest, 0.5 + 0.3 * largest, SPREAD_BINS - 1)
        spreads = np.arange(LARGEST_SPREAD * largest + 1)
        bins = np.searchsorted(np.rint(SPREAD_UNITS * bounds), spreads, side='right')
        self._row_of_spread = bins * len(mean)
        spread = np.concatenate(
            [bounds[:1] / 2, np.sqrt(bounds[1:] * bounds[:-1]), bounds[-1:] * 1.3]
        )
        scale = SCALE_SPREAD * spread[:, None] + SCALE_MEAN * mean
        scale = scale.ravel() + SCALE_LEVELS * largest + SCALE_FLOOR
        centre = np.tile(mean + SHIFT_LEVELS * largest, SPREAD_BINS)
        self.tables = self._logistic_tables(
            np.append(centre, 0.1 * largest), np.append(scale, 0.2 * largest)
        )

    def context(self, codes: NDArray[np.int16], step: Pass) -> NDArray[np.intp]:
        """Return the context of each cell of a pass from the known ones.

        Args:
            codes: ``[H * W, C]``: what belongs to a cell lies together, to be gathered fast.
            step: the pass, with N cells.

        Returns:
            Rows of the tables, ``[C * N]``, channel by channel.
        """
        if step.neighbours is None:
            return np.full(codes.shape[1] * len(step.cells), len(self.tables) - 1)
        return _contexts(codes, step.neighbours, self._row_of_spread, self._row_of_total).ravel()

    def parts(
        self, codes: NDArray[np.int16], step: Pass
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return bucket and offset in it of the codes that a pass adds, in a context's order."""
        return _parts(codes, step.cells, self.bucket_of, self.first)

    def put_together(
        self,
        codes: NDArray[np.int16],
        step: Pass,
        bucket: NDArray[np.int32],
        offset: NDArray[np.int32],
    ) -> None:
        """Write the codes that a pass adds, of which :meth:`parts` are bucket and offset."""
        _put_together(codes, step.cells, self.first, bucket, offset)

    def _logistic_tables(
        self, centre: NDArray[np.float64], scale: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        upper = self.first + self.width - 0.5
        below = 1 / (1 + np.exp((centre[:, None] - upper) / scale[:, None]))
        below[:, -1] = 1
        share = (1 - OUTLIERS) * np.diff(below, axis=1, prepend=0)
        share += OUTLIERS * self.width / self.width.sum()
        return (np.floor(TABLE_TOTAL * share) + 1).astype(np.float32)


@compiled
def _contexts(
    codes: NDArray[np.int16],
    neighbours: NDArray[np.intp],
    row_of_spread: NDArray[np.intp],
    row_of_total: NDArray[np.intp],
) -> NDArray[np.intp]:
    """Return the contexts ``[C, N]`` of N cells with their neighbours ``[6, N]``."""
    channels, count = codes.shape[1], neighbours.shape[1]
    context = np.empty((channels, count), np.intp)
    for cell in range(count):
        for channel in range(channels):
            before = np.intp(codes[neighbours[0, cell], channel])
            after = np.intp(codes[neighbours[1, cell], channel])
            total = before + after
            spread = 8 * abs(before - after)
            for side in range(2, 6):
                spread += abs(2 * codes[neighbours[side, cell], channel] - total)
            context[channel, cell] = row_of_spread[spread] + row_of_total[total]
    return context


@compiled
def _parts(
    codes: NDArray[np.int16],
    cells: NDArray[np.intp],
    bucket_of: NDArray[np.int32],
    first: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    count = len(cells)
    bucket = np.empty(codes.shape[1] * count, np.int32)
    offset = np.empty_like(bucket)
    for cell in range(count):
        for channel in range(codes.shape[1]):
            place, code = channel * count + cell, codes[cells[cell], channel]
            bucket[place] = bucket_of[code]
            offset[place] = code - first[bucket_of[code]]
    return bucket, offset


@compiled
def _put_together(
    codes: NDArray[np.int16],
    cells: NDArray[np.intp],
    first: NDArray[np.int32],
    bucket: NDArray[np.int32],
    offset: NDArray[np.int32],
) -> None:
    for cell in range(len(cells)):
        for channel in range(codes.shape[1]):
            place = channel * len(cells) + cell
            codes[cells[cell], channel] = first[bucket[place]] + offset[place]


@compiled
def learned(
    tables: NDArray[np.float32], context: NDArray[np.intp], bucket: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return ``tables`` with what a pass has shown added: exact integers below 2^24."""
    tables = tables.copy()
    for index in range(len(context)):
        tables[context[index], bucket[index]] += np.float32(LEARNING)
    return tables


@functools.lru_cache(maxsize=16)
def context_model(largest: int) -> ContextModel:
    """Return the model of codes 0 to ``largest``."""
    return ContextModel(largest)


def _buckets(
    largest: int, growth: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Cut 0..largest into buckets of width 1, later 1/growth of their first code."""
    edges = [0]
    while edges[-1] <= largest:
        edges.append(edges[-1] + max(1, edges[-1] // growth))
    edges[-1] = largest + 1
    width = np.diff(edges).astype(np.int32)
    bucket_of = np.repeat(np.arange(len(width), dtype=np.int32), width)
    return np.array(edges[:-1], np.int32), width, bucket_of
