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

"""Compare lossless coders on the features that the roadside network really sends.

``python benchmark/transport/compare_coders.py FOLDER`` runs the sender over the roadside images of
a folder in the DAIR-V2X-C format, codes each quantised feature with every candidate and decodes it
again. It prints a table and writes JSON; ratios are against zstd level 3 of the same run, times
are processor time of the one thread.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
import json
from pathlib import Path
import platform
import statistics
import sys
import time

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm
import zstandard

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'benchmark')]

from transport.roadside import Roadside  # noqa: E402

from emiff_ros.processor import processor_name  # noqa: E402
from emiff_ros.transport.coding import RANS  # noqa: E402
from emiff_ros.transport.quantization import (  # noqa: E402
    Layout,
    Quantization,
    bytes_from_codes,
    codes_from_bytes,
    quantize,
)

REFERENCE = 'zstd 3'
ALL = tuple(Quantization)
INTEGER = (Quantization.INT8, Quantization.INT4)

Transform = Callable[[bytes, Layout], bytes]


@dataclass(frozen=True)
class Candidate:
    """A coder that might travel: both directions, and the number formats that it is for."""

    name: str
    encode: Transform
    decode: Transform
    formats: tuple[Quantization, ...] = ALL


def zstd(
    level: int, forward: Transform | None = None, back: Transform | None = None
) -> tuple[Transform, Transform]:
    """Return both directions of zstd on transformed bytes."""
    compressor = zstandard.ZstdCompressor(level=level)
    decompressor = zstandard.ZstdDecompressor()

    def encode(data: bytes, layout: Layout) -> bytes:
        return compressor.compress(forward(data, layout) if forward else data)

    def decode(payload: bytes, layout: Layout) -> bytes:
        data = decompressor.decompress(payload)
        return back(data, layout) if back else data

    return encode, decode


def planes(data: bytes, layout: Layout) -> bytes:
    """Put equally significant bytes (nibbles of INT4) next to each other."""
    if layout.quantization is Quantization.INT4:
        return codes_from_bytes(data, layout).tobytes()
    size = layout.byte_count // layout.value_count
    return np.frombuffer(data, np.uint8).reshape(-1, size).T.tobytes()


def from_planes(data: bytes, layout: Layout) -> bytes:
    """Undo :func:`planes`."""
    if layout.quantization is Quantization.INT4:
        return bytes_from_codes(np.frombuffer(data, np.uint8), layout.quantization)
    size = layout.byte_count // layout.value_count
    return np.frombuffer(data, np.uint8).reshape(size, -1).T.tobytes()


def row_delta(data: bytes, layout: Layout) -> bytes:
    """Replace each code by the difference to its left neighbour."""
    return np.diff(codes_from_bytes(data, layout), axis=2, prepend=np.uint8(0)).tobytes()


def from_row_delta(data: bytes, layout: Layout) -> bytes:
    """Undo :func:`row_delta`."""
    deltas = np.frombuffer(data, np.uint8).reshape(layout.shape)
    return bytes_from_codes(np.cumsum(deltas, axis=2, dtype=np.uint8), layout.quantization)


def sparse(data: bytes, layout: Layout) -> bytes:
    """Write a bit map of what is not zero, and those codes."""
    codes = codes_from_bytes(data, layout)
    return np.packbits(codes != 0).tobytes() + codes[codes != 0].tobytes()


def from_sparse(data: bytes, layout: Layout) -> bytes:
    """Undo :func:`sparse`."""
    size = (layout.value_count + 7) // 8
    filled = np.unpackbits(np.frombuffer(data, np.uint8, size), count=layout.value_count)
    codes = np.zeros(layout.value_count, np.uint8)
    codes[filled.astype(bool)] = np.frombuffer(data, np.uint8, offset=size)
    return bytes_from_codes(codes, layout.quantization)


def rans_encode_channels(data: bytes, layout: Layout) -> bytes:
    """Code each channel with its own frequencies, sent as bytes: rANS without contexts."""
    import constriction

    coder = constriction.stream.stack.AnsCoder()
    codes = codes_from_bytes(data, layout).reshape(layout.shape[0], -1).astype(np.int32)
    tables = b''
    for channel in codes[::-1]:
        counts = np.bincount(channel, minlength=layout.quantization.levels + 1)
        table = (-(counts * -255 // counts.max())).astype(np.uint8)
        tables = table.tobytes() + tables
        model = constriction.stream.model.Categorical(table.astype(np.float32), perfect=False)
        coder.encode_reverse(channel, model)
    tables = zstandard.ZstdCompressor(level=19).compress(tables)
    size = len(tables).to_bytes(2, 'little')
    return size + tables + coder.get_compressed().astype('<u4').tobytes()


def rans_decode_channels(payload: bytes, layout: Layout) -> bytes:
    """Undo :func:`rans_encode_channels`."""
    import constriction

    end = 2 + int.from_bytes(payload[:2], 'little')
    tables = np.frombuffer(zstandard.ZstdDecompressor().decompress(payload[2:end]), np.uint8)
    coder = constriction.stream.stack.AnsCoder(np.frombuffer(payload[end:], '<u4').astype('u4'))
    channels, count = layout.shape[0], layout.value_count // layout.shape[0]
    codes = [
        coder.decode(constriction.stream.model.Categorical(table, perfect=False), count)
        for table in tables.reshape(channels, -1).astype(np.float32)
    ]
    return bytes_from_codes(np.concatenate(codes).astype(np.uint8), layout.quantization)


def candidates() -> list[Candidate]:
    """Return all that is compared, the reference first."""
    return [
        *(Candidate(f'zstd {level}', *zstd(level)) for level in (3, 1, 9, 15, 19, 22)),
        Candidate('zstd 15, planes', *zstd(15, planes, from_planes)),
        Candidate('zstd 15, row delta', *zstd(15, row_delta, from_row_delta), INTEGER),
        Candidate('zstd 15, sparse', *zstd(15, sparse, from_sparse), INTEGER),
        Candidate('rans, per channel', rans_encode_channels, rans_decode_channels, INTEGER),
        Candidate('rans, contexts', RANS.encode, RANS.decode, INTEGER),
    ]


def measure(
    features: list[NDArray[np.float32]], kind: Quantization, candidate: Candidate, bar: tqdm
) -> dict[str, float]:
    """Return mean bytes and median milliseconds of processor time of one candidate.

    Raises:
        AssertionError: if it loses anything.
    """
    sizes, encoding, decoding = [], [], []
    for feature in features:
        data, _, _ = quantize(feature, kind)
        layout = Layout(feature.shape, kind)
        begin = time.thread_time()
        payload = candidate.encode(data, layout)
        middle = time.thread_time()
        decoded = candidate.decode(payload, layout)
        end = time.thread_time()
        assert decoded == data, f'{candidate.name} is not lossless'
        sizes.append(len(payload))
        encoding.append((middle - begin) * 1e3)
        decoding.append((end - middle) * 1e3)
        bar.update()
    return {
        'bytes': round(statistics.fmean(sizes), 1),
        'encode_ms': round(statistics.median(encoding), 3),
        'decode_ms': round(statistics.median(decoding), 3),
    }


def main() -> None:
    """Measure, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help='folder in the DAIR-V2X-C format')
    parser.add_argument('--weights', type=Path, default=ROOT / 'weights/emiff_small.safetensors')
    parser.add_argument('--frames', type=int, default=50)
    parser.add_argument(
        '--output', type=Path, default=ROOT / 'benchmark/results/transport_coders.json'
    )
    options = parser.parse_args()
    roadside = Roadside(options.weights)
    features = list(tqdm(roadside.features(options.folder, options.frames), 'encoding images'))
    runs = [(kind, item) for kind in ALL for item in candidates() if kind in item.formats]
    results: dict[str, dict[str, dict[str, float]]] = {}
    with tqdm(total=len(runs) * len(features), desc='coding', unit='feature') as bar:
        for kind, item in runs:
            table = results.setdefault(kind.name.lower(), {})
            table[item.name] = measure(features, kind, item, bar)
            reference = table[REFERENCE]['bytes']
            table[item.name]['ratio'] = round(table[item.name]['bytes'] / reference, 4)
    for kind, table in results.items():
        print(f'\n{kind:22}{"bytes":>9}{"ratio":>8}{"encode ms":>11}{"decode ms":>11}')
        for name, row in sorted(table.items(), key=lambda entry: entry[1]['bytes']):
            print(
                f'  {name:20}{row["bytes"]:9.0f}{row["ratio"]:8.3f}'
                f'{row["encode_ms"]:11.2f}{row["decode_ms"]:11.2f}'
            )
    report = {
        'reference': REFERENCE,
        'shape': list(features[0].shape),
        'frames': len(features),
        'weights': options.weights.name,
        'fingerprint': roadside.fingerprint,
        'processor': processor_name(),
        'python': platform.python_version(),
        'zstandard': zstandard.__version__,
        'threads': 1,
        'results': results,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=2) + '\n')


if __name__ == '__main__':
    main()
