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

"""The command that is running, for the record beside its results."""

from pathlib import Path
import shlex
import sys


def command_line(verb: str) -> str:
    """Return the command of a verb that is running, as one would type it.

    The arguments of the process begin with the verb, unless the executable is called like it
    (``ros2 run emiff_ros VERB``).
    """
    executable, *options = sys.argv
    if Path(executable).name != verb:
        options = options[1:]
    return shlex.join(['python', '-m', 'emiff_ros', verb, *options])
