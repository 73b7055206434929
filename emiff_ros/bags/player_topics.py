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

"""Publishers for the topics of a bag: message classes, type hashes and QoS."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
)
from rosbags.interfaces import Connection, QosDurability
import yaml

from emiff_ros.bags.errors import BagError
from emiff_ros.bags.message_types import installed_type_hash

DEFAULT_DEPTH = 10
LARGEST_DEPTH = 2**31 - 1
"""What rclpy can hand on."""


def message_class(type_name: str) -> Any:
    """Return the Python class of a type such as ``sensor_msgs/msg/CompressedImage``.

    Raises:
        ModuleNotFoundError: if its package is not installed.
        AttributeError: if the package has no such message.
    """
    package, _, name = type_name.split('/')
    return getattr(import_module(f'{package}.msg'), name)


def why_not_playable(connection: Connection) -> str | None:
    """Return why messages of a bag's topic could not reach a subscriber; None if they can.

    A message that was recorded under another definition of its type would be published and then
    silently not be delivered, so the type hashes are compared.
    """
    try:
        message_class(connection.msgtype)
    except (ModuleNotFoundError, AttributeError):
        return f'{connection.msgtype} is not installed'
    installed = installed_type_hash(connection.msgtype)
    if installed and connection.digest and installed != connection.digest:
        return (
            f'{connection.msgtype} was recorded with another definition '
            f'({connection.digest}; installed is {installed})'
        )
    return None


def publisher_qos(connection: Connection, override: QoSProfile | None) -> QoSProfile:
    """Return reliable, keep last 10, and transient local where the recording says so."""
    if override is not None:
        return override
    recorded = getattr(connection.ext, 'offered_qos_profiles', [])
    transient = any(qos.durability == QosDurability.TRANSIENT_LOCAL for qos in recorded)
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=DEFAULT_DEPTH,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if transient else DurabilityPolicy.VOLATILE,
    )


def read_qos_overrides(path: Path | str) -> dict[str, QoSProfile]:
    """Read a QoS override file as ``ros2 bag play`` takes it.

    Each topic has any of ``reliability`` (reliable, best_effort), ``durability`` (volatile,
    transient_local), ``history`` (keep_last, keep_all) and ``depth``.

    Raises:
        BagError: if the file cannot be opened, is no YAML mapping of topics, or names an unknown
            policy.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise BagError(path, 'cannot be opened', 'give a QoS override file') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BagError(path, f'is not valid YAML ({error})', 'correct it') from error
    if not isinstance(content, Mapping):
        raise BagError(path, 'is no mapping of topics to policies', 'see ros2 bag play')
    return {str(topic): _profile(path, str(topic), values) for topic, values in content.items()}


def _profile(path: Path, topic: str, values: Any) -> QoSProfile:
    policies = {
        'reliability': ReliabilityPolicy,
        'durability': DurabilityPolicy,
        'history': HistoryPolicy,
    }
    profile = QoSProfile(depth=DEFAULT_DEPTH)
    if not isinstance(values, Mapping):
        raise BagError(path, f'is {values!r}; expected policies', 'see ros2 bag play', topic)
    for name, value in values.items():
        if name == 'depth' and type(value) is int and 0 < value <= LARGEST_DEPTH:
            profile.depth = value
            continue
        keys = policies[name].short_keys() if name in policies else []
        keys = [key for key in keys if key != 'unknown']  # rmw's word for what it cannot tell
        if value not in keys:
            known = ', '.join(keys) or f'a positive depth or one of {sorted(policies)}'
            raise BagError(path, f'{name}: {value} is unknown', f'choose {known}', topic)
        setattr(profile, name, policies[name].get_from_short_key(value))
    return profile
