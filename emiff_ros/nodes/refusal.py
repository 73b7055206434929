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

"""Why an input was not used: a cause that is counted and a sentence that is logged."""

from __future__ import annotations


class Refusal(ValueError):  # noqa: N818 - not an error of the node
    """An input that cannot be used.

    Attributes:
        cause: short name under which it is counted, such as ``truncated_image``.
    """

    def __init__(self, cause: str, message: str) -> None:
        """Store the cause beside the message."""
        super().__init__(message)
        self.cause = cause
