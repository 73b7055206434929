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

"""Named errors of the DAIR-V2X-C folder: each says which file, which key and what to do."""

from emiff_ros.errors import FileError


class DairError(FileError):
    """Something in a DAIR-V2X-C folder cannot be used."""


class MissingFileError(DairError):
    """A file or folder that the format asks for does not exist or cannot be opened."""


class JsonError(DairError):
    """A file is not valid JSON or its outermost structure is not the expected one."""


class FrameIndexError(DairError):
    """An entry of a ``data_info.json`` lacks a key, or a pair names a frame that is not listed."""


class CalibrationError(DairError):
    """A calibration file lacks a key or holds numbers that cannot be a calibration."""


class LabelError(DairError):
    """A label lacks a key or holds numbers that cannot be a box."""


class ImageError(DairError):
    """An image is truncated, unreadable or of another kind than expected."""


class SplitError(DairError):
    """A split is not defined, or names frames that are not in the folder."""


class ResultsError(DairError):
    """A results file lacks a key or holds boxes that cannot be evaluated."""
