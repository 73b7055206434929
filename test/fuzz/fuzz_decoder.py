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

"""Coverage-guided fuzzing of the decoder with atheris (libFuzzer).

``python test/fuzz/fuzz_decoder.py CORPUS_FOLDER [libFuzzer options]`` puts the seeds into the
folder and runs until it is stopped or an option such as ``-runs=100000`` ends it. Anything that
is raised but a named error ends it with the input written to a file, and so does an allocation
that lifts the address space by more than 512 MiB. (libFuzzer's own limit, ``-rss_limit_mb``, looks
at the highest use ever, which on Linux begins with that of the process that started this one.)

What Numba compiles cannot be watched branch by branch; its indices are checked instead, and one
that is out of bounds is such an error.
"""

import os
from pathlib import Path
import sys
import tempfile

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
COMPILED = [
    f'emiff_ros.transport.{name}' for name in ('ans_stack', 'context_model', 'quantization')
]
os.environ |= {'NUMBA_BOUNDSCHECK': '1', 'NUMBA_CACHE_DIR': tempfile.mkdtemp()}
with atheris.instrument_imports(include=['emiff_ros', 'fuzz'], exclude=COMPILED):
    from fuzz.decoder_target import decode_hostile, seeds
    from fuzz.memory_limit import limit_memory

MEMORY_CAP = 512 * 2**20
"""Bytes for the corpus, the coverage tables and one decode."""


def main(arguments: list[str]) -> None:
    """Write the seeds into the first folder named in ``arguments`` and fuzz."""
    folders = [Path(argument) for argument in arguments[1:] if not argument.startswith('-')]
    if folders:
        folders[0].mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (folders[0] / f'seed-{number:02d}').write_bytes(seed)
    atheris.Setup([*arguments, '-rss_limit_mb=0'], decode_hostile_only)
    limit_memory(MEMORY_CAP)
    atheris.Fuzz()


def decode_hostile_only(data: bytes) -> None:
    """Run the target; libFuzzer wants no result."""
    decode_hostile(data)


if __name__ == '__main__':
    main(sys.argv)
