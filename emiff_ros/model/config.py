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

"""The configuration of an EMIFF network: one validated, immutable description of every variant."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
import yaml

Range = tuple[float, float]
PositiveInt = Annotated[int, Field(ge=1)]

FEATURE_STRIDE = 4
"""Input pixels per cell of the finest feature map, the one that is transmitted and sampled."""

BOTTLENECK_DEPTHS = (50, 101)
NECK_OUTPUT_HEIGHT = 3
"""Height that the volume neck's last convolution (kernel 3, no padding) turns into 1."""


class ConfigurationError(ValueError):
    """A configuration that cannot be read or describes an impossible network."""


def _check_range(name: str, bounds: Range) -> None:
    low, high = bounds
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f'{name} is {bounds}; expected finite metres with lower < upper')


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra='forbid')


class BackboneConfig(_Section):
    """ResNet of both sides.

    Attributes:
        depth: 18 or 34 (basic blocks), 50 or 101 (bottleneck blocks).
        widths: widths of the four layers; the stem has the first one. Bottleneck layers put out
            four times their width. (64, 128, 256, 512) is the ResNet of the paper.
        frozen_parts: how many leading parts (stem, layer1, ... layer4) are not trained.
        frozen_batch_norm: batch norms of the backbone keep their statistics and are not trained.
    """

    depth: Literal[18, 34, 50, 101] = 50
    widths: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (64, 128, 256, 512)
    frozen_parts: Annotated[int, Field(ge=0, le=5)] = 0
    frozen_batch_norm: bool = False

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Channels of the four outputs, stride 4 to 32."""
        expansion = 4 if self.depth in BOTTLENECK_DEPTHS else 1
        return tuple(width * expansion for width in self.widths)


class CompressionConfig(_Section):
    """Feature compression (FC).

    Attributes:
        ratio: channels of the pyramid per transmitted channel.
        halvings: how often height and width are halved. A feature shrinks by ratio * 4^halvings;
            1 and 0 encode and decode without making it smaller (1x in the paper's study).
    """

    ratio: PositiveInt = 64
    halvings: Annotated[int, Field(ge=0, le=6)] = 1


class ChannelMaskingConfig(_Section):
    """Camera-aware channel masking (CCM): ``squeeze_ratio`` narrows the mask's hidden layer."""

    squeeze_ratio: PositiveInt = 1


class VoxelConfig(_Section):
    """Voxel grid around the vehicle, in its LiDAR frame.

    Attributes:
        x_range, y_range, z_range: lower and upper bound in metres.
        counts: number of cells along x, y and z.
    """

    x_range: Range = (0.0, 92.16)
    y_range: Range = (-39.68, 39.68)
    z_range: Range = (-3.08, 0.76)
    counts: tuple[PositiveInt, PositiveInt, PositiveInt] = (248, 288, 12)

    @model_validator(mode='after')
    def _check_ranges(self) -> 'VoxelConfig':
        for name in ('x_range', 'y_range', 'z_range'):
            _check_range(f'voxels.{name}', getattr(self, name))
        return self


class NeckConfig(_Section):
    """Network between the voxel volume and the head.

    Attributes:
        kind: ``volume`` uses 3D convolutions that halve the height stage by stage; ``folded``
            folds the height into the channels and uses 2D convolutions.
        widths: channels of each stage. For ``volume`` the height is halved between two stages and
            must be 3 at the last one.
        out_channels: channels of the bird's-eye map that the head reads.
        residual: put one residual block into each stage.
    """

    kind: Literal['volume', 'folded'] = 'volume'
    widths: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 128, 256)
    out_channels: PositiveInt = 256
    residual: bool = True


class AnchorConfig(_Section):
    """Anchor boxes, one per size and yaw at each cell of the bird's-eye map.

    Attributes:
        x_range, y_range: area in metres that the cells divide.
        z_bottom: height of the bottom faces in metres.
        sizes: (size along the anchor's own x, along its y, height) in metres.
        yaws: radians, counter-clockwise from +x. The original writes 1.57, not pi/2.
    """

    x_range: Range = (0.0, 92.16)
    y_range: Range = (-39.68, 39.68)
    z_bottom: float = -1.78
    sizes: Annotated[tuple[tuple[float, float, float], ...], Field(min_length=1)] = (
        (3.9, 1.6, 1.56),
    )
    yaws: Annotated[tuple[float, ...], Field(min_length=1)] = (0.0, 1.57)

    @model_validator(mode='after')
    def _check_values(self) -> 'AnchorConfig':
        _check_range('anchors.x_range', self.x_range)
        _check_range('anchors.y_range', self.y_range)
        for size in self.sizes:
            if min(size) <= 0 or not all(map(math.isfinite, size)):
                raise ValueError(f'anchors.sizes has {size}; expected three sizes above 0 m')
        return self

    @property
    def per_cell(self) -> int:
        """Number of anchors at one cell."""
        return len(self.sizes) * len(self.yaws)


class DetectionConfig(_Section):
    """From head maps to boxes.

    Attributes:
        score_threshold: boxes must score more than this.
        nms_threshold: bird's-eye IoU at which the lower-scored of two boxes is dropped.
        vote_threshold: a kept box becomes the mean of all candidates that overlap it at least this
            much, weighted by their squared scores; None (the paper) leaves it as it is.
        candidates: how many of the best anchors are decoded.
        max_boxes: how many boxes are kept at most.
    """

    score_threshold: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    nms_threshold: Annotated[float, Field(gt=0.0, le=1.0)] = 0.01
    vote_threshold: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    candidates: PositiveInt = 100
    max_boxes: PositiveInt = 50


class EmiffConfig(_Section):
    """Everything that defines one EMIFF network (arXiv 2402.15272).

    The defaults are the released model: ResNet-50, 960x540 images, 64 channels, 64-fold channel
    compression with one halving.

    Attributes:
        image_height, image_width: network input in pixels, before padding.
        image_divisor: the input is padded at the bottom and right to multiples of this.
        modality: ``cooperative``; ``early`` (roadside images are sent whole and encoded on the
            vehicle); ``vehicle_only``; ``infrastructure_only``.
        fpn_channels: channels of the feature pyramids and of the voxel volume.
        compression: feature compression, or None to transmit the pyramid's finest level.
        cross_attention: multi-scale cross attention (MCA) on or off.
        channel_masking: camera-aware channel masking (CCM), or None.
        sampling: how the voxels read the feature maps.
        exact_positions: voxels read the feature at the very pixel they project to. The original
            does not: it divides by the padded size and multiplies by the number of cells minus
            one, which is off by up to one cell towards the right and lower border.
        mask_behind_camera: leave voxels behind a camera empty. The original does not: it divides
            by the negative depth.
        view_fusion: ``mean`` over the views that are there, ``visibility_weighted`` mean over the
            views that see a voxel, or ``concatenate`` (vehicle, mean of the roadside views).
        box_convention: what the head's boxes mean. ``width_first`` only for weights of the
            original release: first size across the heading, yaw turned by -90 degrees.
        class_names: name of the detected class.
    """

    image_height: PositiveInt = 540
    image_width: PositiveInt = 960
    image_divisor: PositiveInt = 32
    modality: Literal['cooperative', 'early', 'vehicle_only', 'infrastructure_only'] = (
        'cooperative'
    )
    backbone: BackboneConfig = BackboneConfig()
    fpn_channels: PositiveInt = 64
    compression: CompressionConfig | None = CompressionConfig()
    cross_attention: bool = True
    channel_masking: ChannelMaskingConfig | None = ChannelMaskingConfig()
    voxels: VoxelConfig = VoxelConfig()
    sampling: Literal['nearest', 'bilinear'] = 'nearest'
    exact_positions: bool = False
    mask_behind_camera: bool = False
    view_fusion: Literal['mean', 'visibility_weighted', 'concatenate'] = 'mean'
    neck: NeckConfig = NeckConfig()
    anchors: AnchorConfig = AnchorConfig()
    detection: DetectionConfig = DetectionConfig()
    box_convention: Literal['length_first', 'width_first'] = 'length_first'
    class_names: tuple[str] = ('car',)

    @model_validator(mode='after')
    def _check_network(self) -> 'EmiffConfig':
        if self.image_divisor % 32:
            raise ValueError(
                f'image_divisor is {self.image_divisor}; expected a multiple of 32, the coarsest '
                "stride of the backbone, so that upsampled maps meet the finest map's size"
            )
        if self.compression and self.fpn_channels % self.compression.ratio:
            raise ValueError(
                f'compression.ratio is {self.compression.ratio}; expected a divisor of '
                f'fpn_channels = {self.fpn_channels}'
            )
        if self.compression and self.modality == 'early':
            raise ValueError('modality early sends images, not features; set compression to null')
        if self.channel_masking and self.fpn_channels % self.channel_masking.squeeze_ratio:
            raise ValueError(
                f'channel_masking.squeeze_ratio is {self.channel_masking.squeeze_ratio}; expected '
                f'a divisor of fpn_channels = {self.fpn_channels}'
            )
        self._check_neck()
        return self

    def _check_neck(self) -> None:
        if self.neck.kind == 'folded':
            return
        height = self.voxels.counts[2]
        for _ in self.neck.widths[1:]:
            height = (height + 1) // 2
        if height != NECK_OUTPUT_HEIGHT:
            stages = len(self.neck.widths)
            raise ValueError(
                f'voxels.counts has {self.voxels.counts[2]} cells along z, which {stages} neck '
                f'stages halve to {height}; the volume neck needs {NECK_OUTPUT_HEIGHT} there, for '
                f'instance {NECK_OUTPUT_HEIGHT * 2 ** (stages - 1)} cells along z'
            )

    @property
    def padded_size(self) -> tuple[int, int]:
        """Height and width of the image tensor, padded to multiples of ``image_divisor``."""
        return self.padded_height, self.padded_width

    @property
    def padded_height(self) -> int:
        """Height of the image tensor."""
        return self.padded(self.image_height)

    @property
    def padded_width(self) -> int:
        """Width of the image tensor."""
        return self.padded(self.image_width)

    @property
    def feature_size(self) -> tuple[int, int]:
        """Height and width of the finest feature map."""
        height, width = self.padded_size
        return height // FEATURE_STRIDE, width // FEATURE_STRIDE

    @property
    def transmitted_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the tensor that one roadside image becomes."""
        ratio = self.compression.ratio if self.compression else 1
        stride = self.transmitted_stride
        return (
            self.fpn_channels // ratio,
            -(-self.padded_height // stride),
            -(-self.padded_width // stride),
        )

    @property
    def transmitted_stride(self) -> int:
        """Input pixels per cell of the transmitted tensor, whose size is rounded up."""
        halvings = self.compression.halvings if self.compression else 0
        return FEATURE_STRIDE * 2**halvings

    @property
    def has_vehicle(self) -> bool:
        """Whether the network sees the vehicle's own image."""
        return self.modality != 'infrastructure_only'

    @property
    def has_infrastructure(self) -> bool:
        """Whether the network takes roadside views."""
        return self.modality != 'vehicle_only'

    def with_score_threshold(self, threshold: float) -> 'EmiffConfig':
        """Return the same network with another ``detection.score_threshold``."""
        detection = self.detection.model_copy(update={'score_threshold': threshold})
        return self.model_copy(update={'detection': detection})

    def padded(self, pixels: int) -> int:
        """Round a height or width up to a multiple of ``image_divisor``."""
        return -(-pixels // self.image_divisor) * self.image_divisor

    def architecture(self) -> dict[str, Any]:
        """Plain values of what the weights belong to: all but thresholds and freezing.

        Fields at their default are left out, so that a later release can add fields without
        turning away the weights of today; a default must never change.
        """
        freezing = {'frozen_parts', 'frozen_batch_norm'}
        values = self.model_dump(
            mode='json', exclude={'detection': True, 'backbone': freezing}, exclude_defaults=True
        )
        return {name: value for name, value in values.items() if value != {}}

    @classmethod
    def from_dict(cls, values: Any, source: str = 'configuration') -> 'EmiffConfig':
        """Build a configuration from plain values, for instance parsed YAML.

        Raises:
            ConfigurationError: with one line per problem: the key, its value and the rule.
        """
        if not isinstance(values, dict):
            raise ConfigurationError(
                f'{source}: expected a mapping of EmiffConfig fields, got {type(values).__name__}'
            )
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigurationError(_readable(error, source)) from error

    @classmethod
    def from_yaml(cls, path: str | Path) -> 'EmiffConfig':
        """Read a configuration file.

        Raises:
            ConfigurationError: if the file is missing, is no YAML mapping or is not valid.
        """
        path = Path(path)
        try:
            values = yaml.safe_load(path.read_text(encoding='utf-8'))
        except FileNotFoundError as error:
            raise ConfigurationError(f'{path}: no such model configuration') from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigurationError(f'{path}: not valid YAML: {error}') from error
        return cls.from_dict(values if values is not None else {}, str(path))

    def to_yaml(self, path: str | Path) -> None:
        """Write all fields, defaults included, as YAML."""
        text = yaml.safe_dump(self.model_dump(mode='json'), sort_keys=False)
        Path(path).write_text(text, encoding='utf-8')


def _readable(error: ValidationError, source: str) -> str:
    lines = []
    for problem in error.errors():
        key = '.'.join(str(part) for part in problem['loc'])
        if problem['type'] == 'extra_forbidden':
            lines.append(f'{source}: unknown key {key}; remove it or correct its spelling')
        elif problem['type'] == 'value_error':
            lines.append(f'{source}: {problem["ctx"]["error"]}')
        else:
            lines.append(f'{source}: {key} is {problem["input"]!r}: {problem["msg"]}')
    return '\n'.join(lines)
