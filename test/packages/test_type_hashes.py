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

"""A changed definition is played from old bags but silently not delivered: hashes are locked."""

import json
from pathlib import Path
import sys

import pytest

HASHES = {
    'emiff_msgs/msg/CameraCalibration': (
        'a5af96fe8a5878a6bb247da59e37ae8f962c20212b9168846724a2ae195f23ef'
    ),
    'emiff_msgs/msg/FeatureChunk': (
        'a6f9128e181ab79b871af75b4841e8bc7af057b9538dc0c424e5a0bba438fef3'
    ),
    'emiff_msgs/msg/FeatureTensor': (
        '644d88148df68aee7e23cd32fe039973d8c3a528fb1cbc0d8451fb6e834482fa'
    ),
    'emiff_msgs/msg/FusionStatus': (
        '803473170771c98555434022b190397aca206b15df7ce835e1ff48eb795c3be7'
    ),
    'emiff_msgs/msg/StationStatus': (
        '0ccbbc5b2219b1721c7f185e853a79ce793d19c78981e4f7ee03ed9e767aa73c'
    ),
    # Those of the official vision_msgs 4.1.1 and tf2_msgs of Jazzy.
    'vision_msgs/msg/Detection3DArray': (
        '793f5eab9595ac1c0da07873cc859db42eae51f0ee76056db8562515d830e018'
    ),
    'vision_msgs/msg/Detection3D': (
        'ddd703be132ab0b69d33121f1bb034132bfbb3b0ac5f9fb1516005ba1c8a265b'
    ),
    'vision_msgs/msg/ObjectHypothesisWithPose': (
        '41c12344c0396c48b81df12467c192d99b2a0eb1463c5c37194e4223251c80bc'
    ),
    'vision_msgs/msg/ObjectHypothesis': (
        '51da43cec11c01957a64d1e05a24acd18aae7745ec30b74348ad5f6d634f7f90'
    ),
    'vision_msgs/msg/BoundingBox3D': (
        'bbb73a65c163d7f9bb29009c7bde9f7faa576bd2d23299c4511d19230dab4698'
    ),
    'tf2_msgs/msg/TFMessage': ('e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087'),
}


def share_folders():
    """Yield every share folder that messages may be installed in."""
    import os

    prefixes = [
        Path(sys.prefix),
        *map(Path, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)),
    ]
    return [prefix / 'share' for prefix in prefixes]


@pytest.mark.parametrize('name', HASHES)
def test_type_hash(name):
    package, folder, message = name.split('/')
    candidates = [share / package / folder / f'{message}.json' for share in share_folders()]
    path = next(path for path in candidates if path.exists())
    hashes = {
        entry['type_name']: entry['hash_string']
        for entry in json.loads(path.read_text())['type_hashes']
    }
    assert hashes[name] == f'RIHS01_{HASHES[name]}'
