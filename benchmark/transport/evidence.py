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

"""AP against the true bytes of a message, and against packet loss, on the same frames.

``python benchmark/transport/evidence.py FOLDER ...`` runs a network once for each frame of the
folders and each way to send its roadside feature, offline. Detections are kept below ``--cache``
frame by frame: a run that was ended goes on where it was. It writes JSON and a picture; several
``--weights`` are compared in one go. Loss is applied afterwards by the link model: a frame whose
message is lost counts with what the vehicle alone detects, so older features do not help.
"""

import argparse
from dataclasses import dataclass
from functools import partial
import json
from pathlib import Path
import sys

import matplotlib
import numpy as np
from numpy.typing import NDArray
import torch
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from emiff_ros.comparison.network import Network  # noqa: E402
from emiff_ros.dair.evaluation import FrameResult, evaluate  # noqa: E402
from emiff_ros.dair.frames import CooperativePair  # noqa: E402
from emiff_ros.dair.reader import DairFolder  # noqa: E402
from emiff_ros.model import Camera, InfrastructureView  # noqa: E402
from emiff_ros.processor import processor_name  # noqa: E402
from emiff_ros.spread import evenly_spread  # noqa: E402
from emiff_ros.transport.codec import decode_feature, encode_feature  # noqa: E402
from emiff_ros.transport.feature_header import FeatureHeader  # noqa: E402
from emiff_ros.transport.feature_message import serialize_feature  # noqa: E402
from emiff_ros.transport.importance import ground_importance  # noqa: E402
from emiff_ros.transport.lossy_link import LinkConfig, LinkModel  # noqa: E402
from emiff_ros.transport.rate_control import PROFILES, RateController  # noqa: E402

ALONE = 'vehicle alone'
FORMATS = ('float32', 'float16', 'int8', 'int4')
CODERS = ('raw', 'zstd', 'rans')
BUDGETS = (3600, 2400, 1800, 1200, 1000, 800, 600)
LOSSES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
BURSTS = (1.0, 4.0)
LINK_MESSAGES = 20_000


@dataclass(frozen=True)
class Way:
    """One way to send a feature: a number format as it is, or a budget from int8 on."""

    name: str
    quantization: str = 'int8'
    budget: int | None = None


def ways() -> list[Way]:
    """Return all ways that are compared."""
    profiles = [Way(f'profile {name}', budget=limit) for name, limit in PROFILES.items()]
    budgets = [Way(f'budget {limit}', budget=limit) for limit in BUDGETS]
    return [*(Way(name, name) for name in FORMATS), *profiles, *budgets]


class Subject:
    """A trained network, run frame by frame."""

    def __init__(self, weights: Path) -> None:
        """Load the weights.

        Raises:
            WeightsError: if they cannot be used.
        """
        self.network = Network(weights)
        self._rates = {way.name: RateController() for way in ways()}

    def run(self, pair: CooperativePair) -> dict[str, NDArray[np.float32]]:
        """Return corners and score ``[N, 25]`` by way, and bytes by ``bytes WAY/CODER``."""
        levels = self.network.encode_vehicle(pair.vehicle)
        camera = self.network.camera(pair.vehicle, pair.vehicle.camera_from_vehicle())
        tensor = self.network.encode_infrastructure(pair.infrastructure)
        station = self.network.camera(pair.infrastructure, pair.camera_from_vehicle())
        header = self._header(pair, station)
        serialize = partial(serialize_feature, header)
        importance = ground_importance(header, tensor.shape)
        found = {ALONE: self._detect(levels, camera, [])}
        answers: dict[bytes, NDArray[np.float32]] = {}
        for way in ways():
            if way.budget is None:
                for coder in CODERS:
                    encoded = encode_feature(tensor, way.quantization, coder)
                    size = np.array([len(serialize(encoded))], np.float32)
                    found[f'bytes {way.name}/{coder}'] = size
            else:
                decision = self._rates[way.name].encode(
                    tensor, way.budget, serialize, importance=importance
                )
                encoded = decision.encoded
                size = np.array([decision.message_bytes], np.float32)
                found[f'bytes {way.name}/rans'] = size
            received = decode_feature(encoded)
            key = received.tobytes()  # several budgets may lead to the same bytes
            if key not in answers:
                views = [InfrastructureView(station, feature=torch.from_numpy(received)[None])]
                answers[key] = self._detect(levels, camera, views)
            found[way.name] = answers[key]
        return found

    def _detect(
        self, levels: list[torch.Tensor], camera: Camera, views: list[InfrastructureView]
    ) -> NDArray[np.float32]:
        corners, scores = self.network.detect(levels, camera, views)
        return np.hstack([corners.reshape(-1, 24), scores[:, None]]).astype(np.float32)

    def _header(self, pair: CooperativePair, station: Camera) -> FeatureHeader:
        """Return a header with names as long as the shipped ones: they count."""
        config = self.network.config
        return FeatureHeader(
            stamp=pair.infrastructure.image_stamp,
            frame_id='infrastructure/camera_optical',
            station_id='station',
            session_id=0,
            sequence=0,
            fingerprint=bytes(32),
            image_size=(config.image_height, config.image_width),
            padded_size=config.padded_size,
            intrinsics=station.intrinsics.numpy(),
            map_frame='map',
            camera_from_map=pair.camera_from_map(),
        )


def detections(
    subject: Subject, pairs: list[CooperativePair], cache: Path
) -> list[dict[str, NDArray[np.float32]]]:
    """Run the pairs of one folder; what is in the cache is read from there."""
    cache.mkdir(parents=True, exist_ok=True)
    results = []
    for pair in tqdm(pairs, desc=cache.name, unit='frame'):
        path = cache / f'{pair.vehicle.frame_id}.npz'
        if not path.exists():
            scratch = path.with_suffix('.tmp.npz')
            np.savez(scratch, **subject.run(pair))
            scratch.rename(path)
        with np.load(path) as stored:
            results.append(dict(stored))
    return results


def precision(
    pairs: list[CooperativePair], found: list[NDArray[np.float32]]
) -> dict[str, float | None]:
    """Return AP in percent by name; None where there is nothing to find."""
    frames = [
        FrameResult(
            pair.vehicle_boxes('car')[1],
            rows[:, :24].reshape(-1, 8, 3),
            rows[:, 24],
            pair.vehicle.frame_id,
        )
        for pair, rows in zip(pairs, found, strict=True)
    ]
    values = evaluate(frames, 'opendairv2x').percentages()
    return {name: round(v, 3) if np.isfinite(v) else None for name, v in values.items()}


def byte_table(
    pairs: list[CooperativePair], results: list[dict[str, NDArray[np.float32]]]
) -> list[dict]:
    """Return AP and bytes of every way and coder; the difference is to float32 on these frames."""
    rows = [{'way': ALONE, 'bytes': 0, **precision(pairs, [item[ALONE] for item in results])}]
    for way in tqdm(ways(), desc='evaluating', unit='way'):
        values = precision(pairs, [item[way.name] for item in results])
        if way.quantization == 'float32':
            reference = values
        change = {
            f'{name}_change': round(value - reference[name], 3)
            for name, value in values.items()
            if value is not None
        }
        for coder in CODERS if way.budget is None else ('rans',):
            sizes = [float(item[f'bytes {way.name}/{coder}'][0]) for item in results]
            row = {'way': way.name, 'coder': coder, 'bytes': round(float(np.mean(sizes)), 1)}
            rows.append({**row, 'largest_bytes': max(sizes), **values, **change})
    return rows


def loss_table(
    pairs: list[CooperativePair], results: list[dict[str, NDArray[np.float32]]], seed: int
) -> list[dict]:
    """Return delivery and AP of each profile by packet loss, independent and in bursts."""
    rows = []
    for profile in tqdm(PROFILES, desc='losing packets', unit='profile'):
        name = f'profile {profile}'
        sizes = [int(item[f'bytes {name}/rans'][0]) for item in results]
        for burst in BURSTS:
            for loss in LOSSES:
                link = LinkModel(LinkConfig(loss=loss, burst=burst), seed)
                arrived = [
                    bool(link.send(sizes[index % len(sizes)], 0.1 * index))
                    for index in range(max(LINK_MESSAGES, len(sizes)))
                ]
                found = [
                    item[name if there else ALONE]
                    for item, there in zip(results, arrived, strict=False)
                ]
                rows.append(
                    {
                        'profile': profile,
                        'loss': loss,
                        'burst': burst,
                        'delivered': round(float(np.mean(arrived)), 4),
                        'delivered_of_frames': round(float(np.mean(arrived[: len(sizes)])), 4),
                        **precision(pairs, found),
                    }
                )
    return rows


def draw(networks: dict[str, dict], path: Path) -> None:
    """Draw AP against bytes of all networks, and AP against loss of the first."""
    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    for name, network in networks.items():
        rows = [row for row in network['ways'] if row.get('coder') == 'rans']
        rows.sort(key=lambda row: row['bytes'])
        sizes, values = [row['bytes'] for row in rows], [row['ap_bev_50'] for row in rows]
        left.plot(sizes, values, 'o-', markersize=4, label=name)
        left.axhline(network['ways'][0]['ap_bev_50'], color='0.6', linestyle=':')
    name, first = next(iter(networks.items()))
    for profile in PROFILES:
        points = [row for row in first['loss'] if row['profile'] == profile and row['burst'] > 1]
        losses = [100 * row['loss'] for row in points]
        values = [row['ap_bev_50'] for row in points]
        right.plot(losses, values, 'o-', markersize=4, label=f'{name}, {profile}')
    left.set(xscale='log', xlabel='bytes of a message (CDR)', ylabel='AP BEV, IoU 0.5 [%]')
    left.axvline(PROFILES['radio'], color='0.8')
    right.set(xlabel=f'packets lost [%], bursts of {BURSTS[-1]:.0f}', ylabel='AP BEV, IoU 0.5 [%]')
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run, print a table, write JSON and a picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folders', type=Path, nargs='+', help='folders in the DAIR-V2X-C format')
    parser.add_argument(
        '--weights', type=Path, nargs='+', default=[ROOT / 'weights/emiff_small.safetensors']
    )
    parser.add_argument('--frames', type=int, default=300, help='of each folder, spread over it')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--seed', type=int, default=0, help='of the lossy link')
    parser.add_argument('--cache', type=Path, default=ROOT / 'out' / 'transport')
    parser.add_argument('--output', type=Path, default=ROOT / 'benchmark/results/transport.json')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pairs_of = {
        root.resolve().name: evenly_spread(DairFolder(root).pairs, options.frames)
        for root in options.folders
    }
    if len(pairs_of) < len(options.folders):
        parser.error('folders need names of their own: what they gave is cached by name')
    pairs = [pair for found in pairs_of.values() for pair in found]
    networks = {}
    for path in options.weights:
        subject = Subject(path)
        results = []
        for name, found in pairs_of.items():
            cache = options.cache / f'{path.stem}-{subject.network.fingerprint[:12]}-{name}'
            results += detections(subject, found, cache)
        networks[path.stem] = {
            'fingerprint': subject.network.fingerprint,
            'shape': list(subject.network.config.transmitted_shape),
            'ways': byte_table(pairs, results),
            'loss': loss_table(pairs, results, options.seed),
        }
        print(f'\n{path.stem:20}{"coder":>7}{"bytes":>9}{"AP BEV 50":>11}{"change":>9}')
        for row in networks[path.stem]['ways']:
            print(
                f'  {row["way"]:18}{row.get("coder", ""):>7}{row["bytes"]:9.0f}'
                f'{row["ap_bev_50"]:11.2f}{row.get("ap_bev_50_change", 0):9.2f}'
            )
    report = {
        'frames': len(pairs),
        'folders': list(pairs_of),
        'protocol': 'opendairv2x',
        'seed': options.seed,
        'processor': processor_name(),
        'networks': networks,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report, indent=2) + '\n')
    draw(networks, options.output.with_suffix('.png'))


if __name__ == '__main__':
    main()
