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

"""Generated scenes: rendered drives through junctions in the folder format of DAIR-V2X-C."""

from emiff_ros.dair.scenes.dataset_plan import GENERATOR_VERSION, SPLITS, DatasetPlan
from emiff_ros.dair.scenes.generate import generate_dataset, read_summary

__all__ = [
    'GENERATOR_VERSION',
    'SPLITS',
    'DatasetPlan',
    'generate_dataset',
    'read_summary',
]
