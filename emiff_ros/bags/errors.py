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

"""Named errors of bags."""

from emiff_ros.errors import FileError


class BagError(FileError):
    """A bag cannot be written, read or played."""


class MissingBagError(BagError):
    """There is no bag at the path."""


class MissingDefinitionError(BagError):
    """The definition of a message is not found."""


class MissingTopicsError(BagError):
    """A bag lacks topics that are needed; the message lists those and the ones it has."""
