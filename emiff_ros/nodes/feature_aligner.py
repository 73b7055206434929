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

"""The roadside half of the network, done while the vehicle's image is encoded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
import threading
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from emiff_ros.nodes.received_feature import ReceivedFeature


class FeatureAligner:
    """Aligns each feature once, on a thread of its own, and keeps the result as long as it lives.

    A feature that is fused with several images is not computed again, and one whose turn has not
    come gives way to a newer one of its station.

    Args:
        align: what is done with a feature ``[c, h, w]``; its calls never overlap.
    """

    def __init__(self, align: Callable[[NDArray[np.float32]], Any]) -> None:
        """Begin with nothing to do."""
        self._align = align
        self._worker = ThreadPoolExecutor(1, thread_name_prefix='feature_aligner')
        self._lock = threading.Lock()
        self._begun: WeakKeyDictionary[ReceivedFeature, Future] = WeakKeyDictionary()
        self._newest: WeakValueDictionary[str, Future] = WeakValueDictionary()

    def begin(self, feature: ReceivedFeature) -> Future:
        """Align ``feature`` soon, unless that was begun before."""
        station = feature.header.station_id
        with self._lock:
            begun = self._begun.get(feature)
            if begun is None or begun.cancelled():
                if (older := self._newest.get(station)) is not None:
                    older.cancel()
                begun = self._worker.submit(self._align, feature.tensor)
                self._begun[feature] = self._newest[station] = begun
            return begun

    def aligned(self, feature: ReceivedFeature) -> Any:
        """Return what ``align`` made of a feature, waiting for it.

        Raises:
            Exception: whatever ``align`` raised.
        """
        while True:
            with suppress(CancelledError):
                return self.begin(feature).result()

    def close(self) -> None:
        """Finish what is in hand and end the thread."""
        self._worker.shutdown(cancel_futures=True)
