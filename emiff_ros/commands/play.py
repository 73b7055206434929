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

"""Publish a rosbag2 at its recorded pace, where ``ros2 bag play`` is not installed.

Options are named as in ``ros2 bag play``. Messages are sent as they were recorded, byte for byte.
In a terminal, space pauses and goes on, and the left and right arrows jump five seconds.
A DAIR-V2X-C folder, or ``demo`` for a generated scene, is converted to a bag first (once).
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from tqdm import tqdm

from emiff_ros.bags.player import DEFAULT_CLOCK_FREQUENCY, BagPlayer
from emiff_ros.bags.player_publishers import CLOCK_TOPIC
from emiff_ros.bags.player_topics import read_qos_overrides
from emiff_ros.bags.reader import bag_topics
from emiff_ros.commands.play_keys import keys_control
from emiff_ros.commands.signals import stop_on_signals
from emiff_ros.demo.sources import default_cache, find_bag
from emiff_ros.topic_names import check_topic_name

DEFAULT_WAIT = 10.0
"""Seconds to wait at most for subscribers of topics that are named without a time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument(
        'bag', help='bag folder, a single .mcap or .db3 file, a DAIR-V2X-C folder, or demo'
    )
    parser.add_argument('-r', '--rate', type=float, default=1.0, help='default: %(default)s')
    parser.add_argument('-l', '--loop', action='store_true', help='start again at the end')
    parser.add_argument(
        '--clock',
        type=float,
        nargs='?',
        const=DEFAULT_CLOCK_FREQUENCY,
        default=0.0,
        metavar='HZ',
        help=f'publish /clock, at {DEFAULT_CLOCK_FREQUENCY:g} Hz if no rate is given',
    )
    parser.add_argument('-d', '--delay', type=float, default=0.0, help='seconds to wait first')
    parser.add_argument(
        '--start-offset', type=float, default=0.0, help='seconds of the bag to skip'
    )
    parser.add_argument(
        '--longest-gap',
        type=float,
        default=math.inf,
        metavar='SECONDS',
        help='cut a longer silence, as between two drives, to this (not in ros2 bag play)',
    )
    parser.add_argument('--topics', nargs='+', metavar='TOPIC', help='only these topics')
    parser.add_argument(
        '-m', '--remap', nargs='+', default=[], metavar='OLD:=NEW', help='publish on other topics'
    )
    parser.add_argument(
        '--qos-profile-overrides-path', type=Path, help='YAML with QoS policies by topic'
    )
    parser.add_argument(
        '--wait-for-subscribers',
        type=float,
        metavar='SECONDS',
        help='wait at most this long until every topic has a subscriber',
    )
    parser.add_argument(
        '--wait-for',
        nargs='+',
        metavar='TOPIC',
        help='wait for the subscribers of these topics only, as published, '
        f'{DEFAULT_WAIT:g} s at most if --wait-for-subscribers gives no other time',
    )
    parser.add_argument(
        '--cache',
        type=Path,
        default=default_cache(),
        help='where converted bags are kept (default: %(default)s)',
    )


def run(arguments: argparse.Namespace) -> int:
    """Play the bag until its end or Ctrl-C."""
    remappings = parse_remappings(arguments.remap)
    longest_wait = _longest_wait(arguments)
    overrides = arguments.qos_profile_overrides_path
    bag = find_bag(arguments.bag, arguments.cache)
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = rclpy.create_node('emiff_bag_player')
        shape = '{l_bar}{bar}| {n:.1f}/{total:.1f} s'
        with tqdm(total=0.0, unit='s', bar_format=shape, disable=None) as bar:

            def progress(position: float, duration: float) -> None:
                bar.total = duration
                bar.update(min(position, duration) - bar.n)

            player = BagPlayer(
                node,
                bag,
                topics=arguments.topics,
                rate=arguments.rate,
                loop=arguments.loop,
                clock_frequency=arguments.clock,
                start_offset=arguments.start_offset,
                delay=arguments.delay,
                longest_gap=arguments.longest_gap,
                remappings=remappings,
                qos_overrides=read_qos_overrides(overrides) if overrides else None,
                progress=progress,
            )
            stop_on_signals(player.stop)
            with keys_control(player):
                if remappings:
                    for topic in sorted(remappings.keys() - bag_topics(bag).keys()):
                        print(f'  not remapped: {topic}: the bag has no such topic')
                _wait_for_subscribers(node, player, arguments, longest_wait)
                report = player.play()
        print(
            f'{bag}: {report.messages.total()} messages on {len(report.messages)} '
            f'topics, at worst {report.latest * 1000:.1f} ms late'
        )
        for topic, reason in player.skipped.items():
            print(f'  not played: {topic}: {reason}')
        return 0
    finally:
        rclpy.try_shutdown()


def _longest_wait(arguments: argparse.Namespace) -> float:
    """Return for how many seconds to wait for subscribers at most.

    Raises:
        ValueError: for a time below 0, or a topic to wait for whose name is none.
    """
    for topic in arguments.wait_for or ():
        check_topic_name(topic)
    seconds = arguments.wait_for_subscribers
    if seconds is None:
        return DEFAULT_WAIT if arguments.wait_for else 0.0
    if not seconds >= 0:
        raise ValueError(f'--wait-for-subscribers is {seconds}; expected 0 or more')
    return seconds


def _wait_for_subscribers(
    node: Node, player: BagPlayer, arguments: argparse.Namespace, longest_wait: float
) -> None:
    """Wait as the options say, and name what was waited for in vain."""
    if not longest_wait:
        return
    published = player.topics + ([CLOCK_TOPIC] if arguments.clock else [])
    awaited = [node.resolve_topic_name(topic) for topic in arguments.wait_for or player.topics]
    unheard = player.wait_for_subscribers(
        [topic for topic in awaited if topic in published], longest_wait
    )
    for topic in unheard:
        print(f'  still without a subscriber: {topic}')
    for topic in awaited:
        if topic not in published:
            print(f'  not waited for: {topic}: it is not published')


def parse_remappings(rules: list[str]) -> dict[str, str]:
    """Return topics by recorded topic from rules such as ``/old:=/new``.

    Raises:
        ValueError: for a rule of another form, or a new name that is none.
    """
    remappings = {}
    for rule in rules:
        old, separator, new = rule.partition(':=')
        if not (old and separator and new):
            raise ValueError(f'remapping {rule!r} is not of the form OLD:=NEW')
        check_topic_name(new)
        remappings[old] = new
    return remappings
