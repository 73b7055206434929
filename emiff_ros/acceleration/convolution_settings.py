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

"""cuDNN's process-wide settings, for the time of a call."""

from collections.abc import Iterator
from contextlib import contextmanager
import threading

from torch.backends import cudnn

_lock = threading.Lock()
_before: list[tuple[bool, bool]] = []
"""What was set when each of the calls under way began."""


@contextmanager
def convolution_settings(autotune: bool, tf32: bool) -> Iterator[None]:
    """Set whether cuDNN tries its algorithms and whether it may round float32 to TF32.

    Calls of several threads may overlap if they ask for the same: the last one that ends restores
    what was set before the first one.
    """
    with _lock:
        _before.append((cudnn.benchmark, cudnn.allow_tf32))
        cudnn.benchmark, cudnn.allow_tf32 = autotune, tf32
    try:
        yield
    finally:
        with _lock:
            newest = _before.pop()
            if not _before:
                cudnn.benchmark, cudnn.allow_tf32 = newest
