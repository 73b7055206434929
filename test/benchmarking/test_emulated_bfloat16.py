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

"""The script that emulates bfloat16 where a CPU has no instructions for it."""

import json
from pathlib import Path
import sys

from imported_file import import_file
import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from training.tiny import tiny_folder, tiny_model

from emiff_ros.benchmarking.accuracy import read_pairs
from emiff_ros.benchmarking.workload import seeded_model
from emiff_ros.model.weights import save_weights

SCRIPT = Path(__file__).parents[2] / 'benchmark' / 'accuracy' / 'emulated_bfloat16.py'


@pytest.fixture(scope='module')
def script():
    return import_file(SCRIPT)


class Recorder(TorchFunctionMode):
    """Notes the types of what functions are called with."""

    def __init__(self):
        super().__init__()
        self.called = {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.called[func] = [value.dtype for value in args if isinstance(value, torch.Tensor)]
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ('part', 'shape'),
    [
        (nn.Conv2d(3, 4, 3), (1, 3, 6, 7)),
        (nn.Conv3d(3, 4, 3, padding=1), (1, 3, 4, 5, 3)),
        (nn.ConvTranspose2d(3, 4, 2, stride=2), (1, 3, 5, 4)),
        (nn.Linear(5, 6), (2, 5)),
    ],
)
def test_products_are_those_of_bfloat16_up_to_the_order_of_sums(script, part, shape):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(shape, generator=generator).bfloat16()
    part = part.bfloat16()
    with torch.inference_mode():
        native = part(values)
        with Recorder() as recorder, script.EmulatedBfloat16():
            emulated = part(values)
        exact = part.double()(values.double())
    (product,) = script.PRODUCTS & recorder.called.keys()
    assert set(recorder.called[product]) == {torch.float32}
    assert emulated.dtype == native.dtype == torch.bfloat16
    largest = exact.abs().max()
    assert (emulated.double() - exact).abs().max() <= 2**-8 * largest
    assert (emulated.double() - native.double()).abs().max() <= 2**-7 * largest


def test_what_is_not_rounded_stays_as_it_is(script):
    left, right = torch.randn(3, 4), torch.randn(4, 5)
    with script.EmulatedBfloat16():
        assert torch.equal(left @ right, left.matmul(right))
        assert (left @ right).dtype == torch.float32
        assert (left.bfloat16() + 1).dtype == torch.bfloat16


def test_a_result_goes_where_it_is_wanted(script):
    left, right = torch.randn(3, 4).bfloat16(), torch.randn(4, 5).bfloat16()
    out = torch.full((3, 5), torch.nan, dtype=torch.bfloat16)
    with script.EmulatedBfloat16():
        assert torch.matmul(left, right, out=out) is out
        assert torch.equal(out, left @ right)


def test_a_report_has_both(script, tmp_path, monkeypatch, capsys):
    folder = tiny_folder(tmp_path / 'data')
    config = tiny_model()
    model = seeded_model(config, read_pairs(folder.pairs[:1], config)[0], torch.device('cpu'))
    save_weights(model, tmp_path / 'tiny.safetensors')
    arguments = ['--weights', tmp_path / 'tiny.safetensors', '--data', folder.root, '--frames', 2]
    output = tmp_path / 'out' / 'report.json'
    monkeypatch.setattr(sys, 'argv', ['x', *map(str, arguments), '--output', str(output)])
    assert script.main() == 0
    report = json.loads(output.read_text())
    assert json.loads(capsys.readouterr().out) == report
    assert report['frames'] == 2
    copy = report['bfloat16, emulated']
    assert copy['agreement']['boxes'] > 0
    assert copy['agreement']['score_max'] > 0
    assert report['float32 eager'].keys() < copy.keys()
