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

"""Accelerated networks against the recorded values of the original, one speed-up at a time.

On a GPU, float32 has TF32 off; its convolutions' algorithms still sum in another order.
"""

import copy
import zlib

from acceleration.half_precision import on_this_cpu
import cv2
from model.golden_cases import SMALL_S4, synthetic_picture
import numpy as np
import pytest
import torch

from emiff_ros.acceleration import AccelerationConfig, AlignedView, accelerate, steps
from emiff_ros.acceleration.network import UnusableBoxesError
from emiff_ros.model import Emiff, EmiffConfig, InfrastructureView, preprocess_image

MAPS = ('cls_score', 'bbox_pred', 'dir_cls')
TOLERANCE = 1e-4
HALF_TOLERANCE = {'float16': 0.02, 'bfloat16': 0.1, 'tf32': 0.01}

ON_CPU = {
    'plain': AccelerationConfig.plain(),
    'conv3d': AccelerationConfig(neck='conv3d', channels_last=False),
    'unfolded': AccelerationConfig(fold_batch_norm=False, indexed_sampling=False),
    'all': AccelerationConfig(device_decoding=True),
}
ON_GPU = {
    'autotune': AccelerationConfig(neck='conv3d', autotune=True),
    'graphs': AccelerationConfig(neck='conv3d', cuda_graphs=True, device_decoding=True),
    'everything': AccelerationConfig.for_gpu('float32'),
}


def variants(config):
    return [pytest.param(value, id=name) for name, value in config.items()]


def moved(model, device):
    """Return the model on a device, a copy unless it is there already."""
    here = next(model.parameters()).device.type == device.type
    return model if here else copy.deepcopy(model).to(device)


def inputs(case, device):
    vehicle, roadside = (image.to(device) for image in case.images())
    cameras = case.cameras()
    return vehicle, cameras[0], [InfrastructureView(cameras[1], image=roadside)]


def worst(maps, golden):
    """Return the largest difference of the head maps, in shares of each map's maximum."""
    differences = []
    for name in MAPS:
        ours = getattr(maps, name).float().cpu().numpy().astype(np.float64).ravel()
        if f'{name}/full' in golden:
            expected = golden[f'{name}/full'].ravel()
        else:
            expected = golden[f'{name}/samp']
            seed = zlib.crc32(name.encode('ascii'))
            ours = ours[np.random.RandomState(seed).randint(0, ours.size, len(expected))]
        largest = np.abs(golden[f'{name}/stats'][2:4]).max()
        differences.append(np.abs(ours - expected).max() / largest)
    return max(differences)


def check_boxes(boxes, golden, metres=0.01, radians=1e-3, score=1e-3):
    expected = golden['det0/boxes']
    assert len(boxes) == len(expected) > 10
    ours = boxes.boxes.numpy()
    assert np.abs(ours[:, :6] - expected[:, :6]).max() < metres
    assert np.abs(ours[:, 6] - expected[:, 6]).max() < radians
    assert np.abs(boxes.scores.numpy() - golden['det0/scores']).max() < score


def check_golden(acceleration, case, model, golden, device):
    network = accelerate(moved(model, device), acceleration)
    vehicle, camera, views = inputs(case, device)
    maps = network.fuse(network.encode_vehicle(vehicle), camera, views)
    assert worst(maps, golden) <= TOLERANCE
    # Twice: the second frame finds what the first one kept.
    for _ in range(2):
        check_boxes(network.detect(vehicle, camera, views), golden)


@pytest.mark.parametrize('acceleration', variants(ON_CPU))
def test_float32_is_golden(acceleration, case, model_of, golden_of, device):
    check_golden(acceleration, case, model_of(case), golden_of(case), device)


@pytest.mark.parametrize(
    'acceleration',
    [
        pytest.param(AccelerationConfig.for_cpu('float32'), id='torch'),
        pytest.param(AccelerationConfig.for_openvino(), id='openvino'),
    ],
)
def test_what_is_right_for_a_cpu_is_golden(acceleration, case, model_of, golden_of):
    check_golden(acceleration, case, model_of(case), golden_of(case), torch.device('cpu'))


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs an NVIDIA GPU')
@pytest.mark.parametrize('acceleration', variants(ON_GPU))
def test_float32_is_golden_on_a_gpu(acceleration, case, model_of, golden_of):
    check_golden(acceleration, case, model_of(case), golden_of(case), torch.device('cuda'))


@pytest.mark.parametrize('precision', [*map(on_this_cpu, ('bfloat16', 'float16')), 'tf32'])
def test_half_precision_stays_close(precision, case, model_of, golden_of, device):
    if device.type == 'cpu':
        acceleration = AccelerationConfig.for_cpu(precision)
    else:
        acceleration = AccelerationConfig.for_gpu(precision)
    network = accelerate(moved(model_of(case), device), acceleration)
    vehicle, camera, views = inputs(case, device)
    maps = network.fuse(network.encode_vehicle(vehicle), camera, views)
    assert worst(maps, golden_of(case)) <= HALF_TOLERANCE[precision]


def test_without_roadside_views_it_is_the_vehicle_alone(model_of, device):
    model = moved(model_of(SMALL_S4), device)
    network = accelerate(model, AccelerationConfig(device_decoding=True))
    vehicle, camera, _ = inputs(SMALL_S4, device)
    expected, boxes = model.detect(vehicle, camera).to('cpu'), network.detect(vehicle, camera)
    torch.testing.assert_close(boxes.boxes, expected.boxes, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize('opencv', [False, True])
def test_pictures_give_what_prepared_images_give(opencv, model_of):
    network = accelerate(model_of(SMALL_S4), AccelerationConfig(opencv_resize=opencv))
    height, width = SMALL_S4.image_size
    rgb = synthetic_picture(21, 2 * height, 2 * width)
    small = torch.from_numpy(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA))
    expected = network.encode_vehicle(preprocess_image(small, network.config).unsqueeze(0))
    ours = network.encode_vehicle_picture(torch.from_numpy(rgb))
    torch.testing.assert_close(ours, network.align_vehicle(expected))


def test_aligned_views_are_as_good_as_features(model_of):
    network = accelerate(model_of(SMALL_S4), AccelerationConfig())
    vehicle, camera, views = inputs(SMALL_S4, 'cpu')
    vehicle_map = network.align_vehicle(network.encode_vehicle(vehicle))
    feature = network.encode_infrastructure(views[0].image)
    view = InfrastructureView(views[0].camera, feature=feature)
    aligned = AlignedView(view.camera, network.align_infrastructure(feature))
    expected = network.detect_encoded(vehicle_map, camera, [view])
    assert len(expected) > 10
    assert torch.equal(
        network.detect_encoded(vehicle_map, camera, [aligned]).boxes, expected.boxes
    )
    with pytest.raises(ValueError, match=r'infrastructure feature has shape \(1, 1, 2, 2\)'):
        network.align_infrastructure(torch.zeros(1, 1, 2, 2))


@pytest.mark.parametrize(
    ('modality', 'message'),
    [
        ('infrastructure_only', 'infrastructure_only takes no vehicle image'),
        ('vehicle_only', 'vehicle_only takes no infrastructure feature'),
    ],
)
def test_a_side_that_the_network_lacks_is_refused(modality, message, folded_config):
    config = EmiffConfig.from_dict({**folded_config.model_dump(), 'modality': modality}, modality)
    network = accelerate(Emiff(config).eval(), AccelerationConfig())
    with pytest.raises(ValueError, match=message):
        if modality == 'vehicle_only':
            network.align_infrastructure(torch.zeros(1, *config.transmitted_shape))
        else:
            network.fuse([torch.zeros(1, 1, 1, 1)], None, ())


def test_a_moved_camera_is_noticed(model_of):
    """Positions are kept while a camera rests, and only then."""
    network = accelerate(model_of(SMALL_S4), AccelerationConfig())
    vehicle, camera, views = inputs(SMALL_S4, 'cpu')
    levels = network.encode_vehicle(vehicle)
    feature = network.encode_infrastructure(views[0].image)
    moved = [InfrastructureView(camera, feature=feature)]
    rested = [InfrastructureView(views[0].camera, feature=feature)]
    first = network.fuse(levels, camera, rested)
    elsewhere = network.fuse(levels, camera, moved)
    again = network.fuse(levels, camera, rested)
    assert torch.equal(first.cls_score, again.cls_score)
    assert not torch.equal(first.cls_score, elsewhere.cls_score)


@pytest.mark.parametrize(('largest', 'times'), [(0, 1), (1 << 30, 0)])
def test_a_neck_of_large_volumes_begins_with_what_encoders_kept_given_back(
    largest, times, model_of, monkeypatch
):
    given_back = []
    monkeypatch.setattr(steps, 'return_freed_memory', lambda: given_back.append(True))
    monkeypatch.setattr(steps, 'LARGEST_KEPT', largest)
    vehicle, camera, _ = inputs(SMALL_S4, 'cpu')
    network = accelerate(model_of(SMALL_S4), AccelerationConfig(keep_memory=True))
    network.detect(vehicle, camera)
    assert len(given_back) == times


def test_the_model_stays_as_it_is(model_of):
    model = model_of(SMALL_S4)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    accelerate(model, AccelerationConfig(precision='bfloat16'))
    for name, tensor in model.state_dict().items():
        assert torch.equal(before[name], tensor)


def test_the_score_threshold_can_change(model_of):
    network = accelerate(model_of(SMALL_S4), AccelerationConfig(device_decoding=True))
    vehicle, camera, views = inputs(SMALL_S4, 'cpu')
    vehicle_map = network.align_vehicle(network.encode_vehicle(vehicle))
    scores = network.detect_encoded(vehicle_map, camera, views).scores
    middle = scores.median().item()
    fewer = network.detect_encoded(vehicle_map, camera, views, score_threshold=middle).scores
    assert torch.equal(fewer, scores[scores > middle])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'cuda_graphs': True}, 'cuda_graphs needs an NVIDIA GPU; this network is on cpu'),
        ({'autotune': True}, 'autotune needs an NVIDIA GPU'),
        ({'parallel_encoders': True}, 'parallel_encoders needs an NVIDIA GPU'),
    ],
)
def test_what_needs_a_gpu_is_refused_on_a_cpu(change, message, model_of):
    with pytest.raises(ValueError, match=message):
        accelerate(model_of(SMALL_S4), AccelerationConfig(**change))


def test_a_network_in_training_is_refused(model_of):
    model = copy.deepcopy(model_of(SMALL_S4))
    with pytest.raises(ValueError, match=r'training mode; call eval\(\)'):
        accelerate(model.train(), AccelerationConfig())


def test_gradients_stop_at_an_accelerated_network(model_of):
    network = accelerate(model_of(SMALL_S4), AccelerationConfig.for_cpu('float32'))
    vehicle, camera, views = inputs(SMALL_S4, 'cpu')
    feature = network.encode_infrastructure(views[0].image).requires_grad_()
    view = InfrastructureView(views[0].camera, feature=feature)
    maps = network.fuse(network.encode_vehicle(vehicle.requires_grad_()), camera, [view])
    assert not maps.cls_score.requires_grad


def test_wrong_inputs_are_refused(model_of):
    network = accelerate(model_of(SMALL_S4), AccelerationConfig())
    vehicle, camera, views = inputs(SMALL_S4, 'cpu')
    with pytest.raises(ValueError, match=r'image has shape \(1, 3, 32, 32\); expected'):
        network.encode_vehicle(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match='modality cooperative needs a vehicle image'):
        network.fuse(None, None, views)
    levels = network.encode_vehicle(vehicle)
    bad = InfrastructureView(camera, feature=torch.zeros(1, 1, 2, 2))
    with pytest.raises(ValueError, match=r'infrastructure feature has shape \(1, 1, 2, 2\)'):
        network.fuse(levels, camera, [bad])
    with pytest.raises(ValueError, match='0 cameras for a batch of 1'):
        network.fuse(levels, None, ())
    with pytest.raises(ValueError, match='use Camera.scaled'):
        network.fuse(levels, camera.scaled((2000, 3000)), ())
    with pytest.raises(ValueError, match=r'vehicle_map has shape \(1, 3, 32, 32\); expected'):
        network.detect_encoded(torch.zeros(1, 3, 32, 32), camera, views)


@pytest.mark.parametrize('device_decoding', [False, True])
@pytest.mark.parametrize('value', [1e30, float('nan')])
def test_what_is_not_finite_is_refused(device_decoding, value, model_of):
    model = model_of(SMALL_S4)
    network = accelerate(model, AccelerationConfig(device_decoding=device_decoding))
    vehicle, camera, views = inputs(SMALL_S4, torch.device('cpu'))
    levels = network.align_vehicle(network.encode_vehicle(vehicle))
    feature = network.encode_infrastructure(views[0].image)
    feature[0, 0, 1, 1] = value
    aligned = AlignedView(views[0].camera, network.align_infrastructure(feature))
    with pytest.raises(UnusableBoxesError, match='boxes or scores are not finite'):
        network.detect_encoded(levels, camera, [aligned])
    assert len(network.detect_encoded(levels, camera, [])) > 0


@pytest.mark.parametrize('device_decoding', [False, True])
def test_boxes_without_a_size_are_refused(device_decoding, model_of):
    model = model_of(SMALL_S4)
    with torch.no_grad():
        model.head.regress.bias[3::7] = -120.0
    network = accelerate(model, AccelerationConfig(device_decoding=device_decoding))
    vehicle, camera, views = inputs(SMALL_S4, torch.device('cpu'))
    with pytest.raises(UnusableBoxesError, match='a box measures 0 m'):
        network.detect(vehicle, camera, views)
