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

"""Suppression by repetition gives the greedy answer."""

import pytest
import torch

from emiff_ros.acceleration.candidates import Candidates, boxes_from_candidates, suppress
from emiff_ros.model import EmiffConfig


def greedy(overlaps, sure):
    kept = sure.clone()
    for rank in range(len(kept)):
        if kept[rank]:
            kept *= 1 - overlaps[rank]
    return kept


@pytest.mark.parametrize('share', [0.01, 0.1, 0.5])
def test_it_is_the_greedy_answer(share):
    generator = torch.Generator().manual_seed(3)
    sure = (torch.rand(60, generator=generator) > 0.2).float()
    overlaps = (torch.rand(60, 60, generator=generator) < share).float().triu(1)
    overlaps = overlaps * sure.unsqueeze(1)
    kept, settled = suppress(overlaps, sure, rounds=61)
    assert settled
    assert torch.equal(kept, greedy(overlaps, sure))


def test_a_long_chain_is_finished_on_the_host():
    """Each overlaps the next one only: every second stays, known after as many rounds."""
    count = 70
    overlaps = torch.diag(torch.ones(count - 1), 1)
    sure = torch.ones(count)
    kept, settled = suppress(overlaps, sure)
    assert not settled
    rows = torch.zeros(count + 1, 9)
    rows[:-1, 7] = torch.linspace(0.9, 0.2, count)
    rows[:-1, 8], rows[-1] = kept, settled
    boxes = boxes_from_candidates(Candidates(rows, overlaps, sure), rows, EmiffConfig())
    assert torch.equal(boxes.scores, rows[:-1:2, 7])
