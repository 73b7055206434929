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

"""What the layers of a 3D neck reach on some frames: the scales of its 8-bit form."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, PositiveFloat, ValidationError
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from emiff_ros.acceleration.height_convolution import HeightConvolution
from emiff_ros.acceleration.observer import Observer

KEPT_SHARE = 0.9999
_LOOKED_AT = 1 << 20

_Model = TypeVar('_Model', bound=BaseModel)


def read_calibration(kind: type[_Model], path: Path, remedy: str) -> _Model:
    """Read a calibration's file.

    Args:
        kind: of the calibration.
        path: JSON file.
        remedy: what to do where there is none, for the message.

    Raises:
        ValueError: if the file is missing or no such calibration.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(
            f'{path}: no calibration for 8 bits ({error.strerror}); {remedy}'
        ) from error
    except ValidationError as error:
        problems = ', '.join(
            f'{".".join(map(str, problem["loc"]))}: {problem["msg"]}' for problem in error.errors()
        )
        raise ValueError(f'{path}: not a calibration ({problems}); {remedy}') from error


class NeckCalibration(BaseModel):
    """The largest values of a neck's convolutions, in their order.

    Attributes:
        maxima: what at most one value in ten thousand exceeds, after each convolution's ReLU.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    maxima: tuple[PositiveFloat, ...]

    @classmethod
    def from_json(cls, path: Path | str) -> 'NeckCalibration':
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: if the file is missing or no calibration; the message says how to make one.
        """
        remedy = 'make it with NeckObserver and NeckCalibration.to_json (docs/speed.md)'
        return read_calibration(cls, Path(path), remedy)

    def to_json(self, path: Path | str) -> None:
        """Write a file."""
        Path(path).write_text(self.model_dump_json(indent=2) + '\n', encoding='utf-8')


class NeckObserver(Observer):
    """Watch a neck while frames pass through it.

    with NeckObserver(network.neck) as observer:
        for image, camera, views in frames:
            network.detect(image, camera, views)
    calibration = observer.calibration()
    """

    def __init__(self, neck: nn.Module) -> None:
        """Take the neck of an accelerated network of form ``conv2d`` or ``conv3d``.

        Raises:
            ValueError: for another neck.
        """
        super().__init__()
        self._convolutions = [m for m in neck.modules() if isinstance(m, HeightConvolution)]
        if not self._convolutions:
            raise ValueError(
                f'{type(neck).__name__} cannot be calibrated; accelerate a network that has a 3D '
                'neck with neck conv2d or conv3d'
            )
        self._maxima = [0.0] * len(self._convolutions)

    def attach(self) -> Iterable[RemovableHandle]:
        """Watch what every convolution gives."""
        for index, convolution in enumerate(self._convolutions):
            yield convolution.register_forward_hook(self._hook(index))

    def calibration(self) -> NeckCalibration:
        """Return what the frames reached.

        Raises:
            ValueError: if a layer was zero or never ran.
        """
        if min(self._maxima) <= 0:
            raise ValueError('a layer of the neck was zero in all frames, or there were none')
        return NeckCalibration(maxima=tuple(self._maxima))

    def _hook(self, index: int) -> object:
        def look(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self._maxima[index] = max(self._maxima[index], reached(output))

        return look


def reached(values: Tensor) -> float:
    """Return what one in ten thousand of the values [1, C, ...] exceeds; looks at a million."""
    flat = values.permute(0, *range(2, values.ndim), 1).reshape(-1)
    # An odd step visits all channels.
    step = max(1, flat.numel() // _LOOKED_AT) | 1
    seen = flat[::step].float()
    above = seen.numel() - max(1, round(KEPT_SHARE * seen.numel())) + 1
    return float(seen.topk(above, sorted=False).values.min())
