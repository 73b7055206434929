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

"""Weights on disk: round trips, halves, refusals."""

import json
import struct

import pytest
from safetensors.torch import load_file, save_file
import torch

from emiff_ros.model import Emiff, EmiffConfig, InfrastructureView
from emiff_ros.model.fingerprint import fingerprint
from emiff_ros.model.weights import (
    WeightsError,
    load_infrastructure_encoder,
    load_vehicle_model,
    load_weights,
    read_metadata,
    read_weights,
    save_weights,
    split_weights,
)


@pytest.fixture
def model(make_model):
    return make_model()


@pytest.fixture
def whole(model, tmp_path):
    path = tmp_path / 'net.safetensors'
    save_weights(model, path, {'note': 'a test'})
    return path


def save_halves(model, folder, dtype=torch.float32):
    """Write both halves of a network and return their paths, the sender's first."""
    paths = [folder / f'{name}.safetensors' for name in ('whole', 'sender', 'receiver')]
    save_weights(model, paths[0], dtype=dtype)
    split_weights(*paths)
    return paths[1:]


def test_round_trip(model, whole):
    loaded = load_weights(whole)
    assert loaded.config == model.config
    assert loaded.fingerprint == fingerprint(model) == fingerprint(loaded.model)
    assert not loaded.model.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor), name
    assert read_weights(whole).metadata['note'] == 'a test'


def test_weights_are_as_readable_as_their_configuration(whole):
    assert whole.stat().st_mode == whole.with_suffix('.yaml').stat().st_mode


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_keeps_the_fingerprint_and_loads_as_float32(model, tmp_path, dtype):
    path = tmp_path / 'net.safetensors'
    identity = save_weights(model, path, dtype=dtype)
    loaded = load_weights(path)
    assert loaded.fingerprint == identity == fingerprint(model)
    weight = loaded.model.head.regress.weight
    assert weight.dtype == torch.float32
    assert torch.equal(weight, model.head.regress.weight.to(dtype).float())


def test_halves_do_what_the_whole_does(
    model, whole, tmp_path, image, vehicle_camera, station_camera
):
    sender, receiver = tmp_path / 'sender.safetensors', tmp_path / 'receiver.safetensors'
    split_weights(whole, sender, receiver)
    roadside, vehicle = load_infrastructure_encoder(sender), load_vehicle_model(receiver)
    assert roadside.fingerprint == vehicle.fingerprint == fingerprint(model)
    with torch.no_grad():
        feature = roadside.encoder.encode_infrastructure(image)
        view = InfrastructureView(station_camera, feature=feature)
        ours = vehicle.model.forward_maps(image, vehicle_camera, [view])
        seen = InfrastructureView(station_camera, image=image)
        expected = model.forward_maps(image, vehicle_camera, [seen])
    for mine, other in zip(ours, expected, strict=True):
        assert torch.equal(mine, other)


def test_float32_sender_and_bfloat16_vehicle_of_one_training_fuse(
    model, tmp_path, image, vehicle_camera, station_camera
):
    sender, _ = save_halves(model, tmp_path / 'float32')
    _, receiver = save_halves(model, tmp_path / 'bfloat16', torch.bfloat16)
    roadside, vehicle = load_infrastructure_encoder(sender), load_vehicle_model(receiver)
    assert roadside.fingerprint == vehicle.fingerprint
    with torch.no_grad():
        feature = roadside.encoder.encode_infrastructure(image)
        assert feature.dtype == torch.float32
        view = InfrastructureView(station_camera, feature=feature)
        ours = vehicle.model.to(torch.bfloat16).forward_maps(image, vehicle_camera, [view])
        seen = InfrastructureView(station_camera, image=image)
        expected = model.forward_maps(image, vehicle_camera, [seen])
    assert ours.bbox_pred.dtype == torch.bfloat16
    for mine, other in zip(ours, expected, strict=True):
        assert (mine.float() - other).abs().max() < 0.1 * other.abs().max()


def test_halves_of_another_training_have_another_fingerprint(model, make_model, tmp_path):
    """It is what the vehicle compares before it fuses a received feature."""
    other = make_model()
    with torch.no_grad():
        other.neck.layers[0].first[0].weight += 1e-6
    sender, _ = save_halves(model, tmp_path / 'one')
    _, receiver = save_halves(other, tmp_path / 'other')
    roadside, vehicle = load_infrastructure_encoder(sender), load_vehicle_model(receiver)
    assert roadside.fingerprint != vehicle.fingerprint


def test_shares_of_the_released_network():
    """The paper's roadside unit holds 24 of 57 million parameters."""
    with torch.device('meta'):
        counts = {
            name: sum(parameter.numel() for parameter in part.parameters())
            for name, part in Emiff(EmiffConfig()).named_children()
        }
    sender = counts['infrastructure_encoder']
    assert round(sender / 1e6) == 24
    assert round(sum(counts.values()) / 1e6) == 57


def test_halves_share_nothing_and_miss_nothing(model, whole, tmp_path):
    split_weights(whole, tmp_path / 's.safetensors', tmp_path / 'v.safetensors')
    sender, vehicle = load_file(tmp_path / 's.safetensors'), load_file(tmp_path / 'v.safetensors')
    assert not sender.keys() & vehicle.keys()
    assert sender.keys() | vehicle.keys() == model.state_dict().keys()


def test_splitting_keeps_precision_and_metadata(model, tmp_path):
    whole = tmp_path / 'net.safetensors'
    save_weights(model, whole, {'note': 'a test'}, torch.float16)
    split_weights(whole, tmp_path / 's.safetensors', tmp_path / 'v.safetensors')
    half = load_file(tmp_path / 's.safetensors')
    assert {t.dtype for t in half.values() if t.is_floating_point()} == {torch.float16}
    assert read_weights(tmp_path / 's.safetensors').metadata['note'] == 'a test'


def test_halves_load_from_the_whole_file(whole):
    roadside, vehicle = load_infrastructure_encoder(whole), load_vehicle_model(whole)
    assert roadside.fingerprint == vehicle.fingerprint
    assert vehicle.model.infrastructure_encoder is None


def test_wrong_half_is_refused(model, tmp_path):
    sender, receiver = save_halves(model, tmp_path)
    assert read_weights(sender).part == 'infrastructure'
    assert read_weights(receiver).part == 'vehicle'
    with pytest.raises(WeightsError, match='vehicle half; expected infrastructure or whole'):
        load_infrastructure_encoder(receiver)
    with pytest.raises(WeightsError, match='infrastructure half; expected vehicle or whole'):
        load_vehicle_model(sender)
    with pytest.raises(WeightsError, match='holds the vehicle half; expected a whole network'):
        load_weights(receiver)
    with pytest.raises(WeightsError, match='infrastructure half; expected a whole network'):
        split_weights(sender, tmp_path / 'a.safetensors', tmp_path / 'b.safetensors')


def test_network_without_sender_has_no_such_half(make_model, tmp_path):
    model = make_model(modality='vehicle_only', compression=None)
    path = tmp_path / 'net.safetensors'
    save_weights(model, path)
    with pytest.raises(WeightsError, match='modality vehicle_only sends no features'):
        load_infrastructure_encoder(path)
    with pytest.raises(WeightsError, match='no infrastructure half'):
        split_weights(path, tmp_path / 's.safetensors', tmp_path / 'v.safetensors')


def test_early_fusion_keeps_its_encoder_on_the_vehicle(make_model, tmp_path):
    path = tmp_path / 'net.safetensors'
    save_weights(make_model(modality='early', compression=None), path)
    assert load_vehicle_model(path).model.infrastructure_encoder is not None


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_weights_that_are_not_finite_are_not_written(model, tmp_path, value):
    with torch.no_grad():
        model.head.regress.weight[0, 0] = value
    with pytest.raises(WeightsError, match='NaN or infinite numbers in head.regress.weight'):
        save_weights(model, tmp_path / 'net.safetensors')
    assert not (tmp_path / 'net.safetensors').exists()


def test_overflow_of_float16_is_refused(model, tmp_path):
    with torch.no_grad():
        model.head.regress.weight[0, 0] = 1e6
    with pytest.raises(WeightsError, match='NaN or infinite'):
        save_weights(model, tmp_path / 'net.safetensors', dtype=torch.float16)


def rewrite(path, change):
    """Change tensors of a file and keep its header."""
    metadata, tensors = read_weights(path).metadata, load_file(path)
    change(tensors)
    save_file(tensors, path, metadata)


def test_file_with_nan_is_refused(whole):
    def poison(tensors):
        tensors['head.classify.bias'][0] = float('nan')

    rewrite(whole, poison)
    with pytest.raises(WeightsError, match='NaN or infinite numbers in head.classify.bias'):
        load_weights(whole)


def test_changed_weights_do_not_match_their_fingerprint(whole):
    def change(tensors):
        tensors['head.classify.bias'][0] += 1

    rewrite(whole, change)
    with pytest.raises(WeightsError, match='does not match its contents'):
        load_weights(whole)


def test_changed_configuration_does_not_match_the_fingerprint(whole):
    config = whole.with_suffix('.yaml')
    config.write_text(config.read_text().replace('sampling: nearest', 'sampling: bilinear'))
    with pytest.raises(WeightsError, match='configuration beside them were changed'):
        load_weights(whole)


def test_threshold_may_be_changed_after_training(whole):
    config = whole.with_suffix('.yaml')
    config.write_text(config.read_text().replace('score_threshold: 0.0', 'score_threshold: 0.3'))
    assert load_weights(whole).config.detection.score_threshold == 0.3


def test_tensors_that_do_not_fit_are_named(whole, model):
    def damage(tensors):
        del tensors['head.classify.bias']
        tensors['extra'] = torch.zeros(1)
        tensors['head.regress.bias'] = torch.zeros(3)

    metadata, tensors = read_weights(whole).metadata, load_file(whole)
    damage(tensors)
    save_file(tensors, whole, metadata | {'part': 'vehicle'})
    with pytest.raises(WeightsError) as error:
        load_vehicle_model(whole)
    for part in (
        'missing key head.classify.bias',
        'head.regress.bias has shape [3]',
        'unknown key extra',
    ):
        assert part in str(error.value)


def test_files_that_are_no_weights(tmp_path, whole):
    with pytest.raises(WeightsError, match='absent.safetensors: no such weights file'):
        load_weights(tmp_path / 'absent.safetensors')
    broken = tmp_path / 'broken.safetensors'
    broken.write_bytes(b'no weights')
    with pytest.raises(WeightsError, match='not a readable safetensors file'):
        load_weights(broken)
    foreign = tmp_path / 'foreign.safetensors'
    save_file({'a': torch.zeros(1)}, foreign)
    with pytest.raises(WeightsError, match='format is None; expected .*import-checkpoint'):
        load_weights(foreign)
    save_file({'a': torch.zeros(1)}, foreign, {'format': 'emiff-weights-1', 'part': 'whole'})
    with pytest.raises(WeightsError, match='header lacks fingerprint'):
        load_weights(foreign)
    truncated = tmp_path / 'truncated.safetensors'
    truncated.write_bytes(whole.read_bytes()[:-10])
    with pytest.raises(WeightsError, match='not a readable safetensors file'):
        load_weights(truncated)


def test_saving_refusals(model, tmp_path):
    with pytest.raises(WeightsError, match='written as .safetensors'):
        save_weights(model, tmp_path / 'net.pth')
    with pytest.raises(WeightsError, match='storage dtype is torch.float64'):
        save_weights(model, tmp_path / 'net.safetensors', dtype=torch.float64)
    with pytest.raises(WeightsError, match=r"metadata keys \['part'\] are reserved"):
        save_weights(model, tmp_path / 'net.safetensors', {'part': 'x'})


def test_header_is_plain_json(whole):
    """What other tools read without this package."""
    content = whole.read_bytes()
    header = json.loads(content[8 : 8 + struct.unpack('<Q', content[:8])[0]])
    assert header['__metadata__']['part'] == 'whole'
    assert len(bytes.fromhex(header['__metadata__']['fingerprint'])) == 32


def test_metadata_is_read_without_the_tensors(model, tmp_path):
    path = tmp_path / 'net.safetensors'
    save_weights(model, path, {'trained_on': 'generated scenes'})
    assert read_metadata(path)['trained_on'] == 'generated scenes'
    with pytest.raises(WeightsError, match='not a readable safetensors file'):
        read_metadata(tmp_path / 'absent.safetensors')
