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

import subprocess
import sys

import pytest

from emiff_ros import cli
from emiff_ros.verbs import NODES, VERBS


def test_without_a_verb_it_lists_them(capsys):
    assert cli.main([]) == 2
    printed = capsys.readouterr().out
    assert all(verb in printed for verb in VERBS)


def test_an_unknown_verb_is_refused(capsys):
    assert cli.main(['fly']) == 2
    assert "no verb 'fly'" in capsys.readouterr().err


@pytest.mark.parametrize('verb', sorted(set(VERBS) - set(NODES)))
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([verb, '--help'])
    assert ended.value.code == 0
    assert f'python -m emiff_ros {verb}' in capsys.readouterr().out


def test_a_bad_value_is_one_sentence(capsys, tmp_path):
    assert cli.main(['generate', str(tmp_path / 'set'), '--frames', '0']) == 1
    assert capsys.readouterr().err.startswith('emiff_ros generate: ')


@pytest.mark.parametrize(('verb', 'code'), [('vehicle_node', 0), ('play-bag', 130)])
def test_an_interruption_while_modules_are_imported_is_no_traceback(
    verb, code, capsys, monkeypatch
):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, 'import_module', interrupted)
    assert cli.main([verb]) == code
    assert capsys.readouterr() == ('', '')


def test_a_missing_package_names_the_remedy(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'emiff_ros.nodes.vehicle_node', None)
    monkeypatch.setitem(VERBS, 'vehicle_node', ('no_such_ros_msgs', ''))
    assert cli.main(['vehicle_node']) == 1
    assert 'no_such_ros_msgs is missing: build or install it' in capsys.readouterr().err


def test_a_package_missing_later_names_the_remedy_too(capsys, monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, 'emiff_ros.demo.listener', raising=False)
    monkeypatch.delitem(sys.modules, 'emiff_ros.demo.replay', raising=False)
    monkeypatch.setitem(sys.modules, 'vision_msgs.msg', None)
    assert cli.main(['demo', '--output', str(tmp_path), '--dair-root', str(tmp_path)]) == 1
    assert 'vision_msgs is missing: build or install it' in capsys.readouterr().err


def test_it_runs_as_a_module():
    answer = subprocess.run(
        [sys.executable, '-m', 'emiff_ros', '--help'], check=True, capture_output=True, text=True
    )
    assert answer.stdout.startswith('usage: python -m emiff_ros VERB')
