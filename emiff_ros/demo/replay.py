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

"""Plays one bag to the nodes and returns what they answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
import threading
import time

import rclpy
from rclpy.context import Context
from tqdm import tqdm

from emiff_msgs.msg import FusionStatus
from emiff_ros.bags.player import BagPlayer
from emiff_ros.bringup import FEATURES, ProcessDescription
from emiff_ros.demo.domain import isolated_domain
from emiff_ros.demo.listener import Detections, FeatureSize, ResultListener
from emiff_ros.demo.processes import NodeProcess
from emiff_ros.executor import spin
from emiff_ros.stamps import SECOND

CLOCK = 40.0
"""Ticks of /clock per second, those of ``ros2 bag play --clock``."""

TAIL = 2.0
"""Seconds for which /clock goes on after the last message."""

DISCOVERY = 20.0
"""Seconds that nodes may take to find the player."""

QUIET = 5.0
"""Seconds without a result after which the replay is over."""

CAPACITY_SHARE = 0.5
"""Share of the measured capacity at which a replay runs."""


@dataclass(frozen=True)
class ReplayResult:
    """What came out of one replay.

    Attributes:
        detections: by the stamp of the vehicle's image, nanoseconds.
        statuses: likewise.
        features: sizes by the stamp of the roadside image.
        counters: image counters of each node by its fully qualified name; ``sent`` are the images
            that were published to it, ``lost`` those of them that did not arrive.
        station_counters: what became of the features, added up over the stations.
        rate: published results per second of the steady clock.
        speed: how fast the bag was played, 1 is the recorded pace.
    """

    detections: dict[int, Detections]
    statuses: dict[int, FusionStatus]
    features: dict[int, FeatureSize]
    counters: dict[str, dict[str, int]]
    station_counters: dict[str, int]
    rate: float
    speed: float


@contextmanager
def spinning_listener() -> Iterator[ResultListener]:
    """Create a listener whose callbacks run on a thread of their own."""
    context = Context()
    rclpy.init(context=context)
    listener = ResultListener(context=context)
    thread = threading.Thread(target=spin, args=(listener,), name='listener', daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        context.try_shutdown()
        thread.join(5.0)
        listener.destroy_node()


def replay(
    bag: Path,
    processes: Sequence[ProcessDescription],
    image_stamps: Sequence[int],
    log_folder: Path,
    title: str = 'replay',
    speed: float | None = None,
) -> ReplayResult:
    """Start the nodes, play a bag to them and collect the results.

    Args:
        bag: rosbag2 of :mod:`emiff_ros.dair.bag_writer`.
        processes: nodes to start.
        image_stamps: stamps of the vehicle's images in the bag, nanoseconds.
        log_folder: where the nodes' output goes.
        title: of the progress bar.
        speed: of the replay, 1 is the recorded pace; by default half of what the nodes' warm-up
            says they can do, at most 1.

    Raises:
        ProcessFailedError: if a node does not come up.
        TimeoutError: if the nodes do not find the player or each other.
    """
    with ExitStack() as stack:
        variables = stack.enter_context(isolated_domain())
        listener = stack.enter_context(spinning_listener())
        names = [process.fully_qualified_name for process in processes]
        running = [
            stack.enter_context(
                NodeProcess(process, log_folder / f'{process.executable}.log', variables)
            )
            for process in processes
        ]
        for process in running:
            process.wait_until_active(listener)
        if speed is None:
            speed = affordable_speed(listener, names, image_stamps)
        bar = stack.enter_context(tqdm(total=len(image_stamps), desc=title, unit='image'))

        def show_progress(*_: float) -> None:
            bar.update(len(listener.detections) - bar.n)

        player = stack.enter_context(
            closing(
                BagPlayer(
                    listener,
                    bag,
                    rate=speed,
                    clock_frequency=CLOCK,
                    tail=TAIL,
                    progress=show_progress,
                )
            )
        )
        images = [process.topic('input/image') for process in processes]  # nodes hear them last
        if unheard := player.wait_for_subscribers(images, DISCOVERY):
            raise TimeoutError(
                f'no node listens to {", ".join(unheard)} after {DISCOVERY:g} s; see what the '
                f'nodes say in {log_folder}'
            )
        wait_for_features(listener, processes, DISCOVERY)
        begin = time.monotonic()
        report = player.play()
        missing = listener.wait_for_results(image_stamps, QUIET)
        end = time.monotonic() - (QUIET if missing else 0.0)
        show_progress()
        counters = {
            process.fully_qualified_name: image_counters(listener, process, report.messages)
            for process in processes
        }
        stations = listener.diagnostics(names[-1], 'stations')
        return ReplayResult(
            dict(listener.detections),
            dict(listener.statuses),
            dict(listener.features),
            counters,
            {key: int(value) for key, value in stations.items()},
            len(listener.detections) / max(end - begin, 1e-9),
            speed,
        )


def image_counters(
    listener: ResultListener, process: ProcessDescription, published: Mapping[str, int]
) -> dict[str, int]:
    """Return the image counters of a node, with what was sent to it and what DDS lost."""
    reported = listener.diagnostics(process.fully_qualified_name, 'images')
    counters = {name: int(value) for name, value in reported.items()}
    sent = published[process.topic('input/image')]
    return {'sent': sent, 'lost': sent - counters['received'], **counters}


def wait_for_features(
    listener: ResultListener, processes: Sequence[ProcessDescription], timeout: float
) -> None:
    """Wait until features can cross: both ends of their topic must know of each other.

    Features are heard best effort, so that those sent before are lost.

    Args:
        listener: that spins; it is subscribed to the default topic of features, too.
        processes: active nodes.
        timeout: seconds for all of them.

    Raises:
        TimeoutError: if it is over.
    """
    senders, receivers = (
        [(node, node.topic(name)) for node in processes if f'~/{name}' in node.remappings]
        for name in ('output/features', 'input/features')
    )
    received = Counter(topic for _, topic in receivers)
    sent = Counter(topic for _, topic in senders)
    wanted = [
        (node, topic, received[topic] + (topic == FEATURES))
        for node, topic in senders
        if received[topic]
    ]
    wanted += [(node, topic, sent[topic]) for node, topic in receivers if sent[topic]]
    deadline = time.monotonic() + timeout
    for node, topic, count in wanted:
        name = node.fully_qualified_name
        while int(listener.diagnostics(name, 'peers').get(topic, 0)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f'{name} has fewer than {count} peers on {topic} after {timeout:.0f} s: does '
                    'this machine let processes find each other (loopback, UDP multicast)?'
                )


def affordable_speed(
    listener: ResultListener, names: Sequence[str], image_stamps: Sequence[int]
) -> float:
    """Return the speed at which nodes that share this machine answer every image.

    Their warm-up runs are added up, since they compete for the same cores.
    """
    seconds = (
        sum(float(listener.diagnostics(name, 'network')['warm_up_ms']) for name in names) / 1e3
    )
    if len(image_stamps) < 2:
        return 1.0
    period = (max(image_stamps) - min(image_stamps)) / SECOND / (len(image_stamps) - 1)
    return min(1.0, CAPACITY_SHARE * period / seconds)
