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

"""Bytes on a recorded topic, serialised and as published figures count them."""

from contextlib import closing
import sqlite3

from dair.dair_folder import OBJECTS, write_dair_folder
from dair.detections_folder import VISION_TYPES, detection, header, write_detections
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from emiff_ros.bags.errors import BagError
from emiff_ros.bags.message_types import make_typestore
from emiff_ros.dair.bag_topics import DETECTIONS
from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.detections_bag import read_detections
from emiff_ros.dair.reader import DairFolder
from emiff_ros.dair.sent_messages import FEATURE_TENSOR, message_sizes


def test_messages_that_no_published_figure_counts(tmp_path):
    write_bag(DairFolder(write_dair_folder(tmp_path)), tmp_path / 'bag')
    sizes = message_sizes(tmp_path / 'bag', '/vehicle/odometry')
    assert sizes.messages == 4 and sizes.mean == sizes.largest > 700
    assert sizes.average_bytes is None
    assert message_sizes(tmp_path / 'bag', '/infrastructure/features') is None


def test_images_count_their_jpeg(tmp_path):
    folder = DairFolder(write_dair_folder(tmp_path))
    write_bag(folder, tmp_path / 'bag')
    files = [len(frame.image_bytes()) for frame in folder.infrastructure_frames.values()]
    sizes = message_sizes(tmp_path / 'bag', '/infrastructure/camera/image/compressed')
    assert sizes.average_bytes == pytest.approx(np.mean(files))
    assert sizes.average_bytes < sizes.mean < sizes.average_bytes + 100


def test_boxes_count_72_bytes_and_an_empty_message_one_box(tmp_path):
    box = (np.array(OBJECTS[0][1]), [('car', 0.5)])
    bag = write_detections(tmp_path / 'bag', [(1, [box] * 3), (2, [])])
    assert message_sizes(bag, '/vehicle/detections').average_bytes == 72 * (3 + 1) / 2


def test_a_bag_without_definitions_is_read_by_those_of_this_machine(tmp_path):
    stored = make_typestore(VISION_TYPES)
    with Writer(tmp_path / 'bag', version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection('/found', DETECTIONS, typestore=stored)
        message = stored.types[DETECTIONS](
            header=header(stored.types, 1),
            detections=[detection(stored.types, OBJECTS[0][1], [('car', 0.5)])] * 2,
        )
        writer.write(connection, 1, stored.serialize_cdr(message, DETECTIONS))
    (storage,) = (tmp_path / 'bag').glob('*.db3')
    with closing(sqlite3.connect(storage)) as database, database:
        database.execute('DELETE FROM message_definitions')
    assert message_sizes(tmp_path / 'bag', '/found').average_bytes == 72 * 2
    assert len(read_detections(tmp_path / 'bag', '/found').by_stamp[1].scores) == 2


def test_features_count_four_bytes_a_value(tmp_path):
    typestore = make_typestore([FEATURE_TENSOR])
    with Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection('/f', FEATURE_TENSOR, typestore=typestore)
        message = typestore.types[FEATURE_TENSOR](
            header=header(typestore.types, 0), format_version=1, station_id='pole', session_id=1,
            sequence=1, model_fingerprint=np.zeros(32, np.uint8), image_width=960,
            image_height=540, padded_width=960, padded_height=544, k=np.zeros(9), map_frame='map',
            camera_from_map=np.zeros(12), shape=np.array([1, 68, 120], np.uint32), quantization=2,
            scale=np.ones(1, np.float32), zero_point=np.ones(1, np.float32), coder=1,
            decoded_size=8160, crc32=0, payload=np.zeros(3000, np.uint8),
        )  # fmt: skip
        writer.write(connection, 1, typestore.serialize_cdr(message, FEATURE_TENSOR))
    sizes = message_sizes(tmp_path / 'bag', '/f')
    assert sizes.average_bytes == 32_640
    assert 3000 < sizes.largest < 3500


def test_damaged_messages_are_a_named_error(tmp_path):
    box = (np.array(OBJECTS[0][1]), [('car', 0.5)])
    bag = write_detections(tmp_path / 'bag', [(1, [box])], damage=lambda data: data[:60])
    with pytest.raises(BagError, match='/vehicle/detections: '):
        message_sizes(bag, '/vehicle/detections')
