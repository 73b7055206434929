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

"""The rows of the paper's tables, derived from one base configuration.

EMIFF (arXiv 2402.15272): the comparison of fusion stages, the compression study, the ablations.
"""

from collections.abc import Callable, Mapping
import math

from emiff_ros.model.config import EmiffConfig

RATES = (1, 4, 16, 64, 256, 1024, 4096, 16384)
"""Compression rates of the paper's study."""


def with_rate(base: EmiffConfig, rate: int) -> EmiffConfig:
    """Return the configuration with another compression rate.

    As in the paper's study channels are compressed first, down to one where their number is a
    power of 4, then height and width are halved: rate = ratio * 4^halvings.

    Raises:
        ValueError: if the rate is no power of 4.
    """
    steps = round(math.log(rate, 4)) if rate > 0 else 0
    if 4**steps != rate:
        raise ValueError(f'the compression rate is {rate}; expected a power of 4, such as 256')
    by_channels = 0
    while by_channels < steps and base.fpn_channels % 4 ** (by_channels + 1) == 0:
        by_channels += 1
    halvings = steps - by_channels
    return _changed(base, compression={'ratio': 4**by_channels, 'halvings': halvings})


def _changed(base: EmiffConfig, **changes: object) -> EmiffConfig:
    return EmiffConfig.from_dict({**base.model_dump(mode='json'), **changes}, 'derived')


def _rate(rate: int) -> Callable[[EmiffConfig], EmiffConfig]:
    return lambda base: with_rate(base, rate)


def _change(**changes: object) -> Callable[[EmiffConfig], EmiffConfig]:
    return lambda base: _changed(base, **changes)


VARIANTS: Mapping[str, Callable[[EmiffConfig], EmiffConfig]] = {
    'vehicle_only': _change(modality='vehicle_only', compression=None),
    'infrastructure_only': _change(modality='infrastructure_only', compression=None),
    'early': _change(modality='early', compression=None),
    **{f'{rate}x': _rate(rate) for rate in RATES},
    'without_mca': _change(cross_attention=False),
    'without_ccm': _change(channel_masking=None),
    'without_mca_ccm': _change(cross_attention=False, channel_masking=None),
    'mean': _change(view_fusion='mean'),
    'visibility_weighted': _change(view_fusion='visibility_weighted'),
}
"""By name, what makes the variant of a cooperative base configuration."""


def derive(base: EmiffConfig, name: str) -> EmiffConfig:
    """Return a variant of a cooperative configuration.

    Vehicle only and infrastructure only have no compression: nothing but boxes is sent.

    Raises:
        ValueError: for an unknown name, or a base that is not cooperative.
        ConfigurationError: if the base does not allow it.
    """
    if name not in VARIANTS:
        raise ValueError(f'no variant {name!r}; choose one of {sorted(VARIANTS)}')
    if base.modality != 'cooperative':
        raise ValueError(
            f'the base configuration has modality {base.modality}; expected cooperative'
        )
    return VARIANTS[name](base)
