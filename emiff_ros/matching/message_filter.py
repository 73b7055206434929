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

"""The matching as a message_filters filter: from subscribers to images with their features."""

from collections.abc import Callable, Iterable
from typing import Any

from message_filters import SimpleFilter

from emiff_ros.matching.matcher import Matcher
from emiff_ros.matching.results import StampedHeader


class FeatureMatchFilter(SimpleFilter):
    """Calls its callbacks with ``(image, matches)`` for each vehicle image.

    ``matches`` maps station names to :class:`~emiff_ros.matching.results.Match`. It never waits:
    an image goes out with whatever fits at that moment, also with nothing. A callback says
    ``matcher.report_fused(match)`` for what it used.
    """

    def __init__(
        self,
        image_filter: SimpleFilter,
        feature_filters: Iterable[SimpleFilter],
        matcher: Matcher,
        read_feature: Callable[[Any], tuple[StampedHeader, Any]],
        now: Callable[[], int],
        on_refused: Callable[[str, str], None] | None = None,
    ) -> None:
        """Connect to the filters of images and features.

        Args:
            image_filter: outputs messages with a header; the vehicle's images.
            feature_filters: output feature messages, of any number of stations.
            matcher: holds caches, policy and counters.
            read_feature: header and payload of a feature message. It may raise a ValueError with
                an attribute ``cause``, which is then counted as a refusal.
            now: the node's clock, nanoseconds.
            on_refused: called with cause and reason of each refused feature or image.
        """
        super().__init__()
        self.matcher = matcher
        self._read_feature = read_feature
        self._now = now
        self._on_refused = on_refused or (lambda cause, reason: None)
        self.incoming_connections = [
            image_filter.registerCallback(self.add_image),
            *(feature.registerCallback(self.add_feature) for feature in feature_filters),
        ]

    def add_feature(self, message: Any) -> None:
        """Take in a feature message."""
        now = self._now()
        try:
            header, payload = self._read_feature(message)
        except ValueError as error:
            cause = getattr(error, 'cause', 'unreadable')
            self.matcher.refuse(message.station_id, cause, str(error), now)
            self._on_refused(cause, str(error))
            return
        result = self.matcher.add(header, payload, now)
        if hasattr(result, 'cause'):
            self._on_refused(result.cause, result.reason)

    def add_image(self, message: Any) -> None:
        """Match an image and output it; one without stamp is refused."""
        stamp = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        if stamp <= 0:
            self._on_refused('zero_stamp', 'the image has no stamp; set it in the camera driver')
            return
        self.signalMessage(message, self.matcher.match(stamp, self._now()))
