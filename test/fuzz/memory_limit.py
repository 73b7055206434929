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

"""A limit of the address space, so that an allocation above a decoder's cap is an error."""

from pathlib import Path
import resource


def limit_memory(cap: int) -> None:
    """Let every allocation fail that lifts the address space by more than ``cap`` bytes."""
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    limit = pages * resource.getpagesize() + cap
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
