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

"""A narrower backbone begins with those channels of a wider one that count most.

No part of EMIFF. A channel counts by how large it is and how much the convolutions behind it make
of it (as filters are ranked in Li et al., arXiv 1608.08710, by their own weights).
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from emiff_ros.model.backbone import ResNet
from emiff_ros.model.encoders import InfrastructureEncoder, VehicleEncoder

Encoder = VehicleEncoder | InfrastructureEncoder

_NORMS = {'conv1': 'bn1', 'conv2': 'bn2', 'conv3': 'bn3'}
"""The convolutions of a residual block, in their order, and the norms behind them."""


def narrow(encoder: Encoder, wider: Encoder, images: Tensor) -> None:
    """Give an encoder the weights of a wider one, in place.

    Args:
        encoder: with a pyramid of the same channels.
        wider: in evaluation mode.
        images: [B, 3, H, W] of the kind that it has learned, normalised.

    Raises:
        ValueError: if one is not the narrower form of the other.
    """
    _check(encoder, wider)
    uses = _uses(wider, images)
    ours, theirs = encoder.backbone, wider.backbone
    config = encoder.config.backbone
    streams = [
        _most_used(uses, _readers(wider, index), count)
        for index, count in enumerate(config.out_channels)
    ]
    first = theirs.layer1[0]
    read = (
        streams[0]
        if first.downsample is None
        else _most_used(uses, (first.conv1, first.downsample[0]), config.widths[0])
    )
    _copy((ours.conv1, ours.bn1), (theirs.conv1, theirs.bn1), read, None)
    for stream, layer, wider_layer in zip(streams, ours.layers, theirs.layers, strict=True):
        for block, wider_block in zip(layer, wider_layer, strict=True):
            _narrow_block(block, wider_block, uses, read, stream)
            read = stream
    for stream, lateral, wider_lateral in zip(
        streams, encoder.pyramid.lateral, wider.pyramid.lateral, strict=True
    ):
        lateral.load_state_dict(
            {'weight': wider_lateral.weight[:, stream], 'bias': wider_lateral.bias}
        )
    encoder.pyramid.output.load_state_dict(wider.pyramid.output.state_dict())


def _check(encoder: Encoder, wider: Encoder) -> None:
    ours, theirs = encoder.config.backbone, wider.config.backbone
    narrower = all(a <= b for a, b in zip(ours.widths, theirs.widths, strict=True))
    if ours.depth != theirs.depth or not narrower:
        raise ValueError(
            f'a ResNet-{ours.depth} of widths {list(ours.widths)} is not the narrower form of a '
            f'ResNet-{theirs.depth} of widths {list(theirs.widths)}; expected the same depth and '
            'no greater width'
        )
    if encoder.config.fpn_channels != wider.config.fpn_channels:
        raise ValueError(
            f'fpn_channels is {encoder.config.fpn_channels}; expected '
            f'{wider.config.fpn_channels}, as in the wider network'
        )


def _uses(encoder: Encoder, images: Tensor) -> dict[nn.Module, Tensor]:
    """Return, for every convolution, how much it makes of each channel that it reads."""
    uses: dict[nn.Module, Tensor] = {}

    def look(convolution: nn.Conv2d, inputs: tuple[Tensor, ...]) -> None:
        size = inputs[0].square().mean(dim=(0, 2, 3)).sqrt()
        use = size * convolution.weight.abs().sum(dim=(0, 2, 3))
        uses[convolution] = use / use.sum()

    convolutions = [*_convolutions(encoder.backbone), *encoder.pyramid.lateral]
    with ExitStack() as hooks, torch.no_grad():
        for convolution in convolutions:
            hooks.enter_context(convolution.register_forward_pre_hook(look))
        encoder.pyramid(encoder.backbone(images))
    return uses


def _convolutions(backbone: ResNet) -> Iterable[nn.Conv2d]:
    return (module for module in backbone.modules() if isinstance(module, nn.Conv2d))


def _readers(encoder: Encoder, index: int) -> list[nn.Conv2d]:
    """Return what reads the sum that runs through one residual layer."""
    layers = encoder.backbone.layers
    blocks = list(layers[index])
    readers = [block.conv1 for block in blocks[1:]]
    if blocks[0].downsample is None:
        readers.append(blocks[0].conv1)
    if index + 1 < len(layers):
        first = layers[index + 1][0]
        readers += [first.conv1, first.downsample[0]]
    return [*readers, encoder.pyramid.lateral[index]]


def _most_used(uses: dict[nn.Module, Tensor], readers: Sequence[nn.Conv2d], count: int) -> Tensor:
    """Return the indices of the ``count`` channels that the readers use most, in their order."""
    return sum(uses[reader] for reader in readers).topk(count).indices.sort().values


def _narrow_block(
    block: nn.Module,
    wider: nn.Module,
    uses: dict[nn.Module, Tensor],
    read: Tensor,
    written: Tensor,
) -> None:
    """Copy a residual block that reads and writes those channels of the wider one's."""
    if block.downsample is not None:
        _copy(block.downsample, wider.downsample, written, read)
    names = [name for name in _NORMS if hasattr(block, name)]
    for name, following in zip(names, [*names[1:], None], strict=True):
        kept = written
        if following is not None:
            width = getattr(block, name).out_channels
            kept = _most_used(uses, [getattr(wider, following)], width)
        pairs = ((getattr(b, name), getattr(b, _NORMS[name])) for b in (block, wider))
        _copy(*pairs, kept, read)
        read = kept


def _copy(
    ours: Sequence[nn.Module], theirs: Sequence[nn.Module], written: Tensor, read: Tensor | None
) -> None:
    """Copy the kept channels of a convolution without bias and of the norm behind it."""
    weight = theirs[0].weight[written]
    ours[0].load_state_dict({'weight': weight if read is None else weight[:, read]})
    norm = theirs[1].state_dict()
    ours[1].load_state_dict(
        {name: value[written] if value.ndim else value for name, value in norm.items()}
    )
