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

"""The true length of a serialised FeatureTensor, without serialising one.

Plain CDR (XCDR version 1, as every RMW of ROS 2 sends it): four bytes of encapsulation, then each
field aligned to its own size.
"""

from emiff_ros.transport.codec import EncodedFeature
from emiff_ros.transport.feature_header import FINGERPRINT_BYTES, FeatureHeader

ENCAPSULATION_BYTES = 4


class _Ruler:
    """Counts bytes behind the encapsulation header."""

    def __init__(self) -> None:
        self.length = 0

    def numbers(self, size: int, count: int = 1) -> None:
        if count:
            self.length += -self.length % size + size * count

    def text(self, value: str) -> None:
        self.numbers(4)
        self.length += len(value.encode('utf-8', 'surrogateescape')) + 1

    def sequence(self, size: int, count: int) -> None:
        self.numbers(4)
        self.numbers(size, count)


def message_size(header: FeatureHeader, encoded: EncodedFeature) -> int:
    """Return the length in bytes of the serialised message, encapsulation included."""
    ruler = _Ruler()
    ruler.numbers(4, 2)  # stamp
    ruler.text(header.frame_id)
    ruler.numbers(2)  # format_version
    ruler.text(header.station_id)
    ruler.numbers(8, 2)  # session_id, sequence
    ruler.numbers(1, FINGERPRINT_BYTES)
    ruler.numbers(4, 4)  # image and padded size
    ruler.numbers(8, 9)  # k
    ruler.text(header.map_frame)
    ruler.numbers(8, 12)  # camera_from_map
    ruler.numbers(4, 3)  # shape
    ruler.numbers(1)  # quantization
    ruler.sequence(4, len(encoded.scale))
    ruler.sequence(4, len(encoded.zero_point))
    ruler.numbers(1)  # coder
    ruler.numbers(4, 2)  # decoded_size, crc32
    ruler.sequence(1, len(encoded.payload))
    return ENCAPSULATION_BYTES + ruler.length
