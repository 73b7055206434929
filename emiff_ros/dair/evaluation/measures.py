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

"""The average precisions that are reported, by view and by the overlap that counts as a match."""

from typing import NamedTuple

IOU_THRESHOLDS = (0.3, 0.5, 0.7)
VIEWS = ('3d', 'bev')


class Measure(NamedTuple):
    """One average precision.

    Attributes:
        view: ``3d`` compares boxes, ``bev`` their outlines from above.
        iou_threshold: overlap from which a prediction counts.
    """

    view: str
    iou_threshold: float

    @property
    def key(self) -> str:
        """Return its name in files, such as ``ap_bev_50``."""
        return f'ap_{self.view}_{round(100 * self.iou_threshold)}'

    @property
    def title(self) -> str:
        """Return its name in tables, such as ``AP-BEV@0.5``."""
        return f'AP-{self.view.upper()}@{self.iou_threshold:g}'


MEASURES = tuple(Measure(view, threshold) for view in VIEWS for threshold in IOU_THRESHOLDS)
HEADLINES = (Measure('bev', 0.5), Measure('bev', 0.3), Measure('3d', 0.5))
