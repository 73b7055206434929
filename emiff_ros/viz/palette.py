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

"""Colours of the suite's pictures: one colour a source, one theme for light and one for dark.

The three colours that are compared most (cooperative, vehicle only, roadside) are taken from the
blue-green, orange and purple directions of the Okabe-Ito palette, so that people with colour
blindness tell them apart, and brightened for use on photographs.
"""

from dataclasses import dataclass
from enum import Enum


class Source(str, Enum):
    """Where a box comes from."""

    GROUND_TRUTH = 'ground_truth'
    VEHICLE_ONLY = 'vehicle_only'
    COOPERATIVE = 'cooperative'
    ROADSIDE = 'roadside'

    @property
    def title(self) -> str:
        """The source's name for legends."""
        return _TITLES[self]


@dataclass(frozen=True)
class Colour:
    """An sRGB colour, 0..255 a channel."""

    red: int
    green: int
    blue: int

    @classmethod
    def from_hex(cls, text: str) -> 'Colour':
        """Parse ``#rrggbb``.

        Raises:
            ValueError: if ``text`` is not a hash and six hexadecimal digits.
        """
        digits = text[1:]
        if not text.startswith('#') or len(digits) != 6:
            raise ValueError(f'{text!r} is no colour; expected #rrggbb')
        try:
            value = int(digits, 16)
        except ValueError:
            raise ValueError(f'{text!r} is no colour; expected #rrggbb') from None
        return cls(value >> 16, value >> 8 & 255, value & 255)

    @property
    def hex(self) -> str:
        """The colour as ``#rrggbb``."""
        return f'#{self.red:02x}{self.green:02x}{self.blue:02x}'

    @property
    def bgr(self) -> tuple[int, int, int]:
        """Channels in OpenCV's order."""
        return self.blue, self.green, self.red

    @property
    def unit(self) -> tuple[float, float, float]:
        """Channels red, green, blue in 0..1, as messages and matplotlib want them."""
        return self.red / 255, self.green / 255, self.blue / 255

    def mixed(self, other: 'Colour', share: float) -> 'Colour':
        """Return the colour with a ``share`` (0..1) of it replaced by ``other``."""
        pairs = zip(self.bgr, other.bgr, strict=True)
        blue, green, red = (round(mine + share * (theirs - mine)) for mine, theirs in pairs)
        return Colour(red, green, blue)


@dataclass(frozen=True)
class Theme:
    """Colours of a drawing's ground, lines and text, and of the boxes by source.

    ``view`` tints what the vehicle's own camera sees; stations use the colour of their boxes.
    """

    background: Colour
    panel: Colour
    grid: Colour
    ring: Colour
    text: Colour
    muted: Colour
    ego: Colour
    view: Colour
    sources: dict[Source, Colour]

    def source(self, source: Source) -> Colour:
        """Return the colour of a source's boxes."""
        return self.sources[Source(source)]


_TITLES = {
    Source.GROUND_TRUTH: 'Ground truth',
    Source.VEHICLE_ONLY: 'Vehicle only',
    Source.COOPERATIVE: 'Cooperative',
    Source.ROADSIDE: 'Roadside',
}

DARK = Theme(
    background=Colour.from_hex('#0b1220'),
    panel=Colour.from_hex('#131c2e'),
    grid=Colour.from_hex('#182338'),
    ring=Colour.from_hex('#2a3a58'),
    text=Colour.from_hex('#e8edf6'),
    muted=Colour.from_hex('#8fa0bd'),
    ego=Colour.from_hex('#e8edf6'),
    view=Colour.from_hex('#5b9dff'),
    sources={
        Source.GROUND_TRUTH: Colour.from_hex('#f2f5fa'),
        Source.VEHICLE_ONLY: Colour.from_hex('#ff9f2e'),
        Source.COOPERATIVE: Colour.from_hex('#1fd6a6'),
        Source.ROADSIDE: Colour.from_hex('#b692ff'),
    },
)

LIGHT = Theme(
    background=Colour.from_hex('#ffffff'),
    panel=Colour.from_hex('#f4f6fa'),
    grid=Colour.from_hex('#eef1f6'),
    ring=Colour.from_hex('#cfd7e4'),
    text=Colour.from_hex('#131c2e'),
    muted=Colour.from_hex('#5b6b86'),
    ego=Colour.from_hex('#131c2e'),
    view=Colour.from_hex('#2f6fdb'),
    sources={
        Source.GROUND_TRUTH: Colour.from_hex('#3b4a64'),
        Source.VEHICLE_ONLY: Colour.from_hex('#d97706'),
        Source.COOPERATIVE: Colour.from_hex('#008f6e'),
        Source.ROADSIDE: Colour.from_hex('#7c4dff'),
    },
)
