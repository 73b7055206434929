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

from emiff_ros.dair.evaluation import HEADLINES, MEASURES, Measure


def test_names_in_files_and_tables():
    assert (Measure('bev', 0.5).key, Measure('bev', 0.5).title) == ('ap_bev_50', 'AP-BEV@0.5')
    assert (Measure('3d', 0.3).key, Measure('3d', 0.3).title) == ('ap_3d_30', 'AP-3D@0.3')


def test_every_view_and_threshold_has_a_name_of_its_own():
    assert len({measure.key for measure in MEASURES}) == 6
    assert set(HEADLINES) < set(MEASURES)
