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

"""What an image is likely to be fused with is aligned while it is encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from emiff_ros.matching.results import CachedFeature
from emiff_ros.nodes.feature_aligner import FeatureAligner


class AheadAlignment:
    """Lets an aligner begin with the features that would be chosen for the image in hand.

    Only with those of stations that the image before was fused with: others may be out of view,
    and what is not begun ahead is done when it is needed.

    Args:
        aligner: that does the work.
        preview: names the features that would be chosen for an image's stamp now.
    """

    def __init__(
        self, aligner: FeatureAligner, preview: Callable[[int], Iterable[CachedFeature]]
    ) -> None:
        """Begin without an image."""
        self._aligner, self._preview = aligner, preview
        self._stamp: int | None = None
        self._stations: frozenset[str] = frozenset()

    def image_begins(self, stamp: int) -> None:
        """Look out for features for the image at ``stamp`` (nanoseconds) from now on."""
        self._stamp = stamp
        self.feature_arrived()

    def feature_arrived(self) -> None:
        """Look at what there is, if an image is in hand."""
        if (stamp := self._stamp) is None:
            return
        for feature in self._preview(stamp):
            if feature.header.station_id in self._stations:
                self._aligner.begin(feature.payload)

    def image_ends(self, stamp: int) -> None:
        """Look out no more for the image at ``stamp``; another one may have begun meanwhile."""
        if self._stamp == stamp:
            self._stamp = None

    def was_fused_with(self, stations: Iterable[str]) -> None:
        """Note the stations of the newest result."""
        self._stations = frozenset(stations)
