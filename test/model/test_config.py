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

"""Model configurations: what is read, what is refused and how the refusal reads."""

from pathlib import Path

from pydantic import ValidationError
import pytest

from emiff_ros.model import ConfigurationError, EmiffConfig

CONFIGURATIONS = sorted((Path(__file__).parents[2] / 'config' / 'model').glob('*.yaml'))


def test_defaults_are_the_released_model():
    config = EmiffConfig()
    assert config.padded_size == (544, 960)
    assert config.transmitted_shape == (1, 68, 120)
    assert config.transmitted_stride == 8
    assert config.voxels.counts == (248, 288, 12)
    assert config.backbone.out_channels == (256, 512, 1024, 2048)


@pytest.mark.parametrize('path', CONFIGURATIONS, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid_and_round_trip(path, tmp_path):
    config = EmiffConfig.from_yaml(path)
    config.to_yaml(tmp_path / 'again.yaml')
    assert EmiffConfig.from_yaml(tmp_path / 'again.yaml') == config


def test_shipped_configurations_include_the_variants_of_the_paper():
    names = {path.stem for path in CONFIGURATIONS}
    assert {'emiff_r50', 'emiff_r50_square', 'emiff_r101'} <= names
    assert {'emiff_small', 'emiff_slim', 'emiff_fast', 'emiff_edge'} <= names
    shapes = {
        stem: EmiffConfig.from_yaml(CONFIGURATIONS[0].with_name(f'{stem}.yaml')).transmitted_shape
        for stem in ('emiff_r50_c64s2', 'emiff_r50_c64s3', 'emiff_r50_c64s4')
    }
    assert list(shapes.values()) == [(1, 34, 60), (1, 17, 30), (1, 9, 15)]


def test_square_grid_has_cells_of_32_centimetres():
    voxels = EmiffConfig.from_yaml(CONFIGURATIONS[0].with_name('emiff_r50_square.yaml')).voxels
    ranges = (voxels.x_range, voxels.y_range, voxels.z_range)
    sizes = [(b - a) / n for (a, b), n in zip(ranges, voxels.counts, strict=True)]
    assert sizes == pytest.approx([0.32, 0.32, 0.32])


def test_grid_is_not_the_range_of_the_labels():
    """Quirk: the voxels reach from -3.08 to 0.76 m, point_cloud_range from -3 to 1 m."""
    voxels = EmiffConfig().voxels
    low, high = voxels.z_range
    assert (low, high, voxels.counts[2]) == (-3.08, 0.76, 12)
    assert (high - low) / 12 == pytest.approx(0.32)


def test_configuration_is_immutable():
    with pytest.raises(ValidationError):
        EmiffConfig().fpn_channels = 32


def test_no_compression_transmits_the_finest_level():
    config = EmiffConfig.from_dict({'compression': None})
    assert config.transmitted_shape == (64, 136, 240)
    assert config.transmitted_stride == 4


def test_bottleneck_free_backbone_has_its_own_widths():
    config = EmiffConfig.from_dict({'backbone': {'depth': 34, 'widths': [8, 16, 24, 32]}})
    assert config.backbone.out_channels == (8, 16, 24, 32)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'fpn_chanels': 64}, 'unknown key fpn_chanels'),
        ({'voxels': {'count': 3}}, 'unknown key voxels.count'),
        ({'voxels': {'counts': [248, 288, 8]}}, '8 cells along z.*halve to 2;.*needs 3'),
        ({'voxels': {'counts': [0, 288, 12]}}, 'voxels.counts.0 is 0'),
        ({'voxels': {'x_range': [5, 5]}}, r'x_range is \(5.0, 5.0\); expected.*lower < upper'),
        ({'voxels': {'z_range': [0, float('nan')]}}, 'z_range is .*nan'),
        ({'neck': {'widths': [64]}}, 'needs 3'),
        ({'anchors': {'sizes': [[3.9, 0, 1.5]]}}, 'three sizes above 0 m'),
        ({'anchors': {'y_range': [1, -1]}}, 'anchors.y_range'),
        ({'compression': {'ratio': 7}}, 'ratio is 7; expected a divisor of fpn_channels = 64'),
        ({'channel_masking': {'squeeze_ratio': 5}}, 'squeeze_ratio is 5'),
        ({'modality': 'early'}, 'set compression to null'),
        ({'image_divisor': 16}, 'image_divisor is 16; expected a multiple of 32'),
        ({'backbone': {'depth': 20}}, 'backbone.depth is 20'),
        ({'sampling': 'cubic'}, "sampling is 'cubic'"),
        ({'detection': {'nms_threshold': 0}}, 'detection.nms_threshold is 0'),
    ],
)
def test_refusals_name_key_value_and_rule(values, message):
    with pytest.raises(ConfigurationError, match=message):
        EmiffConfig.from_dict(values)


def test_impossible_grid_suggests_a_possible_one():
    with pytest.raises(ConfigurationError, match='for instance 12 cells along z'):
        EmiffConfig.from_dict({'voxels': {'counts': [248, 288, 16]}})


def test_folded_neck_takes_any_height():
    values = {'voxels': {'counts': [40, 48, 5]}, 'neck': {'kind': 'folded', 'widths': [32]}}
    assert EmiffConfig.from_dict(values).voxels.counts[2] == 5


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match='absent.yaml: no such model configuration'):
        EmiffConfig.from_yaml(tmp_path / 'absent.yaml')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a: [1', 'not valid YAML'),
        ('- 1', 'expected a mapping.*list'),
        ('image_height: \xff', 'model.yaml: not valid YAML'),
    ],
)
def test_unreadable_file_is_explained(tmp_path, text, message):
    path = tmp_path / 'model.yaml'
    path.write_text(text, encoding='latin-1')
    with pytest.raises(ConfigurationError, match=message):
        EmiffConfig.from_yaml(path)


def test_architecture_leaves_thresholds_and_freezing_out():
    plain = EmiffConfig()
    other = EmiffConfig.from_dict(
        {'detection': {'score_threshold': 0.5}, 'backbone': {'frozen_parts': 2}}
    )
    assert plain.architecture() == other.architecture()
    assert EmiffConfig.from_dict({'sampling': 'bilinear'}).architecture() != plain.architecture()
