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

"""Projection and sampling of voxels, quirk by quirk."""

import pytest
import torch

from emiff_ros.model import Camera, EmiffConfig
from emiff_ros.model.camera import CameraBatch
from emiff_ros.model.voxels import (
    VoxelSampler,
    is_visible,
    project,
    sample_features,
    voxel_centres,
)

FORWARD = [[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0]]


def cameras(count=1, size=(64, 96)):
    camera = Camera([[50.0, 0, 40], [0, 60, 30], [0, 0, 1]], FORWARD, size)
    return CameraBatch.stack([camera] * count)


def no_flip(count=1):
    return torch.zeros(count, dtype=torch.bool)


def test_released_grid_is_swapped():
    """Quirk: 248 cells along x and 288 along y make cells of 0.3716 x 0.2756 x 0.32 m."""
    centres = voxel_centres(EmiffConfig())
    assert centres.shape == (248, 288, 12, 3)
    step = [(centres[1, 1, 1] - centres[0, 0, 0])[axis].item() for axis in range(3)]
    assert step == pytest.approx([0.3716, 0.2756, 0.32], abs=1e-4)


def test_projection_of_a_known_point():
    pixels, depth = project(torch.tensor([[10.0, 2.0, -1.0]]), cameras(), no_flip())
    assert depth[0, 0] == 10
    assert pixels[0, 0].tolist() == pytest.approx([40 - 50 * 0.2, 30 + 60 * 0.1])


def test_autocast_does_not_round_a_projection():
    point = torch.tensor([[81.3, 20.7, -1.3]])
    expected = project(point, cameras(), no_flip())
    with torch.autocast('cpu', torch.bfloat16):
        rounded = point @ point.T
        found = project(point, cameras(), no_flip())
    assert rounded.dtype == torch.bfloat16
    assert all(map(torch.equal, found, expected))


def test_point_behind_the_camera_is_projected_with_its_negative_depth():
    """Quirk: no depth test."""
    pixels, depth = project(torch.tensor([[-10.0, -2.0, 1.0]]), cameras(), no_flip())
    assert depth[0, 0] == -10
    assert pixels[0, 0].tolist() == pytest.approx([30, 36])


def test_mirroring_moves_the_point_and_then_the_pixel():
    point = torch.tensor([[10.0, 2.0, -1.0]])
    mirrored, _ = project(point, cameras(2), torch.tensor([False, True]))
    opposite, _ = project(point * torch.tensor([1.0, -1, 1]), cameras(), no_flip())
    assert mirrored[1, 0, 0].item() == pytest.approx(96 - opposite[0, 0, 0].item())
    assert mirrored[1, 0, 1] == opposite[0, 0, 1]


def ramp():
    """Return a map of 4x5 cells, that is 16x20 pixels, with values 1 to 20."""
    return torch.arange(1.0, 21).view(1, 1, 4, 5)


@pytest.mark.parametrize(
    ('u', 'index'),
    [
        (0.0, 0),
        (20 * 0.49 / 4, 0),
        (20 * 0.51 / 4, 1),
        (20 * 1.5 / 4, 2),
        (20 * 2.5 / 4, 2),
        (20.0, 4),
        (-20 * 0.49 / 4, 0),
        (20 * 4.49 / 4, 4),
    ],
)
def test_nearest_index_rounds_half_to_even(u, index):
    """Quirk: u / W * (w - 1), and half a cell beyond the border still counts as inside."""
    value = sample_features(ramp(), torch.tensor([[[u, 0.0]]]))
    assert value.item() == index + 1


@pytest.mark.parametrize('u', [-20 * 0.51 / 4, 20 * 4.51 / 4, 1e9, float('inf')])
def test_nearest_outside_is_zero(u):
    assert sample_features(ramp(), torch.tensor([[[u, 0.0]]])).item() == 0


@pytest.mark.parametrize('mode', ['nearest', 'bilinear'])
@pytest.mark.parametrize('u', [float('inf'), float('-inf'), float('nan'), 1e30])
@pytest.mark.parametrize('count', [1, 40])
def test_points_in_the_plane_of_the_camera_are_zero(mode, u, count):
    """A depth of exactly zero projects to infinity, or to nowhere; it must not become NaN."""
    pixels = torch.full((1, count, 2), u)
    assert (sample_features(ramp(), pixels, mode) == 0).all()
    pixels[..., 1] = 8.0
    assert (sample_features(ramp(), pixels, mode) == 0).all()


@pytest.mark.parametrize('sampling', ['nearest', 'bilinear'])
def test_grid_through_the_camera_has_no_nan(sampling):
    """The middle of 21 cells from -21 to 21 m lies exactly in the camera's plane."""
    values = {'voxels': {'x_range': [-21, 21], 'counts': [21, 11, 12]}, 'sampling': sampling}
    sampler = VoxelSampler(EmiffConfig.from_dict(values))
    _, depth = project(sampler.centres(torch.device('cpu')), cameras(), no_flip())
    assert (depth == 0).any()
    volume, visible = sampler(torch.ones(1, 1, 16, 24), cameras(), no_flip())
    assert torch.isfinite(volume).all()
    assert not volume[:, :, 10].any()
    assert not visible[:, :, 10].any()


def cells():
    """Return a map of 16x24 cells, that is 64x96 pixels, with values 1 to 384."""
    return torch.arange(1.0, 385).view(1, 1, 16, 24)


@pytest.mark.parametrize('mode', ['nearest', 'bilinear'])
def test_exact_positions_read_cell_i_at_pixel_4i(mode):
    """The middle of pixel 4 i, half a pixel behind its edge, is the middle of cell i."""
    column, row = torch.meshgrid(torch.arange(24), torch.arange(16), indexing='xy')
    pixels = torch.stack([4 * column + 0.5, 4 * row + 0.5], dim=-1).view(1, -1, 2)
    values = sample_features(cells(), pixels, mode, exact=True)
    assert torch.allclose(values, cells().view(1, 1, -1), atol=1e-3)
    if mode == 'nearest':
        assert torch.equal(values, cells().view(1, 1, -1))


def test_exact_positions_change_cell_in_the_middle_between_two():
    pixels = torch.tensor([[[4 * 7 + 0.5 + shift, 0.5] for shift in (-2.1, -1.9, 1.9, 2.1)]])
    assert sample_features(cells(), pixels, exact=True)[0, 0].tolist() == [7, 8, 8, 9]


def test_original_positions_stray_towards_the_far_border():
    """Quirk: index u / W * (w - 1) falls behind u / 4, by nearly a cell at the right border."""
    values = torch.arange(24.0).expand(1, 1, 16, 24)
    pixels = torch.tensor([[[4 * cell + 0.5, 8] for cell in (0.0, 11, 23)]])
    exact = sample_features(values, pixels, 'bilinear', exact=True)[0, 0]
    original = sample_features(values, pixels, 'bilinear')[0, 0]
    assert exact.tolist() == pytest.approx([0, 11, 23], abs=1e-4)
    assert original.tolist() == pytest.approx([u / 96 * 23 for u in (0.5, 44.5, 92.5)], abs=1e-4)
    assert exact[2] - original[2] > 0.8


@pytest.mark.parametrize('exact', [True, False])
def test_exact_positions_are_a_choice_of_the_configuration(exact):
    config = EmiffConfig.from_dict(
        {'voxels': {'counts': [8, 10, 12]}, 'exact_positions': exact, 'sampling': 'bilinear'}
    )
    feature = torch.randn(1, 3, 16, 24)
    volume, _ = VoxelSampler(config)(feature, cameras(), no_flip())
    pixels, _ = project(voxel_centres(config).reshape(-1, 3), cameras(), no_flip())
    expected = sample_features(feature, pixels, 'bilinear', exact=exact)
    assert torch.equal(volume.flatten(2), expected)
    other = sample_features(feature, pixels, 'bilinear', exact=not exact)
    assert not torch.allclose(volume.flatten(2), other)


def test_original_positions_are_the_default():
    """The grid of the original, in its own words: u / W * 2 - 1 with align_corners=True."""
    assert not EmiffConfig().exact_positions
    generator = torch.Generator().manual_seed(0)
    feature = torch.randn(1, 3, 16, 24, generator=generator)
    pixels = torch.rand(1, 500, 2, generator=generator) * torch.tensor([120.0, 80]) - 8
    grid = (pixels / torch.tensor([96.0, 64]) * 2 - 1).unsqueeze(1)
    for mode in ('nearest', 'bilinear'):
        expected = torch.nn.functional.grid_sample(
            feature, grid, mode=mode, padding_mode='zeros', align_corners=True
        )
        assert torch.equal(sample_features(feature, pixels, mode), expected.squeeze(2))


def test_bilinear_interpolates():
    pixels = torch.tensor([[[20 * 1.25 / 4, 16 * 0.5 / 3]]])
    value = sample_features(ramp(), pixels, 'bilinear')
    assert value.item() == pytest.approx(1 + 1.25 + 0.5 * 5)


def test_sampling_is_differentiable():
    feature = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    pixels = torch.rand(1, 10, 2, dtype=torch.float64) * 12
    for mode in ('nearest', 'bilinear'):
        assert torch.autograd.gradcheck(lambda x, m=mode: sample_features(x, pixels, m), feature)


def test_masked_points_are_zero_in_both_modes():
    pixels = torch.tensor([[[10.0, 8.0], [10.0, 8.0]]])
    valid = torch.tensor([[True, False]])
    for mode in ('nearest', 'bilinear'):
        values = sample_features(ramp(), pixels, mode, valid)[0, 0]
        assert values[0] != 0
        assert values[1] == 0


def test_visible_is_in_front_and_inside_the_unpadded_image():
    pixels = torch.tensor([[[0.0, 0.0], [95.9, 59.9], [96.0, 5.0], [5.0, 60.0], [5.0, 5.0]]])
    depth = torch.tensor([[1.0, 1, 1, 1, -1]])
    assert is_visible(pixels, depth, cameras(size=(60, 96))).tolist() == [[1, 1, 0, 0, 0]]


def test_volume_has_x_y_z_order():
    config = EmiffConfig.from_dict({'voxels': {'counts': [8, 10, 12]}})
    sampler = VoxelSampler(config)
    feature = torch.randn(2, 3, 16, 24)
    volume, visible = sampler(feature, cameras(2), no_flip(2))
    assert volume.shape == (2, 3, 8, 10, 12)
    assert visible.shape == (2, 1, 8, 10, 12)
    centre = voxel_centres(config)[5, 4, 6]
    pixels, _ = project(centre.view(1, 3), cameras(2), no_flip(2))
    assert visible[0, 0, 5, 4, 6]
    assert torch.equal(volume[:, :, 5, 4, 6], sample_features(feature, pixels)[..., 0])


def test_mask_behind_camera_empties_what_is_behind():
    values = {'voxels': {'x_range': [-20, 20], 'counts': [20, 12, 12]}}
    feature = torch.ones(1, 1, 16, 24)
    seen, _ = VoxelSampler(EmiffConfig.from_dict(values))(feature, cameras(), no_flip())
    masked = VoxelSampler(EmiffConfig.from_dict(values | {'mask_behind_camera': True}))
    kept, _ = masked(feature, cameras(), no_flip())
    assert seen[:, :, :10].any()
    assert not kept[:, :, :10].any()
    assert torch.equal(seen[:, :, 10:], kept[:, :, 10:])


def test_centres_stay_in_float32_whatever_the_feature():
    sampler = VoxelSampler(EmiffConfig.from_dict({'voxels': {'counts': [8, 10, 12]}}))
    volume, _ = sampler(torch.randn(1, 3, 16, 24).bfloat16(), cameras(), no_flip())
    assert volume.dtype == torch.bfloat16
    assert sampler.centres(torch.device('cpu')).dtype == torch.float32


def test_mirrored_sample_gives_the_mirrored_volume():
    values = {'voxels': {'counts': [8, 10, 12]}, 'sampling': 'bilinear'}
    sampler = VoxelSampler(EmiffConfig.from_dict(values))
    feature = torch.randn(1, 3, 16, 24)
    plain, seen = sampler(feature, cameras(), no_flip())
    mirrored, mirrored_seen = sampler(feature.flip(-1), cameras(), torch.tensor([True]))
    assert plain.abs().max() > 0
    assert torch.allclose(mirrored, plain.flip(3), atol=1e-4)
    assert torch.equal(mirrored_seen, seen.flip(3))
