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

"""From the name of a source to a bag."""

import os
import shutil

from dair.dair_folder import write_dair_folder
import pytest

from emiff_ros.bags.errors import BagError
from emiff_ros.bags.reader import bag_topics
from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.demo import sources
from emiff_ros.demo.sources import default_cache, find_bag


def test_a_bag_is_taken_as_it_is(tmp_path):
    assert find_bag('some.mcap', tmp_path) == sources.Path('some.mcap')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('side', ['cooperative', 'vehicle-side', 'infrastructure-side'])
def test_a_folder_is_converted_once_and_again_when_its_index_changes(tmp_path, side):
    folder = write_dair_folder(tmp_path)
    cache = tmp_path / 'cache'
    bag = find_bag(str(folder), cache)
    assert bag_topics(bag)['/vehicle/odometry'].messages == 4
    written = (bag / 'metadata.yaml').stat().st_mtime_ns
    assert find_bag(str(folder), cache) == bag
    assert (bag / 'metadata.yaml').stat().st_mtime_ns == written
    index = folder / side / 'data_info.json'
    index.write_text(index.read_text())
    assert find_bag(str(folder), cache) != bag


def test_a_conversion_that_left_frames_out_says_how_to_do_it_again(tmp_path, caplog):
    folder = write_dair_folder(tmp_path)
    (folder / 'vehicle-side' / 'image' / '001001.jpg').unlink()
    bag = find_bag(str(folder), tmp_path / 'cache')
    assert '1 frames left out, the first one because: ' in caplog.text
    assert '001001.jpg: cannot be opened' in caplog.text
    assert f'delete {bag} once that is mended' in caplog.text


def test_an_interrupted_conversion_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(folder, target):
        write_bag(folder, target)
        raise KeyboardInterrupt

    folder, cache = write_dair_folder(tmp_path), tmp_path / 'cache'
    monkeypatch.setattr(sources, 'write_bag', interrupted)
    with pytest.raises(KeyboardInterrupt):
        find_bag(str(folder), cache)
    assert not list(cache.iterdir())


def test_what_a_killed_process_left_does_not_hinder(tmp_path):
    folder, cache = write_dair_folder(tmp_path), tmp_path / 'cache'
    bag = find_bag(str(folder), cache)
    bag.rename(f'{bag}.{os.getpid()}')
    assert find_bag(str(folder), cache) == bag
    assert list(cache.iterdir()) == [bag]


def test_a_bag_that_another_process_finished_first_is_taken(tmp_path, monkeypatch):
    def overtaken(folder, target):
        report = write_bag(folder, target)
        shutil.copytree(target, target.with_suffix(''))
        return report

    folder, cache = write_dair_folder(tmp_path), tmp_path / 'cache'
    monkeypatch.setattr(sources, 'write_bag', overtaken)
    bag = find_bag(str(folder), cache)
    assert list(cache.iterdir()) == [bag]
    assert bag_topics(bag)['/vehicle/odometry'].messages == 4


def test_a_folder_without_a_usable_frame_cannot_be_converted(tmp_path):
    folder = write_dair_folder(tmp_path)
    for image in folder.glob('*/image/*.jpg'):
        image.unlink()
    with pytest.raises(BagError, match='no frame could be converted'):
        find_bag(str(folder), tmp_path / 'cache')


def test_the_demo_scene_is_one_drive(tmp_path, monkeypatch):
    asked = {}

    def render(root, seed, frames, split, **options):
        asked.update(options, frames=frames)
        root.mkdir(parents=True)
        write_dair_folder(root)

    monkeypatch.setattr(sources, 'generate_dataset', render)
    bag = find_bag('demo', tmp_path)
    assert asked['frames'] == asked['frames_per_drive']
    assert bag_topics(bag)['/vehicle/camera/image/compressed'].messages == 4


def test_the_cache_is_below_ros_home(monkeypatch, tmp_path):
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    assert default_cache() == tmp_path / 'emiff_ros'
