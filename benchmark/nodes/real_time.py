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

"""Both nodes at a camera's rate over DDS: latency, loss, and what the ROS layer costs.

``python benchmark/nodes/real_time.py FOLDER --rate 10`` starts both nodes as processes and
publishes the JPEGs of a folder in the DAIR-V2X-C format to them, the roadside image half a period
before the vehicle's. The times are the nodes' own ``~/debug`` topics; ``outside_network_ms`` is
the time from an image's arrival to its result without the network, ``ros_layer_ms`` that without
decoding and resizing the image.
"""

import argparse
from collections.abc import Sequence
import json
import os
from pathlib import Path
import struct
import sys
import threading
import time

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import Float64
import torch
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from nav_msgs.msg import Odometry  # noqa: E402
from sensor_msgs.msg import CameraInfo, CompressedImage  # noqa: E402

from emiff_msgs.msg import CameraCalibration  # noqa: E402
from emiff_ros import bringup  # noqa: E402
from emiff_ros.acceleration.openvino_package import openvino_version  # noqa: E402
from emiff_ros.dair import bag_topics  # noqa: E402
from emiff_ros.dair.bag_messages import MessageFactory  # noqa: E402
from emiff_ros.dair.bag_topics import SideTopics  # noqa: E402
from emiff_ros.dair.frames import CooperativePair, SensorFrame  # noqa: E402
from emiff_ros.dair.reader import DairFolder  # noqa: E402
from emiff_ros.demo.domain import isolated_domain  # noqa: E402
from emiff_ros.demo.listener import ResultListener  # noqa: E402
from emiff_ros.demo.processes import NodeProcess  # noqa: E402
from emiff_ros.demo.replay import spinning_listener  # noqa: E402
from emiff_ros.geometry import Affine  # noqa: E402
from emiff_ros.processor import processor_name  # noqa: E402
from emiff_ros.stamps import SECOND  # noqa: E402
from emiff_ros.transport.cdr import ENCAPSULATION  # noqa: E402

WARM_UP_SECONDS = 3.0
SUBSCRIPTION_SECONDS = 60.0
STAMP_OFFSET = len(ENCAPSULATION)
"""Of the header's stamp in a serialised message."""

NETWORK_LAPS = {
    'infrastructure_node': ('network_ms',),
    'vehicle_node': ('backbone_ms', 'detection_ms'),
}
LAPS = {
    'infrastructure_node': ('preprocess_ms', 'network_ms', 'coding_ms'),
    'vehicle_node': ('preprocess_ms', 'backbone_ms', 'matching_ms', 'detection_ms'),
}
COMMON = ('processing_time_ms', 'latency_ms')


class DebugRecorder:
    """Keeps what the debug topics of one node say, in the order of the results."""

    def __init__(self, listener: Node, node: str, names: tuple[str, ...]) -> None:
        """Subscribe to ``node``/debug/NAME for each name."""
        self.values: dict[str, list[float]] = {name: [] for name in names}
        for name, values in self.values.items():
            listener.create_subscription(
                Float64,
                f'{node}/debug/{name}',
                lambda message, values=values: values.append(message.data),
                QoSProfile(depth=200),
            )

    def clear(self) -> None:
        """Forget the warm-up."""
        for values in self.values.values():
            values.clear()


class Cameras:
    """Publishes both cameras of a junction with everything that belongs to an image.

    Everything is serialised beforehand, so that the nodes have the cores for themselves: what is
    left to do is to write the stamp, which each of these messages begins with.
    """

    def __init__(self, node: Node, folder: DairFolder, count: int) -> None:
        """Read up to ``count`` pairs of the first junction into memory.

        Of one junction, because the vehicle refuses the features of a station that jumps.
        """
        self._node = node
        factory = MessageFactory()
        self._vehicle, self._station = [], []
        for pair in pairs_of_one_junction(folder.pairs)[:count]:
            odometry = factory.odometry(0, pair.vehicle.map_from_vehicle())
            affine = pair.vehicle.camera_from_vehicle()
            self._vehicle.append(
                [
                    (bag_topics.VEHICLE_ODOMETRY, bytearray(odometry)),
                    *_messages(factory, bag_topics.VEHICLE, pair.vehicle, affine),
                ]
            )
            affine = pair.camera_from_map()
            self._station.append(
                _messages(factory, bag_topics.INFRASTRUCTURE, pair.infrastructure, affine)
            )
        kinds = {
            bag_topics.COMPRESSED_IMAGE: CompressedImage,
            bag_topics.CAMERA_INFO: CameraInfo,
            bag_topics.CAMERA_CALIBRATION: CameraCalibration,
            bag_topics.ODOMETRY: Odometry,
        }
        self._publishers = {
            topic: node.create_publisher(kinds[kind], topic, QoSProfile(depth=10))
            for topic, kind in bag_topics.TOPIC_TYPES.items()
            if kind in kinds
        }

    def wait_for_nodes(self) -> None:
        """Wait until every topic has a subscription.

        Raises:
            RuntimeError: naming those that get none.
        """
        deadline = time.monotonic() + SUBSCRIPTION_SECONDS
        while True:
            alone = [t for t, p in self._publishers.items() if not p.get_subscription_count()]
            if not alone:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f'nobody subscribes to {", ".join(alone)} within {SUBSCRIPTION_SECONDS:g} s; '
                    'see the logs of the nodes'
                )
            time.sleep(0.05)

    def publish_station(self, index: int) -> None:
        """Publish the roadside image of one pair, taken now."""
        self._publish(self._station[index % len(self._station)])

    def publish_vehicle(self, index: int) -> None:
        """Publish pose and image of the vehicle of one pair, taken now."""
        self._publish(self._vehicle[index % len(self._vehicle)])

    def _publish(self, messages: list[tuple[str, bytearray]]) -> None:
        now = self._node.get_clock().now().nanoseconds
        for topic, serialized in messages:
            struct.pack_into('<iI', serialized, STAMP_OFFSET, *divmod(now, SECOND))
            self._publishers[topic].publish(bytes(serialized))


def pairs_of_one_junction(pairs: Sequence[CooperativePair]) -> list[CooperativePair]:
    """Return the pairs whose roadside camera stands where the first one's does."""
    first = pairs[0].camera_from_map()
    return [pair for pair in pairs if np.array_equal(pair.camera_from_map(), first)]


def _messages(
    factory: MessageFactory, side: SideTopics, frame: SensorFrame, affine: Affine
) -> list[tuple[str, bytearray]]:
    """Return an image and what belongs to it by topic, serialised without a stamp."""
    camera, size = frame.intrinsics(), frame.image_size
    return [
        (side.calibration, bytearray(factory.calibration(0, side, camera, size, affine))),
        (side.camera_info, bytearray(factory.camera_info(0, side, camera, size))),
        (side.image, bytearray(factory.compressed_image(0, side, frame.image_bytes()))),
    ]


def publish_at(cameras: Cameras, rate: float, seconds: float, title: str) -> int:
    """Publish both sides at a fixed rate; return how many images each of them sent."""
    count, begin = round(rate * seconds), time.monotonic()
    waiting = threading.Event()
    for index in tqdm(range(count), desc=title, unit='image'):
        for publish, moment in ((cameras.publish_station, 0.0), (cameras.publish_vehicle, 0.5)):
            waiting.wait(max(0.0, begin + (index + moment) / rate - time.monotonic()))
            publish(index)
    return count


def statistics(values: np.ndarray) -> dict[str, float]:
    """Return percentiles in milliseconds."""
    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    return {'p50': round(p50, 2), 'p95': round(p95, 2), 'p99': round(p99, 2)}


def node_report(name: str, recorder: DebugRecorder, sent: int) -> dict[str, object]:
    """Return the times of one node."""
    values = {key: np.array(found) for key, found in recorder.values.items()}
    lengths = {len(found) for found in values.values()}
    if len(lengths) != 1:
        raise RuntimeError(f'debug topics of {name} have {lengths} values; expected the same')
    network = sum(values[lap] for lap in NETWORK_LAPS[name])
    outside = values['processing_time_ms'] - network
    latency = values['latency_ms']
    half = len(latency) // 2
    report = {key: statistics(found) for key, found in values.items()}
    report['outside_network_ms'] = statistics(outside)
    report['ros_layer_ms'] = statistics(outside - values['preprocess_ms'])
    report['results'], report['sent'] = len(latency), sent
    report['loss'] = round(1 - len(latency) / sent, 4)
    report['first_half_latency_p50'] = round(float(np.median(latency[:half])), 1)
    report['second_half_latency_p50'] = round(float(np.median(latency[half:])), 1)
    return report


def memory_mib(listener: ResultListener, name: str) -> int:
    """Return the resident memory that a node reports."""
    return int(listener.diagnostics(name, 'memory', 20.0)['resident_mib'])


def processor_seconds(process: NodeProcess) -> float:
    """Return the processor time that a node has taken so far, in all its threads."""
    fields = Path(f'/proc/{process.pid}/stat').read_text().rpartition(')')[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf('SC_CLK_TCK')


def measure(
    options: argparse.Namespace, folder: DairFolder, log_folder: Path
) -> dict[str, object]:
    """Run both nodes at the rate; return what was measured."""
    settings = {'model': options.model, 'acceleration': options.acceleration}
    settings |= {'engine': options.engine, 'threads': options.threads}
    settings |= {'reduced_decoding': options.decoding == 'reduced', 'overlap': options.overlap}
    processes = [
        bringup.infrastructure(**settings, coder=options.coder),
        bringup.vehicle(**settings),
    ]
    with isolated_domain() as variables, spinning_listener() as listener:
        running = [
            NodeProcess(process, log_folder / f'{process.executable}.log', variables)
            for process in processes
        ]
        try:
            for node in running:
                node.start()
            for node in running:
                node.wait_until_active(listener)
            recorders = {
                process.executable: DebugRecorder(
                    listener, process.fully_qualified_name, COMMON + LAPS[process.executable]
                )
                for process in processes
            }
            cameras = Cameras(listener, folder, options.frames)
            cameras.wait_for_nodes()
            publish_at(cameras, options.rate, WARM_UP_SECONDS, 'warming up')
            threading.Event().wait(1.0)
            names = [process.fully_qualified_name for process in processes]
            before = [memory_mib(listener, name) for name in names]
            for recorder in recorders.values():
                recorder.clear()
            fused_before = len(listener.statuses)
            spent_before = [processor_seconds(node) for node in running]
            sent = publish_at(cameras, options.rate, options.seconds, 'measuring')
            threading.Event().wait(1.0)
            spent = np.subtract([processor_seconds(node) for node in running], spent_before)
            statuses = list(listener.statuses.values())[fused_before:]
            report = {
                process.executable: node_report(
                    process.executable, recorders[process.executable], sent
                )
                | {'processor_ms_per_image': round(1e3 * seconds / sent, 1)}
                | {'memory_mib': [start, memory_mib(listener, name)]}
                for process, name, start, seconds in zip(
                    processes, names, before, spent, strict=True
                )
            }
            report['fused'] = sum(status.mode == status.FUSED for status in statuses)
            return report
        finally:
            for node in running:
                node.stop()


def main() -> None:
    """Read the command line, measure, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help='folder in the DAIR-V2X-C format')
    parser.add_argument('--model', default='emiff_small')
    parser.add_argument('--rate', type=float, default=10.0, help='images a second and camera')
    parser.add_argument('--seconds', type=float, default=30.0)
    parser.add_argument('--frames', type=int, default=20, help='pairs that take turns')
    parser.add_argument('--acceleration', default='auto', help='parameter of both nodes')
    parser.add_argument('--engine', default='auto', help='parameter of both nodes')
    parser.add_argument('--threads', type=int, default=1, help='parameter of both nodes')
    parser.add_argument('--coder', default='rans', help='parameter of the roadside node')
    parser.add_argument(
        '--overlap', action=argparse.BooleanOptionalAction, default=True, help='of both nodes'
    )
    parser.add_argument('--decoding', choices=('reduced', 'full'), default='reduced')
    parser.add_argument(
        '--output', type=Path, default=ROOT / 'benchmark' / 'results' / 'real_time.json'
    )
    options = parser.parse_args()
    report = measure(options, DairFolder(options.folder), ROOT / 'out' / 'real_time')
    key = f'{options.model}, {options.acceleration}, engine {options.engine}, '
    key += f'{options.threads} threads a node, '
    key += f'{options.decoding} decoding, {"" if options.overlap else "no "}overlap, '
    key += f'coder {options.coder}, {options.rate:g} Hz'
    results = json.loads(options.output.read_text()) if options.output.exists() else {}
    results['processor'], results['torch'] = processor_name(), torch.__version__
    results['openvino'] = openvino_version()
    results[key] = report
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=2) + '\n')
    print(json.dumps({key: report}, indent=2))


if __name__ == '__main__':
    main()
