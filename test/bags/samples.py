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

"""What becomes of a serialised message on its way."""


def is_untouched(received: bytes, sent: bytes) -> bool:
    """Tell whether a message arrived as it was sent, in whole words or not.

    Cyclone DDS hands out samples of whole words, so that up to three zeros follow.
    """
    rest = received[len(sent) :]
    return received.startswith(sent) and len(rest) < 4 and not any(rest)
