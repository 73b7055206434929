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

"""A job of the scene generator's kind, in a module that its worker processes can import."""

from pathlib import Path
import time


def render_slowly(job: tuple[int, Path]) -> int:
    """Return the job's number; all but the first take long and leave a file."""
    number, file = job
    if number:
        time.sleep(30.0)
        file.touch()
    return number
