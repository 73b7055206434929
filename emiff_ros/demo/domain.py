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

"""A DDS domain of its own for everything that must not meet other nodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os


@contextmanager
def isolated_domain(domain: int | None = None) -> Iterator[dict[str, str]]:
    """Keep a replay to itself: a DDS domain of its own on this machine only.

    Args:
        domain: number of the domain; by default one that depends on the process.

    Yields:
        The environment variables of that domain; they are set for this process too.
    """
    variables = {
        'ROS_DOMAIN_ID': str(1 + os.getpid() % 100 if domain is None else domain),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield variables
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
