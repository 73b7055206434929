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

"""The SROS2 policies name every topic and service that the running nodes have, and no others."""

from fnmatch import fnmatchcase
from xml.etree import ElementTree

from nodes.world import open_world, save_tiny_model, wait_for
import pytest

from emiff_ros import bringup
from emiff_ros.demo.processes import NodeProcess
from emiff_ros.share import share_directory

POLICIES = share_directory() / 'config' / 'sros2'
SIDES = ('infrastructure', 'vehicle')
CHUNKS = '/infrastructure/infrastructure_node/output/feature_chunks'

ON_REQUEST = {'/tf', '/tf_static', '/clock', *(f'/{side}/{side}_node/debug/*' for side in SIDES)}
"""Names that a node has only with some parameters."""


def allowed(side, kind, rule):
    """Return the absolute names that a policy allows: kind topics or services."""
    root = ElementTree.parse(POLICIES / f'{side}.policy.xml').getroot()
    (profile,) = root.iterfind(f"enclaves/enclave[@path='/{side}']/profiles/profile")
    namespace, node = profile.get('ns'), profile.get('node')
    names = set()
    for group in profile.iterfind(f"{kind}[@{rule}='ALLOW']"):
        for item in group:
            text = item.text.replace('~', node) if item.text[0] == '~' else item.text
            names.add(text if text[0] == '/' else f'{namespace}/{text}')
    return names


@pytest.fixture(scope='module')
def graph(tmp_path_factory):
    """Return what each running node publishes, subscribes to and serves."""
    folder = tmp_path_factory.mktemp('nodes')
    model = save_tiny_model(folder / 'tiny.safetensors')
    common = {'model': str(model), 'device': 'cpu', 'threads': 1, 'use_sim_time': True}
    described = {
        'infrastructure': bringup.infrastructure(**common, chunked=True),
        'vehicle': bringup.vehicle(**common, feature_chunk_topics=[CHUNKS]),
    }
    with open_world() as world:
        found = {}
        for side, description in described.items():
            with NodeProcess(description, folder / f'{side}.log') as process:
                process.wait_until_active(world.listener)
                found[side] = read_graph(world.node, side)
        yield found


def read_graph(observer, side):
    node, namespace = f'{side}_node', f'/{side}'

    def names(query):
        return {name for name, _ in query(node, namespace)}

    known = observer.get_node_names_and_namespaces
    wait_for(lambda: (node, namespace) in known(), 60.0)
    last_input = '/vehicle/odometry' if side == 'vehicle' else '/infrastructure/calibration'
    subscriptions = observer.get_subscriber_names_and_types_by_node
    services = observer.get_service_names_and_types_by_node
    wait_for(lambda: last_input in names(subscriptions), 60.0)
    wait_for(lambda: f'{namespace}/{node}/get_state' in names(services), 60.0)
    return {
        ('topics', 'subscribe'): names(subscriptions),
        ('topics', 'publish'): names(observer.get_publisher_names_and_types_by_node),
        ('services', 'reply'): names(services),
    }


@pytest.mark.parametrize('side', SIDES)
@pytest.mark.parametrize(
    ('kind', 'rule'), [('topics', 'subscribe'), ('topics', 'publish'), ('services', 'reply')]
)
def test_a_policy_names_what_the_node_has_and_nothing_else(graph, side, kind, rule):
    real, policy = graph[side][kind, rule], allowed(side, kind, rule)
    assert real
    refused = {name for name in real if not any(fnmatchcase(name, item) for item in policy)}
    assert not refused
    needless = {item for item in policy if not any(fnmatchcase(name, item) for name in real)}
    assert needless <= ON_REQUEST


@pytest.mark.parametrize('side', SIDES)
def test_only_the_station_may_publish_features(side):
    topics = allowed(side, 'topics', 'publish')
    writes = any(fnmatchcase('/infrastructure/features', item) for item in topics)
    assert writes == (side == 'infrastructure')
