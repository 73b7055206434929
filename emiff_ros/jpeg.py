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

"""Tells a whole JPEG from one that was cut off."""

from __future__ import annotations

_START = b'\xff\xd8'
_END = b'\xff\xd9'


def is_jpeg(data: bytes) -> bool:
    """Tell whether ``data`` begins as a JPEG does."""
    return data[:2] == _START


def is_complete_jpeg(data: bytes) -> bool:
    """Tell whether a JPEG has its end.

    One that was cut off still decodes, to a picture with a grey lower part. The end-of-image
    marker cannot occur within compressed data, so it must be the last thing; cameras fill up the
    rest of their buffer with zeros.
    """
    return is_jpeg(data) and data.rstrip(b'\x00').endswith(_END)
