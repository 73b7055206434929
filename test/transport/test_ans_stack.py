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

"""The stack gives back what was pushed, and is the stack of the library constriction."""

from constriction import stream
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from emiff_ros.transport.ans_stack import AnsStack, cumulative_frequencies


def symbols_of(seed, count, rows=5, kinds=7):
    """Return frequencies [R, S], and symbols [N] with the row of each."""
    random = np.random.default_rng(seed)
    tables = random.integers(1, 2000, (rows, kinds)).astype(np.float32)
    return (
        tables,
        random.integers(0, kinds, count).astype(np.int32),
        random.integers(0, rows, count),
    )


def uniform_of(seed, count):
    """Return symbols [N] that are equally likely, the row of each, and the rows' counts."""
    random = np.random.default_rng(seed)
    counts = np.array([1, 2, 3, 17, 255], np.int32)
    rows = random.integers(0, len(counts), count).astype(np.int32)
    return random.integers(0, counts[rows]).astype(np.int32), rows, counts


@pytest.mark.parametrize('count', [0, 1, 2, 3, 500])
def test_it_is_the_librarys_stack(count):
    tables, symbols, rows = symbols_of(count, count)
    others, places, counts = uniform_of(count, count)
    ours, theirs = AnsStack(2 * count), stream.stack.AnsCoder()
    ours.push_uniform(others, places, counts)
    ours.push(symbols, rows, cumulative_frequencies(tables))
    wide = counts[places] > 1
    if wide.any():
        theirs.encode_reverse(others[wide], stream.model.Uniform(), counts[places][wide])
    if count:
        theirs.encode_reverse(symbols, stream.model.Categorical(perfect=False), tables[rows])
    np.testing.assert_array_equal(ours.words, theirs.get_compressed())


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 300))
def test_what_was_pushed_is_popped(seed, count):
    tables, symbols, rows = symbols_of(seed, count)
    others, places, counts = uniform_of(seed, count)
    cumulative = cumulative_frequencies(tables)
    stack = AnsStack(2 * count)
    stack.push_uniform(others, places, counts)
    stack.push(symbols, rows, cumulative)
    read = AnsStack.from_words(stack.words)
    np.testing.assert_array_equal(read.pop(rows, cumulative), symbols)
    np.testing.assert_array_equal(read.pop_uniform(places, counts), others)
    assert read.is_empty


def test_every_symbol_has_a_share_and_all_have_all():
    tables = np.array([[1, 1e6, 1], [1, 0, 0]], np.float32)
    cumulative = cumulative_frequencies(tables).astype(np.int64)
    assert (np.diff(cumulative) >= 1).all()
    np.testing.assert_array_equal(cumulative[:, [0, -1]], [[0, 2**24]] * 2)


def test_a_stack_that_is_not_popped_to_the_end_is_not_empty():
    tables, symbols, rows = symbols_of(3, 20)
    stack = AnsStack(20)
    assert stack.is_empty
    stack.push(symbols, rows, cumulative_frequencies(tables))
    assert not stack.is_empty


def test_more_symbols_than_there_is_room_for_are_refused():
    tables, symbols, rows = symbols_of(3, 20)
    with pytest.raises(ValueError, match='20 symbols for a stack with room for 19'):
        AnsStack(19).push(symbols, rows, cumulative_frequencies(tables))


def test_words_of_no_stack_are_refused():
    with pytest.raises(ValueError, match='last word is 0'):
        AnsStack.from_words(np.array([1, 0], np.uint32))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), max_size=4))
def test_any_words_give_symbols(words):
    """And more of them than the words hold."""
    tables, _, rows = symbols_of(4, 100)
    stack = AnsStack.from_words(np.array([*words, 1], np.uint32))
    symbols = stack.pop(rows, cumulative_frequencies(tables))
    assert ((symbols >= 0) & (symbols < tables.shape[1])).all()
