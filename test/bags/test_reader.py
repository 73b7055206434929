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

"""Opening bags: topics, missing topics and damage, all by name."""

from dair.dair_folder import truncate, write_dair_folder
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from emiff_ros.bags.errors import BagError, MissingBagError, MissingTopicsError
from emiff_ros.bags.message_types import make_typestore
from emiff_ros.bags.reader import bag_topics, open_bag, require_topics
from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.reader import DairFolder


@pytest.fixture(params=['mcap', 'sqlite3'])
def bag(request, tmp_path):
    target = tmp_path / 'bag'
    write_bag(DairFolder(write_dair_folder(tmp_path)), target, request.param)
    return target


def test_topics(bag):
    topics = bag_topics(bag)
    assert topics['/vehicle/odometry'].type_name == 'nav_msgs/msg/Odometry'
    assert topics['/vehicle/odometry'].messages == 4
    require_topics(bag, ['/vehicle/odometry', '/tf_static'])


def test_missing_topics_are_listed_with_those_that_exist(bag):
    with pytest.raises(MissingTopicsError) as caught:
        require_topics(bag, ['/vehicle/odometry', '/infrastructure/features', '/lidar'])
    message = str(caught.value)
    assert 'no messages on /infrastructure/features, /lidar;' in message
    assert '/vehicle/odometry (nav_msgs/msg/Odometry, 4 messages)' in message


def test_no_bag(tmp_path):
    with pytest.raises(MissingBagError, match='does not exist'):
        bag_topics(tmp_path / 'none')
    with pytest.raises(MissingBagError, match=r'no metadata\.yaml'):
        bag_topics(tmp_path)


@pytest.mark.parametrize('keep', [0.0, 0.4, 0.95])
def test_damaged_bags(bag, keep):
    truncate(next(path for path in bag.iterdir() if path.suffix in ('.mcap', '.db3')), keep)
    with pytest.raises(BagError, match='cannot be read'), open_bag(bag) as reader:
        list(reader.messages(reader.connections))


@pytest.mark.parametrize('mode', [CompressionMode.STORAGE, CompressionMode.MESSAGE])
def test_damaged_compressed_messages(tmp_path, mode):
    writer = Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        store, type_name = make_typestore(), 'std_msgs/msg/String'
        topic = writer.add_connection('/a', type_name, typestore=store)
        text = store.types[type_name](''.join(map(str, range(500))))
        writer.write(topic, 1, store.serialize_cdr(text, type_name))
    file = next((tmp_path / 'bag').glob('*.mcap'))
    data = bytearray(file.read_bytes())
    frame = data.rfind(b'\x28\xb5\x2f\xfd')  # how each frame of zstd begins
    data[frame + 8 : frame + 40] = bytes(32)
    file.write_bytes(data)
    with (
        pytest.raises(BagError, match='cannot be read.*Error.*record or convert'),
        open_bag(tmp_path / 'bag') as reader,
    ):
        list(reader.messages())


def test_errors_of_the_caller_stay_what_they_are(bag):
    with pytest.raises(KeyError), open_bag(bag):
        raise KeyError('mine')
    with pytest.raises(KeyError), open_bag(bag) as reader:
        for _ in reader.messages():
            raise KeyError('mine')
