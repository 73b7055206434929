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

"""AP of a network's bfloat16 copy on a CPU that has no instructions for bfloat16.

``python benchmark/accuracy/emulated_bfloat16.py --weights WEIGHTS --data FOLDER --frames 8
--output FILE``

Such a CPU needs minutes for one large convolution in bfloat16. Here products of bfloat16 are
computed in float32 and rounded, as the instructions do: they multiply without loss and add in
float32. So boxes are those of a CPU that has them, but for the order of the sums; times are not.
"""

import argparse
import json
from pathlib import Path
import sys
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.overrides import TorchFunctionMode  # noqa: E402
from tqdm import tqdm  # noqa: E402

from emiff_ros.acceleration import AccelerationConfig  # noqa: E402
from emiff_ros.benchmarking.accuracy import (  # noqa: E402
    PROTOCOL,
    average_precisions,
    read_pairs,
)
from emiff_ros.benchmarking.agreement import agreement  # noqa: E402
from emiff_ros.benchmarking.runners import accelerated_runner, plain_runner  # noqa: E402
from emiff_ros.dair.reader import DairFolder  # noqa: E402
from emiff_ros.model.weights import load_weights  # noqa: E402
from emiff_ros.spread import evenly_spread  # noqa: E402

PRODUCTS = {
    torch.conv2d,
    torch.conv3d,
    torch.conv_transpose2d,
    torch.matmul,
    torch.bmm,
    torch.baddbmm,
    torch.addmm,
    torch.einsum,
    nn.functional.linear,
    Tensor.matmul,
    Tensor.__matmul__,
}
"""Functions that multiply and add."""


class EmulatedBfloat16(TorchFunctionMode):
    """Products of bfloat16 tensors are computed in float32 inside the block, and rounded."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Call ``func``, with float32 in place of bfloat16 if it is a product."""
        kwargs = dict(kwargs or {})
        if func not in PRODUCTS or not any(_is_rounded(value) for value in args):
            return func(*args, **kwargs)
        out = kwargs.pop('out', None)
        options = {name: _widened(value) for name, value in kwargs.items()}
        result = func(*map(_widened, args), **options)
        return result.bfloat16() if out is None else out.copy_(result)


def _is_rounded(value: object) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.bfloat16


def _widened(value: Any) -> Any:
    return value.float() if _is_rounded(value) else value


def main() -> int:
    """Detect, compare and write."""
    arguments = _parser().parse_args()
    model = load_weights(arguments.weights).model.eval()
    folder = DairFolder(arguments.data)
    pairs = evenly_spread(folder.pairs, arguments.frames)
    inputs = read_pairs(pairs, model.config)
    copy = accelerated_runner(model, AccelerationConfig.for_cpu('bfloat16'))
    plain = plain_runner(model)
    expected, found = [], []
    for pair in tqdm(inputs, desc='detecting', unit='pair'):
        expected.append(plain(pair))
        with EmulatedBfloat16():
            found.append(copy(pair))
    report = {
        'model': arguments.weights.stem,
        'torch': torch.__version__,
        'data': folder.root.parent.name,
        'frames': len(pairs),
        'protocol': PROTOCOL,
        'float32 eager': average_precisions(pairs, expected),
        'bfloat16, emulated': {
            'agreement': agreement(expected, found),
            **average_precisions(pairs, found),
        },
    }
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(f'{text}\n', encoding='utf-8')
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--weights', type=Path, required=True, help='safetensors file')
    parser.add_argument('--data', type=Path, required=True, help='DAIR-V2X-C folder')
    parser.add_argument(
        '--frames', type=int, default=40, help='evenly spread pairs of it; 0 takes all'
    )
    parser.add_argument('--output', type=Path, help='JSON file to write')
    return parser


if __name__ == '__main__':
    sys.exit(main())
