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

"""How the pairs are shared by the processes of a run."""

from types import SimpleNamespace

import pytest
from training.tiny import tiny_model, tiny_set, tiny_training

from emiff_ros.training.data_module import CooperativeDataModule


def _module(data, pairs, rank, processes):
    training = tiny_training(validation={'pairs': pairs})
    module = CooperativeDataModule(data, data, tiny_model(), training)
    module.trainer = SimpleNamespace(global_rank=rank, world_size=processes)
    return module


def test_validation_pairs_are_shared_without_a_rest(tmp_path):
    data = tiny_set(tmp_path)
    names = [
        [name for batch in _module(data, 3, rank, 2).val_dataloader() for name in batch.names]
        for rank in (0, 1)
    ]
    assert sorted(map(len, names)) == [1, 2] and len({*names[0], *names[1]}) == 3


def test_a_process_without_a_validation_pair_is_refused(tmp_path):
    """It would never come to where the others wait for its results."""
    data = tiny_set(tmp_path)
    for rank in (0, 1):
        with pytest.raises(ValueError, match='1 validation pairs cannot be shared by 2 devices'):
            _module(data, 1, rank, 2).val_dataloader()
