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

"""Programs around the compiled taps align scales as the model does."""

import pytest
import torch

from emiff_ros.acceleration.deformable_taps import read_deformations_by_taps
from emiff_ros.acceleration.openvino_alignment import OpenVinoAlignment
from emiff_ros.model.cross_attention import MultiScaleAlignment, MultiScaleBlock, mean_of_scales

CHANNELS = 8


@pytest.fixture
def alignment():
    """Return scales whose taps move, and a copy that reads them in a compiled loop."""
    torch.manual_seed(8)
    plain = MultiScaleAlignment(CHANNELS, 'i').eval().requires_grad_(False)
    for name, tensor in plain.state_dict().items():
        if 'offset' in name or name.endswith(('running_mean', 'bias')):
            tensor.normal_(0, 0.5)
    changed = MultiScaleAlignment(CHANNELS, 'i').eval().requires_grad_(False)
    changed.load_state_dict(plain.state_dict())
    read_deformations_by_taps(changed)
    return plain, changed


def levels():
    return [torch.randn(1, CHANNELS, 16 >> scale, 24 >> scale) for scale in range(4)]


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)


def test_levels_become_aligned_scales(alignment):
    plain, changed = alignment
    program, maps = OpenVinoAlignment(changed), levels()
    for ours, theirs in zip(program(*maps), plain(maps), strict=True):
        close(ours, theirs)


def test_what_comes_before_and_after_is_part_of_it(alignment):
    plain, changed = alignment
    block = MultiScaleBlock(CHANNELS).eval().requires_grad_(False)
    program = OpenVinoAlignment(changed, block, lambda aligned: [mean_of_scales(aligned)])
    feature = torch.randn(1, CHANNELS, 16, 24)
    (ours,) = program(feature)
    close(ours, mean_of_scales(plain(block(feature))))


def test_results_are_the_callers_own(alignment):
    program, maps = OpenVinoAlignment(alignment[1]), levels()
    first = program(*maps)
    kept = [scale.clone() for scale in first]
    program(*levels())
    for scale, before in zip(first, kept, strict=True):
        assert torch.equal(scale, before)
