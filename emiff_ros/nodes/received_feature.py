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

"""A feature as the vehicle node keeps it, and what a result's features are measured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from emiff_ros.matching.results import Match, MatchState
from emiff_ros.stamps import MILLISECOND
from emiff_ros.transport.feature_header import FeatureHeader


@dataclass(frozen=True, eq=False)
class ReceivedFeature:
    """A decoded feature message.

    Attributes:
        header: as received.
        tensor: ``[c, h, w]``.
        payload_bytes: how many bytes its payload had.
    """

    header: FeatureHeader
    tensor: NDArray[np.float32]
    payload_bytes: int


def used(matches: Mapping[str, Match]) -> list[Match]:
    """Return the matches whose feature is used."""
    return [match for match in matches.values() if match.state is MatchState.USED]


def unused(match: Match, reason: str, state: MatchState = MatchState.REFUSED) -> Match:
    """Return ``match`` without its feature; one that was not used anyway stays as it is."""
    if match.state is not MatchState.USED:
        return match
    return replace(match, state=state, feature=None, reason=reason)


def measurements(matches: Mapping[str, Match]) -> dict[str, float]:
    """Return the age of the oldest fused feature and the bytes of all; nothing if there is none.

    Each feature is a :class:`ReceivedFeature`.
    """
    fused = used(matches)
    if not fused:
        return {}
    return {
        'feature_age_ms': max(match.age for match in fused) / MILLISECOND,
        'payload_bytes': sum(match.feature.payload.payload_bytes for match in fused),
    }
