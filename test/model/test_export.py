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

import pytest
import torch

from emiff_ros.model import InfrastructureView
from emiff_ros.model.export import export_infrastructure_encoder, export_vehicle_model


def reloaded(program):
    """Write and read the program, as a deployment does."""
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    buffer.seek(0)
    return torch.export.load(buffer).module()


def test_halves_agree_with_the_network(make_model, image, vehicle_camera, station_camera):
    model = make_model(mask_behind_camera=True, view_fusion='visibility_weighted')
    cameras = [vehicle_camera, station_camera]
    with torch.no_grad():
        encode = export_infrastructure_encoder(model.infrastructure_encoder).module()
        feature = encode(image)
        assert torch.equal(feature, model.encode_infrastructure(image))
        view = InfrastructureView(station_camera, feature=feature)
        expected = model.forward_maps(image, vehicle_camera, [view])
        maps = reloaded(export_vehicle_model(model))(
            image,
            torch.stack([camera.intrinsics for camera in cameras]).float(),
            torch.stack([camera.camera_from_vehicle for camera in cameras]).float(),
            feature,
        )
    for ours, theirs in zip(maps, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_refusals(make_model):
    with pytest.raises(ValueError, match='modality is vehicle_only'):
        export_vehicle_model(make_model(modality='vehicle_only', compression=None))
    with pytest.raises(ValueError, match='views is 0; expected at least 1'):
        export_vehicle_model(make_model(), views=0)
