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

"""What can be set on each node."""

from __future__ import annotations

from emiff_ros.nodes.parameters import Parameter
from emiff_ros.nodes.speed import CHOICES, ENGINES

UNSET_POSE = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]
"""Default of ``camera_from_map``: the identity, where no camera is."""

COMMON = (
    Parameter('model', 'emiff_small', 'Name of shipped weights, or path of a .safetensors file.'),
    Parameter('device', 'auto', 'Where the network runs: auto, cpu or cuda:N.'),
    Parameter(
        'acceleration',
        'auto',
        'Speed-ups of the network and the precision that they compute in; off is the plain '
        'network, auto is float32 on a CPU and float16 on a GPU.',
        choices=CHOICES,
    ),
    Parameter(
        'engine',
        'auto',
        'What computes the network on a CPU: torch or openvino; auto is openvino for int8 and, '
        'where it is installed and the neck is folded, for float32.',
        choices=ENGINES,
    ),
    Parameter(
        'threads',
        0,
        'Threads of the network on the CPU, in each part of it that runs beside others; 0 leaves '
        'the choice to torch.',
        minimum=0,
        maximum=256,
    ),
    Parameter(
        'overlap',
        True,
        'Begin an image while the one before it is finished, and roadside features while the '
        'image is encoded. Switch it off where images come much faster than the processors can '
        'answer: results are younger then, and about as many.',
    ),
    Parameter(
        'image_transport',
        'compressed',
        'Type of ~/input/image: sensor_msgs/CompressedImage or sensor_msgs/Image.',
        choices=('compressed', 'raw'),
    ),
    Parameter(
        'rectify',
        False,
        'Remove the lens distortion that ~/input/camera_info describes; for images that are not '
        'rectified yet.',
        run_time=True,
    ),
    Parameter(
        'reduced_decoding',
        True,
        'Decode a JPEG at a half, a quarter or an eighth of its size where the network needs no '
        'more; off decodes it in full and averages its pixels afterwards.',
        run_time=True,
    ),
    Parameter(
        'calibration_timeout',
        0.2,
        'How long the first image waits for its CameraInfo and calibration.',
        unit='s',
        minimum=0.0,
        maximum=10.0,
    ),
    Parameter(
        'camera_frame',
        '',
        'Optical frame of the camera, in TF and in what is published; empty takes the frame_id of '
        'the image.',
    ),
    Parameter('autostart', True, 'Configure and activate without a lifecycle manager.'),
    Parameter(
        'input_timeout',
        1.0,
        'Silence of an input at which diagnostics warn; five times as long is an error.',
        unit='s',
        minimum=0.05,
        maximum=3600.0,
        run_time=True,
    ),
    Parameter(
        'processing_budget',
        0.2,
        'Time from the arrival of an image to its result at which diagnostics warn.',
        unit='s',
        minimum=0.001,
        maximum=60.0,
        run_time=True,
    ),
    Parameter(
        'budget_persistence',
        2.0,
        'How long every result may exceed processing_budget before that is an error.',
        unit='s',
        minimum=0.0,
        maximum=3600.0,
        run_time=True,
    ),
    Parameter(
        'memory_limit',
        4096,
        'Physical memory of the process at which diagnostics warn; 0 is no limit.',
        unit='MiB',
        minimum=0,
        maximum=1_048_576,
        run_time=True,
    ),
)

INFRASTRUCTURE = (
    *COMMON,
    Parameter(
        'station_id', 'station', 'Name of this station, unique within reach, 1 to 64 characters.'
    ),
    Parameter(
        'pose_source',
        'auto',
        'Where the pose of the camera comes from: the topic ~/input/calibration, the parameter '
        'camera_from_map, or TF; auto is the topic as soon as somebody publishes it, else TF.',
        choices=('auto', 'calibration', 'parameter', 'tf'),
    ),
    Parameter(
        'map_frame', 'map', 'Frame of the map where the pose comes from the parameter or TF.'
    ),
    Parameter(
        'camera_from_map',
        UNSET_POSE,
        '3x4 affine transform from the map (metres) to the optical frame, row-major.',
    ),
    Parameter(
        'quantization',
        'int8',
        'Finest number format in the payload; the byte budget may need a coarser one.',
        choices=('float32', 'float16', 'int8', 'int4'),
        run_time=True,
    ),
    Parameter(
        'coder',
        'rans',
        'Entropy coder of the payload: rans is small and codes no floats, zstd is fast.',
        choices=('raw', 'zstd', 'rans'),
        run_time=True,
    ),
    Parameter(
        'zstd_level',
        3,
        'Compression level of the coder zstd, from fast to small.',
        minimum=1,
        maximum=22,
        run_time=True,
    ),
    Parameter(
        'profile',
        'lan',
        'Byte budget of a message by kind of link: lan 60000, wifi 5600, radio 1200.',
        choices=('lan', 'wifi', 'radio'),
        run_time=True,
    ),
    Parameter(
        'byte_budget',
        0,
        'Largest serialised message; 0 leaves it to the profile.',
        unit='B',
        minimum=0,
        maximum=4_194_304,
        run_time=True,
    ),
    Parameter(
        'chunked',
        False,
        'Publish features in pieces of one packet on ~/output/feature_chunks, too.',
    ),
    Parameter(
        'chunk_redundancy',
        0.5,
        'Repair pieces for each piece of a message, rounded up.',
        minimum=0.0,
        maximum=4.0,
        run_time=True,
    ),
    Parameter(
        'lifespan',
        0.5,
        'Age at which an unsent feature is dropped.',
        unit='s',
        minimum=0.01,
        maximum=60.0,
    ),
)

VEHICLE = (
    *COMMON,
    Parameter(
        'feature_topics',
        ['~/input/features'],
        'Feature topics, one per station or shared; an empty name is none.',
    ),
    Parameter(
        'feature_chunk_topics',
        [''],
        'Topics with features in pieces (emiff_msgs/FeatureChunk); an empty name is none.',
    ),
    Parameter(
        'max_feature_age',
        0.3,
        'Oldest roadside feature that is fused, relative to the image.',
        unit='s',
        minimum=0.0,
        maximum=10.0,
        run_time=True,
    ),
    Parameter(
        'max_feature_lead',
        0.05,
        'How far a roadside feature may lie ahead of the image.',
        unit='s',
        minimum=0.0,
        maximum=1.0,
        run_time=True,
    ),
    Parameter(
        'pairs_file',
        '',
        'CSV file of vehicle_stamp,station_stamp in nanoseconds, for replays of a data set: an '
        'image is fused with the feature of its pair only; empty fuses the newest that fits.',
    ),
    Parameter(
        'max_station_jump',
        3.0,
        "Largest change of a station's position between two messages.",
        unit='m',
        minimum=0.01,
        maximum=1000.0,
    ),
    Parameter(
        'pose_source',
        'auto',
        'Where the pose of the vehicle comes from: ~/input/odometry or TF; auto is the topic as '
        'soon as somebody publishes it, else TF.',
        choices=('auto', 'odometry', 'tf'),
    ),
    Parameter(
        'calibration_source',
        'auto',
        'Where the pose of the camera in the vehicle comes from: ~/input/calibration or TF; '
        'auto as with pose_source.',
        choices=('auto', 'calibration', 'tf'),
    ),
    Parameter('map_frame', 'map', 'Frame of the map in TF.'),
    Parameter('vehicle_frame', 'vehicle', 'Frame of the vehicle and its detections in TF.'),
    Parameter(
        'max_loss',
        0.2,
        'Share of lost features of a station above which diagnostics warn.',
        minimum=0.0,
        maximum=1.0,
        run_time=True,
    ),
    Parameter(
        'pose_timeout',
        0.05,
        'How long a result waits for the pose of its image before it stays vehicle-only.',
        unit='s',
        minimum=0.0,
        maximum=1.0,
        run_time=True,
    ),
    Parameter(
        'max_pose_gap',
        0.25,
        'Largest distance in time between two poses that are interpolated.',
        unit='s',
        minimum=0.0,
        maximum=5.0,
    ),
    Parameter(
        'score_threshold',
        0.1,
        'Detections must score more than this.',
        minimum=0.0,
        maximum=1.0,
        run_time=True,
    ),
    Parameter(
        'filter_ego',
        True,
        'Drop detections whose centre lies in ego_footprint: the roadside camera sees the '
        'vehicle too.',
        run_time=True,
    ),
    Parameter(
        'ego_footprint',
        [-2.5, 2.5, -1.1, 1.1],
        'Extent of the own vehicle in its frame: x from, x to, y from, y to.',
        unit='m',
    ),
)

LOSSY_LINK = (
    Parameter(
        'message_type',
        'FeatureTensor',
        'Type of ~/input and ~/output, of emiff_msgs.',
        choices=('FeatureTensor', 'FeatureChunk'),
    ),
    Parameter(
        'mtu', 1400, 'Bytes of a message in one packet.', unit='B', minimum=1, maximum=65507
    ),
    Parameter(
        'loss',
        0.0,
        'Share of packets lost; a message is lost with any of its packets.',
        minimum=0.0,
        maximum=1.0,
    ),
    Parameter(
        'burst',
        1.0,
        'Mean packets lost in a row: 1 is independent loss, more a Gilbert-Elliott channel.',
        minimum=1.0,
        maximum=1e6,
    ),
    Parameter('delay', 0.0, 'Delay of every message.', unit='s', minimum=0.0, maximum=60.0),
    Parameter(
        'jitter',
        0.0,
        'Largest extra delay, uniformly distributed; messages may overtake.',
        unit='s',
        minimum=0.0,
        maximum=60.0,
    ),
    Parameter(
        'reordering',
        0.0,
        'Share of messages that are held back for once more the delay and the jitter.',
        minimum=0.0,
        maximum=1.0,
    ),
    Parameter(
        'duplication', 0.0, 'Share of messages that arrive twice.', minimum=0.0, maximum=1.0
    ),
    Parameter(
        'corruption',
        0.0,
        'Share of deliveries with one flipped bit in the payload.',
        minimum=0.0,
        maximum=1.0,
    ),
    Parameter(
        'bandwidth',
        0.0,
        'Rate of the link; 0 is no limit.',
        unit='bit/s',
        minimum=0.0,
        maximum=1e12,
    ),
    Parameter(
        'max_queue',
        0.5,
        'How long a message may wait for the link before it is dropped.',
        unit='s',
        minimum=0.0,
        maximum=60.0,
    ),
    Parameter(
        'input_timeout',
        1.0,
        'Silence of ~/input at which diagnostics warn; five times as long is an error.',
        unit='s',
        minimum=0.05,
        maximum=3600.0,
        run_time=True,
    ),
    Parameter('seed', 0, 'Seed of all chance: the same seed repeats a run.', minimum=0),
    Parameter('autostart', True, 'Configure and activate without a lifecycle manager.'),
)
