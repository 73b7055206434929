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

"""Message types for reading and writing bags without a ROS installation (through rosbags)."""

from collections.abc import Iterable
import json
import os
from pathlib import Path
import sys

from rosbags.interfaces import Connection
from rosbags.interfaces.typing import Typesdict
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from emiff_ros.bags.errors import BagError, MissingDefinitionError

_REPOSITORY = Path(__file__).resolve().parents[2]


def definition_file(type_name: str) -> Path:
    """Return the .msg file of a type such as ``emiff_msgs/msg/CameraCalibration``.

    Looks into the source tree beside this package first, then into the share folders of the
    sourced workspaces and of the virtual environment.

    Raises:
        MissingDefinitionError: if the package is in neither.
    """
    package, name = type_name.split('/')[0], type_name.split('/')[-1]
    candidates = [_REPOSITORY / package / 'msg', _REPOSITORY / 'underlay' / package / 'msg']
    candidates += [prefix / 'share' / package / 'msg' for prefix in _prefixes()]
    for folder in candidates:
        if (folder / f'{name}.msg').is_file():
            return folder / f'{name}.msg'
    raise MissingDefinitionError(
        f'{package}/msg/{name}.msg', 'was not found', f'build {package} and source its workspace'
    )


def installed_type_hash(type_name: str) -> str | None:
    """Return the RIHS01 hash of the installed type, None if the type is not installed."""
    package, name = type_name.split('/')[0], type_name.split('/')[-1]
    for prefix in _prefixes():
        path = prefix / 'share' / package / 'msg' / f'{name}.json'
        if path.is_file():
            hashes = json.loads(path.read_text(encoding='utf-8'))['type_hashes']
            return next((h['hash_string'] for h in hashes if h['type_name'] == type_name), None)
    return None


def make_typestore(type_names: Iterable[str] = ()) -> Typestore:
    """Return the types of ROS 2 Jazzy and the named ones, read from their .msg files.

    Raises:
        MissingDefinitionError: if the definition of a named type is not found.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    for type_name in type_names:
        add_type(store, type_name, definition_file(type_name).read_text(encoding='utf-8'))
    return store


def add_type(store: Typestore, type_name: str, definition: str) -> None:
    """Register a type and the types that its definition brings along, unless it is known.

    Raises:
        BagError: if the definition cannot be parsed.
    """
    if type_name in store.fielddefs:
        return
    types = _parsed(type_name, definition)
    store.register({name: fields for name, fields in types.items() if name not in store.fielddefs})


def add_type_and_parts(store: Typestore, type_name: str) -> None:
    """Register a type and all types that its fields have, from their .msg files.

    Raises:
        MissingDefinitionError: if a definition is not found.
        BagError: if one cannot be parsed.
    """
    if type_name in store.fielddefs:
        return
    definition = definition_file(type_name).read_text(encoding='utf-8')
    for _, fields in _parsed(type_name, definition).values():
        for _, description in fields:
            for part in _message_names(description):
                add_type_and_parts(store, part)
    add_type(store, type_name, definition)


def recorded_types(connection: Connection) -> Typestore:
    """Return the types that read a bag's messages, by the definition that it holds if it has one.

    Raises:
        MissingDefinitionError: if the bag holds none and it is not found either.
        BagError: if the definition cannot be parsed.
    """
    store = make_typestore()
    if connection.msgdef.data:
        add_type(store, connection.msgtype, connection.msgdef.data)
    else:
        add_type_and_parts(store, connection.msgtype)
    return store


def _parsed(type_name: str, definition: str) -> Typesdict:
    try:
        return get_types_from_msg(definition, type_name)
    except Exception as error:  # rosbags raises errors of its parser, of several kinds
        raise BagError(
            type_name,
            f'its definition cannot be parsed ({error})',
            'mend it, or record the bag again',
        ) from error


def _message_names(description: object) -> list[str]:
    """Return the message types in a field description of rosbags: (kind, type or (type, size))."""
    if isinstance(description, str):
        return [description] if '/' in description else []
    if isinstance(description, tuple):
        return [name for item in description for name in _message_names(item)]
    return []


def _prefixes() -> list[Path]:
    listed = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    return [Path(prefix) for prefix in [*listed, sys.prefix] if prefix]
