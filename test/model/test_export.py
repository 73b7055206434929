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

"""Exported halves against the network they came from."""

import io

from model.shipped import seeded_inputs, seeded_model, shipped_config
import pytest
import torch

from emiff_ros.model import InfrastructureView
from emiff_ros.model.export import export_infrastructure_encoder, export_vehicle_model

COARSE = {'voxels': {'counts': [62, 72, 12]}}
"""A sixteenth of the released grid, so that the released network runs in seconds."""


def reloaded(program):
    """Write and read the program, as a deployment does."""
    assert 'autocast' not in str(program), 'a part of the program that nothing else knows'
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    buffer.seek(0)
    return torch.export.load(buffer).module()


def assert_halves_agree(model, images, cameras):
    with torch.no_grad():
        encode = reloaded(export_infrastructure_encoder(model.infrastructure_encoder))
        feature = encode(images[1])
        assert torch.equal(feature, model.encode_infrastructure(images[1]))
        view = InfrastructureView(cameras[1], feature=feature)
        expected = model.forward_maps(images[0], cameras[0], [view])
        maps = reloaded(export_vehicle_model(model))(
            images[0],
            torch.stack([camera.intrinsics for camera in cameras]).float(),
            torch.stack([camera.camera_from_vehicle for camera in cameras]).float(),
            feature,
        )
    for ours, theirs in zip(maps, expected, strict=True):
        assert (ours - theirs).abs().max() <= 1e-6 * theirs.abs().max()


def test_halves_agree_with_the_network(make_model, image, vehicle_camera, station_camera):
    model = make_model(mask_behind_camera=True, view_fusion='visibility_weighted')
    assert_halves_agree(model, [image, image.flip(-1)], [vehicle_camera, station_camera])


@pytest.mark.parametrize(('name', 'changes'), [('emiff_small', {}), ('emiff_r50', COARSE)])
def test_shipped_networks(name, changes):
    config = shipped_config(name, **changes)
    assert_halves_agree(seeded_model(config), *seeded_inputs(config))


@pytest.mark.slow
def test_released_network_with_its_whole_grid():
    config = shipped_config('emiff_r50')
    assert_halves_agree(seeded_model(config), *seeded_inputs(config))


def test_refusals(make_model):
    with pytest.raises(ValueError, match='modality is vehicle_only'):
        export_vehicle_model(make_model(modality='vehicle_only', compression=None))
    with pytest.raises(ValueError, match='views is 0; expected at least 1'):
        export_vehicle_model(make_model(), views=0)
