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

"""What is said about tensors that are not the expected ones."""

import torch

from emiff_ros.model.state_dict import listed, mismatches, shapes_of

EXPECTED = {'a': (2, 3), 'b': (), 'c': (4,)}


def fitting():
    return {name: torch.zeros(shape) for name, shape in EXPECTED.items()}


def test_fitting_tensors_have_no_problem():
    assert mismatches(fitting(), EXPECTED) == []
    assert shapes_of(fitting()) == EXPECTED


def test_every_problem_is_one_line():
    tensors = fitting() | {'a': torch.zeros(3, 2), 'd': torch.zeros(1)}
    tensors['c'] = torch.tensor([0, 1, float('-inf'), 0])
    del tensors['b']
    assert mismatches(tensors, EXPECTED) == [
        'unknown key d',
        'a has shape [3, 2]; expected [2, 3]',
        'missing key b',
        'c holds a number that is not finite',
    ]


def test_long_lists_are_cut():
    text = listed([f'unknown key {k}' for k in range(25)])
    assert text.startswith('(25 problems):\nunknown key 0\n')
    assert text.endswith('unknown key 19\nand 5 more')
    assert listed(['missing key b']) == '(1 problem):\nmissing key b'
