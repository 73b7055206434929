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

"""The whole network: every variant, any number of views, batches, refusals."""

import pytest
import torch

from emiff_ros.model import Boxes, Emiff, EmiffConfig, InfrastructureView


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def close(first, second, tolerance=1e-4):
    return all(torch.allclose(a, b, atol=tolerance) for a, b in zip(first, second, strict=True))


def station_image(seed=2):
    return torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def model(make_model):
    return make_model()


VARIANTS = {
    'released': {},
    'no attention': {'cross_attention': False},
    'no masking': {'channel_masking': None},
    'no compression': {'compression': None},
    'neither': {'cross_attention': False, 'channel_masking': None, 'compression': None},
    'ratio alone': {'compression': {'ratio': 8, 'halvings': 1}},
    'halvings alone': {'compression': {'ratio': 1, 'halvings': 2}},
    'four halvings': {'compression': {'ratio': 8, 'halvings': 4}},
    'concatenation': {'view_fusion': 'concatenate'},
    'visibility': {'view_fusion': 'visibility_weighted'},
    'bilinear': {'sampling': 'bilinear'},
    'masked behind': {'mask_behind_camera': True},
    'exact': {'exact_positions': True},
    'squeezed': {'channel_masking': {'squeeze_ratio': 4}},
    'folded': {'neck': {'kind': 'folded', 'widths': [8], 'out_channels': 8}},
    'early': {'modality': 'early', 'compression': None},
    'resnet34': {'backbone': {'depth': 34, 'widths': [4, 4, 4, 4]}},
    'resnet50': {'backbone': {'depth': 50, 'widths': [4, 4, 4, 4]}},
    'resnet101': {'backbone': {'depth': 101, 'widths': [4, 4, 4, 4]}},
}


@pytest.mark.parametrize('changes', VARIANTS.values(), ids=VARIANTS.keys())
@pytest.mark.parametrize('views', [0, 1, 2, 3])
def test_variants_take_any_number_of_views(
    make_model, changes, views, image, vehicle_camera, station_camera, device
):
    model = make_model(**changes).to(device)
    seen = [
        InfrastructureView(station_camera, image=station_image(k).to(device)) for k in range(views)
    ]
    maps = model.forward_maps(image.to(device), vehicle_camera, seen)
    assert [tuple(values.shape) for values in maps] == [
        (1, channels, 12, 16) for channels in (2, 14, 4)
    ]
    boxes = model.detect(image.to(device), vehicle_camera, seen)
    assert isinstance(boxes, Boxes)
    assert len(boxes) > 0
    assert torch.isfinite(boxes.boxes).all()


@pytest.mark.parametrize('changes', VARIANTS.values(), ids=VARIANTS.keys())
def test_variants_learn(make_model, changes, image, vehicle_camera, station_camera, device):
    """Gradients reach every parameter that two views can reach, and all are finite."""
    model = make_model(**changes).to(device).train()
    views = [
        InfrastructureView([station_camera] * 2, image=station_image(k).repeat(2, 1, 1, 1))
        for k in range(2)
    ]
    views = [InfrastructureView(view.camera, view.image.to(device)) for view in views]
    images = image.repeat(2, 1, 1, 1).to(device)
    maps = model.forward_maps(images, [vehicle_camera] * 2, views, flips=[False, True])
    sum(values.square().sum() for values in maps).backward()
    silent = {name for name, p in model.named_parameters() if p.grad is None}
    assert silent == set()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize('fusion', ['mean', 'visibility_weighted', 'concatenate'])
def test_no_views_is_the_vehicle_only_path_bit_for_bit(
    make_model, fusion, image, vehicle_camera, dtype
):
    cooperative = make_model(view_fusion=fusion)
    alone = make_model(view_fusion=fusion, modality='vehicle_only', compression=None)
    alone.load_state_dict({k: cooperative.state_dict()[k] for k in alone.state_dict()})
    with torch.no_grad():
        assert same(
            cooperative.to(dtype).forward_maps(image, vehicle_camera, []),
            alone.to(dtype).forward_maps(image, vehicle_camera),
        )


@pytest.mark.parametrize('changes', [{}, VARIANTS['bilinear'], VARIANTS['folded']])
def test_precisions(make_model, changes, image, vehicle_camera, station_camera, dtype, device):
    model = make_model(**changes).to(device, dtype)
    view = InfrastructureView(station_camera, image=station_image().to(device))
    with torch.no_grad():
        maps = model.forward_maps(image.to(device), vehicle_camera, [view])
    assert {values.dtype for values in maps} == {dtype}
    assert all(torch.isfinite(values).all() for values in maps)
    assert model.decode(maps)[0].boxes.dtype == torch.float32


def test_infrastructure_changes_the_result(model, image, vehicle_camera, station_camera):
    view = InfrastructureView(station_camera, image=station_image())
    assert not close(
        model.forward_maps(image, vehicle_camera, [view]),
        model.forward_maps(image, vehicle_camera),
    )


def test_feature_and_image_of_a_view_are_the_same(model, image, vehicle_camera, station_camera):
    feature = model.encode_infrastructure(station_image())
    assert tuple(feature.shape[1:]) == model.config.transmitted_shape
    received = InfrastructureView(station_camera, feature=feature)
    seen = InfrastructureView(station_camera, image=station_image())
    assert same(
        model.forward_maps(image, vehicle_camera, [received]),
        model.forward_maps(image, vehicle_camera, [seen]),
    )


def test_fusing_later_is_the_same(model, image, vehicle_camera, station_camera):
    """The vehicle encodes its image before it knows what the radio brings."""
    levels = model.encode_vehicle(image)
    view = InfrastructureView(station_camera, image=station_image())
    assert same(
        model.fuse(levels, vehicle_camera, [view]),
        model.forward_maps(image, vehicle_camera, [view]),
    )


def test_order_of_views_does_not_matter(model, image, vehicle_camera, station_camera):
    views = [InfrastructureView(station_camera, image=station_image(k)) for k in (1, 2)]
    assert close(
        model.forward_maps(image, vehicle_camera, views),
        model.forward_maps(image, vehicle_camera, views[::-1]),
    )


def test_samples_of_a_batch_keep_their_own_cameras(model, image, vehicle_camera, station_camera):
    images = torch.cat([image, station_image(5)])
    roadside = torch.cat([station_image(6), station_image(7)])
    vehicle, station = [vehicle_camera, station_camera], [station_camera, vehicle_camera]
    together = model.forward_maps(images, vehicle, [InfrastructureView(station, image=roadside)])
    for k in range(2):
        view = InfrastructureView(station[k], image=roadside[k : k + 1])
        alone = model.forward_maps(images[k : k + 1], vehicle[k], [view])
        assert close([values[k : k + 1] for values in together], alone)


@pytest.mark.parametrize('fusion', ['mean', 'visibility_weighted', 'concatenate'])
@pytest.mark.parametrize('count', [1, 2, 3])
def test_infrastructure_only(make_model, station_camera, fusion, count):
    model = make_model(modality='infrastructure_only', view_fusion=fusion)
    assert model.vehicle_encoder is None
    views = [InfrastructureView(station_camera, image=station_image(k)) for k in range(count)]
    assert model.detect(None, None, views).boxes.shape[1] == 7
    sum(values.sum() for values in model.forward_maps(None, None, views)).backward()
    assert model.infrastructure_encoder.backbone.conv1.weight.grad is not None


def test_infrastructure_only_refusals(make_model):
    model = make_model(modality='infrastructure_only')
    with pytest.raises(ValueError, match='needs at least one view; got none'):
        model.forward_maps(None, None, [])
    with pytest.raises(ValueError, match='infrastructure_only takes no vehicle image'):
        model.encode_vehicle(station_image())


def test_bfloat16_vehicle_fuses_a_float32_feature(model, image, vehicle_camera, station_camera):
    view = InfrastructureView(station_camera, feature=model.encode_infrastructure(station_image()))
    expected = model.forward_maps(image, vehicle_camera, [view])
    low = model.to(torch.bfloat16).forward_maps(image, vehicle_camera, [view])
    assert low.bbox_pred.dtype == torch.bfloat16
    for ours, theirs in zip(low, expected, strict=True):
        assert (ours.float() - theirs).abs().max() < 0.1 * theirs.abs().max()
    assert model.decode(low)[0].boxes.dtype == torch.float32


def test_vehicle_half_has_no_sender_and_says_so(tiny_values, image):
    model = Emiff(EmiffConfig.from_dict(tiny_values), with_infrastructure_encoder=False)
    assert not any(name.startswith('infrastructure_encoder') for name in model.state_dict())
    with pytest.raises(ValueError, match='no infrastructure encoder.*pass a feature'):
        model.encode_infrastructure(image)


def test_early_fusion_takes_images_only(make_model, image, vehicle_camera, station_camera):
    model = make_model(modality='early', compression=None)
    view = InfrastructureView(station_camera, feature=torch.zeros(1, 8, 16, 24))
    with pytest.raises(ValueError, match='early takes infrastructure images; got a feature'):
        model.forward_maps(image, vehicle_camera, [view])


def test_wrong_images_are_refused(model, vehicle_camera, station_camera, image):
    with pytest.raises(ValueError, match='vehicle image is 60x96.*multiples of 32'):
        model.forward_maps(torch.zeros(1, 3, 60, 96), vehicle_camera)
    with pytest.raises(ValueError, match=r'shape \(3, 64, 96\); expected \[B, 3, H, W\]'):
        model.forward_maps(torch.zeros(3, 64, 96), vehicle_camera)
    with pytest.raises(ValueError, match=r'shape \(1, 3, 96, 96\); expected \[1, 3, 64, 96\]'):
        model.detect(torch.zeros(1, 3, 96, 96), vehicle_camera)
    view = InfrastructureView(station_camera, image=torch.zeros(1, 3, 96, 96))
    with pytest.raises(ValueError, match="96x96; expected 64x96, the vehicle image's padded size"):
        model.forward_maps(image, vehicle_camera, [view])


def test_wrong_features_are_refused(model, image, vehicle_camera, station_camera):
    view = InfrastructureView(station_camera, feature=torch.zeros(1, 2, 8, 13))
    with pytest.raises(ValueError, match=r'\(1, 2, 8, 13\); expected \[B, 2, 8, 12\]'):
        model.forward_maps(image, vehicle_camera, [view])


def test_batches_must_agree(model, image, vehicle_camera, station_camera):
    view = InfrastructureView(station_camera, image=image.repeat(2, 1, 1, 1))
    with pytest.raises(ValueError, match='infrastructure view has batch 2; expected 1'):
        model.forward_maps(image, vehicle_camera, [view])


def test_evaluation_before_training_does_no_harm(make_model, image, vehicle_camera):
    model = make_model(modality='vehicle_only', compression=None)
    with torch.inference_mode():
        model.detect(image, vehicle_camera)
    assert not model.anchors().is_inference()
    maps = model.train().forward_maps(image.repeat(2, 1, 1, 1), [vehicle_camera] * 2)
    maps.bbox_pred.sum().backward()
    assert model.vehicle_encoder.backbone.conv1.weight.grad is not None


def test_wrong_cameras_are_refused(model, image, vehicle_camera):
    with pytest.raises(ValueError, match='2 cameras for a batch of 1'):
        model.forward_maps(image, [vehicle_camera] * 2)
    with pytest.raises(ValueError, match=r'image_size is \(120, 192\), larger.*Camera.scaled'):
        model.forward_maps(image, vehicle_camera.scaled((120, 192)))


def test_cameras_of_smaller_images_are_refused(model, image, vehicle_camera, station_camera):
    with pytest.raises(ValueError, match=r'image_size is \(30, 48\); expected \(60, 96\)'):
        model.detect(image, vehicle_camera.scaled((30, 48)))
    view = InfrastructureView(station_camera.scaled((59, 96)), image=image)
    with pytest.raises(ValueError, match=r'image_size is \(59, 96\); expected \(60, 96\)'):
        model.detect(image, vehicle_camera, [view])


def test_wrong_flips_are_refused(model, image, vehicle_camera):
    with pytest.raises(ValueError, match=r'flips has shape \(2,\); expected \[1\]'):
        model.forward_maps(image, vehicle_camera, flips=[True, False])


def test_view_needs_exactly_one_source(station_camera):
    with pytest.raises(ValueError, match='got neither'):
        InfrastructureView(station_camera)
    with pytest.raises(ValueError, match='got both'):
        InfrastructureView(station_camera, torch.zeros(1), torch.zeros(1))


def test_modality_and_views_must_agree(make_model, image, vehicle_camera, station_camera, model):
    alone = make_model(modality='vehicle_only', compression=None)
    view = InfrastructureView(station_camera, image=image)
    with pytest.raises(ValueError, match='vehicle_only takes no infrastructure views; got 1'):
        alone.forward_maps(image, vehicle_camera, [view])
    with pytest.raises(ValueError, match='modality cooperative needs vehicle levels'):
        model.forward_maps(None, None, [view])
