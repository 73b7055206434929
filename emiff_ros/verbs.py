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

"""The commands of emiff_ros: what each is called, where it lives and what it does.

Knows nothing but names, so that ``setup.py`` and the help text can read it without importing
anything.
"""

# verb: (module with ``add_arguments(parser)`` and ``run(arguments) -> int``, one line of help)
VERBS = {
    'demo': (
        'emiff_ros.commands.demo',
        'replay a drive through both nodes and report AP, bytes and latency',
    ),
    'generate': (
        'emiff_ros.commands.generate',
        'render drives through junctions in the DAIR-V2X-C format',
    ),
    'convert-bag': ('emiff_ros.commands.convert', 'write a DAIR-V2X-C folder as a rosbag2'),
    'play-bag': ('emiff_ros.commands.play', 'publish a rosbag2 at its recorded pace'),
    'record-bag': ('emiff_ros.commands.record', 'write topics to a rosbag2 as they arrive'),
    'evaluate': (
        'emiff_ros.commands.evaluate',
        'compute AP of detections against DAIR-V2X-C labels',
    ),
    'compare': (
        'emiff_ros.commands.compare',
        'write one table of AP, bytes and time of several trained networks',
    ),
    'train': ('emiff_ros.commands.train', 'train a network on DAIR-V2X-C folders'),
    'calibrate': (
        'emiff_ros.commands.calibrate',
        'find the scales of a network in 8 bits on some pairs',
    ),
    'split-weights': (
        'emiff_ros.commands.split_weights',
        "split weights into the roadside unit's half and the vehicle's",
    ),
    'benchmark': (
        'emiff_ros.commands.benchmark',
        'time a network and its speed-ups against the plain one',
    ),
    'parameters': ('emiff_ros.commands.parameters', 'write the parameter files and tables anew'),
    'import-checkpoint': (
        'emiff_ros.commands.import_checkpoint',
        'convert a checkpoint of the original release',
    ),
    'infrastructure_node': ('emiff_ros.nodes.infrastructure_node', 'the roadside node'),
    'vehicle_node': ('emiff_ros.nodes.vehicle_node', 'the vehicle node'),
    'lossy_link_node': (
        'emiff_ros.nodes.lossy_link_node',
        'passes features on as a bad radio link does',
    ),
}

NODES = ('infrastructure_node', 'vehicle_node', 'lossy_link_node')
