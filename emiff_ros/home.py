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

"""Paths that start with a home folder."""

import os
from pathlib import Path


def expand_home(path: str | Path) -> Path:
    """Return a path whose ``~`` or ``~user`` is replaced by the home folder.

    That of an unknown user stays as it is, so that it is reported as a path that does not exist;
    ``Path.expanduser`` raises RuntimeError for it.
    """
    return Path(os.path.expanduser(path))
