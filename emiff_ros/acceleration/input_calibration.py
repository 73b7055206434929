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

"""What the inputs of 2D convolutions reach on some frames: the scales of their 8-bit form."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, NonNegativeFloat
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from emiff_ros.acceleration.byte_rounding import STEPS
from emiff_ros.acceleration.calibration import NeckCalibration, reached, read_calibration
from emiff_ros.acceleration.observer import Observer

CALIBRATION_SUFFIX = '.int8.json'
"""Of the file beside the weights."""


class InputCalibration(BaseModel):
    """The largest inputs of a network's convolutions.

    Attributes:
        fingerprint: of the weights that it belongs to.
        frames: how many pairs were seen.
        maxima: by the convolution's name, what at most one value in ten thousand exceeds.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    fingerprint: str
    frames: int
    maxima: Mapping[str, NonNegativeFloat]

    @classmethod
    def from_json(cls, path: Path) -> 'InputCalibration':
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: if the file is missing or no calibration; the message says how to make one.
        """
        remedy = 'make it with: python -m emiff_ros calibrate WEIGHTS DAIR_ROOT'
        return read_calibration(cls, path, remedy)

    def to_json(self, path: Path) -> None:
        """Write a file."""
        path.write_text(self.model_dump_json(indent=1) + '\n', encoding='utf-8')

    def scale(self, name: str) -> float:
        """Return what one step of an 8-bit input stands for.

        Raises:
            ValueError: if the convolution was not seen, or had nothing but zeros.
        """
        maximum = self.maxima.get(name, 0.0)
        if not maximum:
            raise ValueError(
                f'the calibration knows no input of {name}; calibrate these weights, with frames '
                'that show something'
            )
        return maximum / STEPS

    def part(self, prefix: str) -> 'InputCalibration':
        """Return what concerns one part, by the names that its convolutions have there."""
        cut = len(prefix) + 1
        inside = {
            name[cut:]: value
            for name, value in self.maxima.items()
            if name.startswith(f'{prefix}.')
        }
        return self.model_copy(update={'maxima': inside})


Calibration = NeckCalibration | InputCalibration
"""Of a 3D neck, or of a whole network with a folded one."""


def checked_calibration(calibration: Calibration | None) -> InputCalibration:
    """Return the calibration of a whole network.

    Raises:
        ValueError: if it is none.
    """
    if not isinstance(calibration, InputCalibration):
        raise ValueError(
            'the 8-bit form of this network needs the calibration of a whole network; see '
            'InputObserver'
        )
    return calibration


class InputObserver(Observer):
    """Watch a network while frames pass through it.

    with InputObserver(model) as observer:
        for image, camera, views in frames:
            model.detect(image, camera, views)
    maxima = observer.maxima
    """

    def __init__(self, network: nn.Module) -> None:
        """Take a network as it was trained, with or without speed-ups that keep its modules."""
        super().__init__()
        self.maxima: dict[str, float] = {}
        self._convolutions = {
            name: module
            for name, module in network.named_modules()
            if isinstance(module, nn.Conv2d)
        }

    def attach(self) -> Iterable[RemovableHandle]:
        """Watch what every convolution is given."""
        for name, convolution in self._convolutions.items():
            yield convolution.register_forward_pre_hook(self._hook(name))

    def _hook(self, name: str) -> object:
        def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self.maxima[name] = max(self.maxima.get(name, 0.0), reached(inputs[0]))

        return look
