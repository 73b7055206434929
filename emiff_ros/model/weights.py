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

"""Weights on disk: safetensors with the configuration beside them, whole or split in halves.

``NAME.safetensors`` goes with ``NAME.yaml``. A file holds the whole network or one of its
deployable halves: ``infrastructure`` (what the roadside unit runs) or ``vehicle`` (everything
else). Each file carries the whole network's fingerprint, so that both sides can tell whether they
belong together.
"""

from collections.abc import Mapping
from pathlib import Path
import shutil
from typing import Literal, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
import torch
from torch import Tensor, nn

from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.emiff import Emiff
from emiff_ros.model.encoders import InfrastructureEncoder
from emiff_ros.model.fingerprint import fingerprint, fingerprint_tensors
from emiff_ros.model.state_dict import listed, mismatches, shapes_of

Part = Literal['whole', 'infrastructure', 'vehicle']

FORMAT = 'emiff-weights-1'
SENDER_PREFIX = 'infrastructure_encoder.'
_RESERVED = ('format', 'part', 'fingerprint')
_STORAGE = (torch.float32, torch.float16, torch.bfloat16)


class WeightsError(ValueError):
    """Weights that cannot be used: file, reason and remedy."""


class WeightsFile(NamedTuple):
    """Contents of one weights file.

    Attributes:
        config: configuration beside the file.
        tensors: state dict, floats as float32.
        metadata: strings of the header, ``format``, ``part`` and ``fingerprint`` among them.
    """

    config: EmiffConfig
    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    @property
    def part(self) -> str:
        """``whole``, ``infrastructure`` or ``vehicle``."""
        return self.metadata['part']

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the whole network, 64 hexadecimal digits."""
        return self.metadata['fingerprint']


class LoadedEncoder(NamedTuple):
    """The roadside half, ready to run, in evaluation mode."""

    encoder: InfrastructureEncoder
    config: EmiffConfig
    fingerprint: str


class LoadedModel(NamedTuple):
    """A network ready to run, in evaluation mode."""

    model: Emiff
    config: EmiffConfig
    fingerprint: str


def save_weights(
    model: Emiff,
    path: str | Path,
    metadata: Mapping[str, str] | None = None,
    dtype: torch.dtype = torch.float32,
) -> str:
    """Write the whole network to ``path`` and its configuration beside it.

    Args:
        model: network with all its parts.
        path: ends in ``.safetensors``.
        metadata: further strings for the header, for instance how it was trained.
        dtype: storage of floating-point tensors: float32, float16 or bfloat16.

    Returns:
        The network's fingerprint, computed from the float32 weights.

    Raises:
        WeightsError: for weights that are not finite (before or after conversion to ``dtype``),
            another suffix or reserved metadata keys.
    """
    identity = fingerprint(model)
    _save(model.state_dict(), model.config, path, 'whole', identity, metadata, dtype)
    return identity


def split_weights(path: str | Path, infrastructure: str | Path, vehicle: str | Path) -> str:
    """Split a whole network's file into halves of the same precision.

    Returns:
        The network's fingerprint, which both halves keep.

    Raises:
        WeightsError: as :func:`read_weights`, and for a file that holds one half only.
    """
    whole = read_weights(path)
    if whole.part != 'whole':
        raise WeightsError(f'{path} holds the {whole.part} half; expected a whole network')
    dtype = _stored_dtype(path)
    metadata = {key: value for key, value in whole.metadata.items() if key not in _RESERVED}
    targets: tuple[tuple[str | Path, Part], ...] = (
        (infrastructure, 'infrastructure'),
        (vehicle, 'vehicle'),
    )
    for target, part in targets:
        tensors = _half(whole.tensors, part)
        _save(tensors, whole.config, target, part, whole.fingerprint, metadata, dtype)
    return whole.fingerprint


def load_weights(path: str | Path) -> LoadedModel:
    """Load a whole network.

    Raises:
        WeightsError: as :func:`read_weights`, and for a file that holds one half only.
    """
    contents = read_weights(path)
    if contents.part != 'whole':
        raise WeightsError(f'{path} holds the {contents.part} half; expected a whole network')
    model = Emiff(contents.config)
    _load_into(model, contents.tensors, path)
    return LoadedModel(model.eval(), contents.config, contents.fingerprint)


def load_infrastructure_encoder(path: str | Path) -> LoadedEncoder:
    """Load what the roadside unit runs, from a whole network's file or its infrastructure half.

    Raises:
        WeightsError: as :func:`read_weights`, for a vehicle half, and for a network that sends no
            features (modality vehicle_only or early).
    """
    contents = read_weights(path)
    if contents.part == 'vehicle':
        raise WeightsError(f'{path} holds the vehicle half; expected infrastructure or whole')
    if contents.config.modality in ('vehicle_only', 'early'):
        raise WeightsError(f'{path}: modality {contents.config.modality} sends no features')
    encoder = InfrastructureEncoder(contents.config)
    tensors = {
        name.removeprefix(SENDER_PREFIX): tensor
        for name, tensor in _half(contents.tensors, 'infrastructure').items()
    }
    _load_into(encoder, tensors, path)
    return LoadedEncoder(encoder.eval(), contents.config, contents.fingerprint)


def load_vehicle_model(path: str | Path) -> LoadedModel:
    """Load what a receiving vehicle runs, from a whole network's file or its vehicle half.

    The model has no infrastructure encoder: it takes features, not roadside images (modality early
    keeps its encoder, for it receives images).

    Raises:
        WeightsError: as :func:`read_weights`, and for an infrastructure half.
    """
    contents = read_weights(path)
    if contents.part == 'infrastructure':
        raise WeightsError(f'{path} holds the infrastructure half; expected vehicle or whole')
    early = contents.config.modality == 'early'
    model = Emiff(contents.config, with_infrastructure_encoder=early)
    tensors = contents.tensors if early else _half(contents.tensors, 'vehicle')
    _load_into(model, tensors, path)
    return LoadedModel(model.eval(), contents.config, contents.fingerprint)


def read_metadata(path: str | Path) -> dict[str, str]:
    """Read the header of a weights file: what it is, what it was trained on and how.

    Raises:
        WeightsError: if the file is missing or damaged.
    """
    try:
        with safe_open(path, framework='pt') as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise WeightsError(f'{path}: not a readable safetensors file: {error}') from error


def read_weights(path: str | Path) -> WeightsFile:
    """Read and check a weights file without building a network.

    Raises:
        WeightsError: if the file is missing, damaged, not written by this package, has numbers
            that are not finite, or its float32 tensors differ from its fingerprint.
        ConfigurationError: if the configuration beside it is missing or not valid.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f'{path}: no such weights file; expected a .safetensors file')
    try:
        with safe_open(path, framework='pt') as file:
            metadata = dict(file.metadata() or {})
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise WeightsError(f'{path}: not a readable safetensors file: {error}') from error
    if metadata.get('format') != FORMAT:
        raise WeightsError(
            f'{path}: format is {metadata.get("format")!r}; expected {FORMAT!r}. Checkpoints '
            'of the original release go through import-checkpoint first'
        )
    absent = [key for key in _RESERVED if key not in metadata]
    if absent:
        raise WeightsError(f'{path}: the header lacks {", ".join(absent)}; write the file again')
    _require_finite(stored, str(path))
    config = EmiffConfig.from_yaml(path.with_suffix('.yaml'))
    tensors = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in stored.items()
    }
    contents = WeightsFile(config, tensors, metadata)
    exact = all(t.dtype == torch.float32 for t in stored.values() if t.is_floating_point())
    if contents.part == 'whole' and exact:
        _require_fingerprint(contents, path)
    return contents


def _save(
    tensors: Mapping[str, Tensor],
    config: EmiffConfig,
    path: str | Path,
    part: Part,
    identity: str,
    metadata: Mapping[str, str] | None,
    dtype: torch.dtype,
) -> None:
    path = Path(path)
    if path.suffix != '.safetensors':
        raise WeightsError(f'{path}: weights are written as .safetensors; change the name')
    if dtype not in _STORAGE:
        raise WeightsError(f'storage dtype is {dtype}; expected one of {_STORAGE}')
    clash = sorted(set(_RESERVED) & set(metadata or {}))
    if clash:
        raise WeightsError(f'metadata keys {clash} are reserved; choose other names')
    stored = {
        name: tensor.detach().to('cpu', dtype if tensor.is_floating_point() else None).contiguous()
        for name, tensor in tensors.items()
    }
    _require_finite(stored, f'weights for {path}')
    header = {'format': FORMAT, 'part': part, 'fingerprint': identity, **(metadata or {})}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(stored, path, header)
    config.to_yaml(path.with_suffix('.yaml'))
    # safetensors lets nobody but its owner read a new file; nodes may run as another user.
    shutil.copymode(path.with_suffix('.yaml'), path)


def _half(tensors: Mapping[str, Tensor], part: Part) -> dict[str, Tensor]:
    of_sender = part == 'infrastructure'
    half = {
        name: tensor
        for name, tensor in tensors.items()
        if name.startswith(SENDER_PREFIX) == of_sender
    }
    if not half:
        raise WeightsError(f'this network has no {part} half')
    return half


def _load_into(module: nn.Module, tensors: Mapping[str, Tensor], path: str | Path) -> None:
    problems = mismatches(tensors, shapes_of(module.state_dict()))
    if problems:
        raise WeightsError(f'{path} does not fit the configuration beside it {listed(problems)}')
    module.load_state_dict(dict(tensors))


def _require_finite(tensors: Mapping[str, Tensor], where: str) -> None:
    bad = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise WeightsError(f'{where}: NaN or infinite numbers in {", ".join(bad[:8])}')


def _require_fingerprint(contents: WeightsFile, path: Path) -> None:
    actual = fingerprint_tensors(contents.config, contents.tensors)
    if actual != contents.fingerprint:
        raise WeightsError(
            f'{path}: fingerprint {contents.fingerprint[:12]}... does not match its contents '
            f'({actual[:12]}...); weights or the configuration beside them were changed'
        )


def _stored_dtype(path: str | Path) -> torch.dtype:
    with safe_open(path, framework='pt') as file:
        for name in file.keys():  # noqa: SIM118
            tensor = file.get_tensor(name)
            if tensor.is_floating_point():
                return tensor.dtype
    raise WeightsError(f'{path} holds no floating-point tensor')
