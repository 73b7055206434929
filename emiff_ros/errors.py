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

"""The base of errors that a file causes: which file, what is wrong with it and what to do."""

from pathlib import Path


class FileError(ValueError):
    """A file or folder cannot be used.

    Attributes:
        path: the file (or folder) that is at fault.
        key: the key in it that is at fault, if one is.
    """

    def __init__(self, path: Path | str, what: str, remedy: str, key: str | None = None) -> None:
        """Compose the message ``path: key 'key': what; remedy``."""
        self.path = Path(path)
        self.key = key
        where = f'{path}: ' if key is None else f"{path}: key '{key}': "
        super().__init__(f'{where}{what}; {remedy}')
