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

"""The roadside half of the network, once for each feature, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
import threading
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from emiff_ros.nodes.received_feature import ReceivedFeature


class FeatureAligner:
    """Aligns features and keeps the newest result of each station as long as its feature lives.

    A feature that is fused with several images is not computed again. One whose turn has not come
    gives way to the next one of its station, unless somebody waits for it.

    Args:
        align: what is done with a feature ``[c, h, w]``; its calls never overlap.
    """

    def __init__(self, align: Callable[[NDArray[np.float32]], Any]) -> None:
        """Begin with nothing to do."""
        self._align = align
        self._worker = ThreadPoolExecutor(1, thread_name_prefix='feature_aligner')
        self._lock = threading.Lock()
        self._results: WeakKeyDictionary[ReceivedFeature, Future] = WeakKeyDictionary()
        self._newest: WeakValueDictionary[str, ReceivedFeature] = WeakValueDictionary()
        self._awaited: set[Future] = set()

    def begin(self, feature: ReceivedFeature) -> None:
        """Align ``feature`` soon, unless that was begun before."""
        with self._lock:
            self._begun(feature)

    def aligned(self, feature: ReceivedFeature) -> Any:
        """Return what ``align`` made of a feature, waiting for it.

        Raises:
            Exception: whatever ``align`` raised; the next call tries again.
        """
        with self._lock:
            result = self._begun(feature)
            self._awaited.add(result)
        try:
            return result.result()
        finally:
            with self._lock:
                self._awaited.discard(result)

    def close(self) -> None:
        """Finish what is in hand and end the thread."""
        self._worker.shutdown(cancel_futures=True)

    def _begun(self, feature: ReceivedFeature) -> Future:
        result = self._results.get(feature)
        if result is not None and not _has_failed(result):
            return result
        station = feature.header.station_id
        if (older := self._newest.get(station)) is not None:
            self._drop(older)
        self._newest[station] = feature
        result = self._results[feature] = self._worker.submit(self._align, feature.tensor)
        return result

    def _drop(self, feature: ReceivedFeature) -> None:
        result = self._results.pop(feature, None)
        if result is not None and result not in self._awaited:
            result.cancel()


def _has_failed(result: Future) -> bool:
    return result.done() and (result.cancelled() or result.exception() is not None)
