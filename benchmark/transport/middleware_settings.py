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

"""Count what arrives of large messages over Fast DDS, with and without files of ``config/dds``.

``python benchmark/transport/middleware_settings.py`` has one process publish to the best-effort
subscription of another on this machine. How much of a large message gets through without settings
depends on the socket buffers, which are in the result, and on how busy the machine is.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
import json
import math
import multiprocessing
import os
from pathlib import Path
import sys
import time
from typing import Any

from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from emiff_ros.demo.domain import isolated_domain  # noqa: E402
from emiff_ros.processor import processor_name  # noqa: E402

SILENCE = 3.0
"""Seconds after which nothing more is expected once everything was sent."""
PATIENCE = 60.0
"""Seconds that one process waits for the other at most."""
PROFILES = 'FASTRTPS_DEFAULT_PROFILES_FILE'


def settings(name: str) -> dict[str, str]:
    """Return the environment variables for a settings file of ``config/dds``."""
    return {PROFILES: str(ROOT / 'config' / 'dds' / name)}


@dataclass(frozen=True)
class Case:
    """What is sent under which settings.

    Attributes:
        topic: settings can belong to one.
        size: of a message's data, bytes.
        count: of messages.
        rate: messages a second; infinite for all at once.
        publisher: environment variables of the process that sends.
        subscriber: the same for the one that receives.
    """

    topic: str
    size: int
    count: int
    rate: float
    publisher: dict[str, str] = field(default_factory=dict)
    subscriber: dict[str, str] = field(default_factory=dict)


LARGE_IMAGES = settings('fastdds_large_images.xml')
FEATURE_LINK = {
    **settings('fastdds_feature_link.xml'),
    'RMW_FASTRTPS_PUBLICATION_MODE': 'ASYNCHRONOUS',
}
IMAGES = Case('/image', 584_000, 50, rate=10.0)
FEATURES = Case('/infrastructure/features', 28_000, 20, rate=math.inf)
CASES = [
    IMAGES,
    replace(IMAGES, publisher=LARGE_IMAGES),
    replace(IMAGES, size=1_500_000),
    replace(IMAGES, size=1_500_000, publisher=LARGE_IMAGES),
    FEATURES,
    replace(FEATURES, publisher=FEATURE_LINK, subscriber=FEATURE_LINK),
]


class Signals:
    """Events by which the two processes wait for each other."""

    def __init__(self, context: Any) -> None:
        """Make them in a multiprocessing context."""
        self.heard, self.sent, self.counted = (context.Event() for _ in range(3))


def publish(case: Case, signals: Signals) -> float:
    """Send the messages; return when the first one left, in seconds of the monotonic clock."""
    import rclpy
    from rclpy.qos import QoSProfile
    from sensor_msgs.msg import CompressedImage

    rclpy.init()
    publisher = rclpy.create_node('sender').create_publisher(
        CompressedImage, case.topic, QoSProfile(depth=case.count)
    )
    message = CompressedImage()
    while not signals.heard.wait(0.1):
        publisher.publish(message)
    message.data = bytes(case.size)
    start = time.monotonic()
    for index in range(case.count):
        time.sleep(max(0.0, start + index / case.rate - time.monotonic()))
        message.header.stamp.sec = 1 + index
        publisher.publish(message)
    signals.sent.set()
    signals.counted.wait(PATIENCE)
    return start


def receive(case: Case, signals: Signals) -> list[float]:
    """Return when each message that came has come, in seconds of the monotonic clock."""
    import rclpy
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import CompressedImage

    arrivals: dict[int, float] = {}

    def on_message(message: CompressedImage) -> None:
        if message.header.stamp.sec:
            arrivals[message.header.stamp.sec] = time.monotonic()
        signals.heard.set()

    rclpy.init()
    node = rclpy.create_node('receiver')
    profile = QoSProfile(depth=case.count, reliability=ReliabilityPolicy.BEST_EFFORT)
    node.create_subscription(CompressedImage, case.topic, on_message, profile)
    last = time.monotonic()
    while len(arrivals) < case.count:
        rclpy.spin_once(node, timeout_sec=0.1)
        if not signals.sent.is_set():
            last = time.monotonic()
        elif time.monotonic() - max([last, *arrivals.values()]) > SILENCE:
            break
    signals.counted.set()
    return sorted(arrivals.values())


def _in_process(
    role: Callable[[Case, Signals], object],
    case: Case,
    signals: Signals,
    variables: dict[str, str],
    results: Any,
) -> None:
    os.environ.update(variables)  # before the middleware is loaded
    results.put((role.__name__, role(case, signals)))


def run(case: Case) -> dict[str, object]:
    """Return how many messages of a case arrived, and how long after the start the last one did.

    Raises:
        queue.Empty: if one of the processes does not end in time.
    """
    context = multiprocessing.get_context('spawn')
    signals, results = Signals(context), context.Queue()
    variables = {'RMW_IMPLEMENTATION': 'rmw_fastrtps_cpp'}
    roles = ((publish, case.publisher), (receive, case.subscriber))
    processes = [
        context.Process(
            target=_in_process, args=(role, case, signals, variables | own, results), daemon=True
        )
        for role, own in roles
    ]
    with isolated_domain():
        for process in processes:
            process.start()
        try:
            ends = dict(results.get(timeout=PATIENCE) for _ in processes)
        finally:
            for process in processes:
                process.kill()
                process.join()
    arrivals = ends['receive']
    return {
        'topic': case.topic,
        'bytes': case.size,
        'hertz': case.rate if math.isfinite(case.rate) else 'at once',
        'settings': _file_name(case.publisher),
        'sent': case.count,
        'arrived': len(arrivals),
        'seconds': round(max(arrivals) - ends['publish'], 2) if arrivals else None,
    }


def _file_name(variables: dict[str, str]) -> str | None:
    return Path(variables[PROFILES]).name if variables else None


def main() -> None:
    """Run all cases, print one JSON object and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, help='JSON file')
    options = parser.parse_args()
    buffers = Path('/proc/sys/net/core')
    report = {
        'processor': processor_name(),
        'receive_buffer_bytes': {
            name: int((buffers / name).read_text()) for name in ('rmem_default', 'rmem_max')
        },
        'cases': [run(case) for case in tqdm(CASES, unit='case')],
    }
    text = json.dumps(report, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + '\n')


if __name__ == '__main__':
    main()
