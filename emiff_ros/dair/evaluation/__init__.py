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

"""Average precision on DAIR-V2X-C under the protocols that published numbers name."""

from emiff_ros.dair.evaluation.communication import (
    average_bytes,
    late_fusion_bytes,
    message_bytes,
)
from emiff_ros.dair.evaluation.evaluator import EvaluationResult, RangeResult, evaluate
from emiff_ros.dair.evaluation.frame_result import FrameResult
from emiff_ros.dair.evaluation.ground_truth import frame_results, ground_truth_corners
from emiff_ros.dair.evaluation.measures import HEADLINES, MEASURES, Measure
from emiff_ros.dair.evaluation.predictions import Prediction
from emiff_ros.dair.evaluation.protocols import PROTOCOLS, RANGES, Protocol
from emiff_ros.dair.evaluation.results_file import read_results, write_results

__all__ = [
    'EvaluationResult',
    'FrameResult',
    'HEADLINES',
    'MEASURES',
    'Measure',
    'PROTOCOLS',
    'Prediction',
    'Protocol',
    'RANGES',
    'RangeResult',
    'average_bytes',
    'evaluate',
    'frame_results',
    'ground_truth_corners',
    'late_fusion_bytes',
    'message_bytes',
    'read_results',
    'write_results',
]
