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

"""Somebody who runs the nodes: reads their diagnostics, sets parameters, changes their state."""

import threading
import time

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile

NAMES = {b'\x00': 'OK', b'\x01': 'WARN', b'\x02': 'ERROR', b'\x03': 'STALE'}


class Operator:
    """Works on one node through the graph alone."""

    def __init__(self, world, node_name):
        self._world = world
        self._name = node_name
        self._changed = threading.Condition()
        self._reports = {}
        world.node.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_report, QoSProfile(depth=100)
        )

    def _on_report(self, message):
        with self._changed:
            for entry in message.status:
                node, _, task = entry.name.partition(': ')
                if node == self._name:
                    values = {item.key: item.value for item in entry.values}
                    report = NAMES[bytes(entry.level)], entry.message, values
                    self._reports[task] = (time.monotonic(), report)
            self._changed.notify_all()

    def wait_for(self, task, level, text='', timeout=60.0, required=True):
        """Wait for a report that is made from now on; return its message and values."""
        begin = time.monotonic()

        def reported():
            moment, (now_level, message, _) = self._reports.get(task, (0.0, ('', '', {})))
            return moment > begin and now_level == level and text in message

        with self._changed:
            if not self._changed.wait_for(reported, timeout):
                if not required:
                    return None
                last = self._reports.get(task, (0, 'nothing'))[1]
                raise AssertionError(f'{task} is not {level} ({text!r}) but {last}')
            return self._reports[task][1][1:]

    def _call(self, kind, service, request):
        client = self._world.node.create_client(kind, f'{self._name}/{service}')
        try:
            assert client.wait_for_service(timeout_sec=30)
            answered = threading.Event()
            future = client.call_async(request)
            future.add_done_callback(lambda _: answered.set())
            assert answered.wait(30)
            return future.result()
        finally:
            self._world.node.destroy_client(client)

    def set(self, **parameters):
        """Set parameters of the node."""
        request = SetParameters.Request()
        request.parameters = [
            Parameter(name, value=value).to_parameter_msg() for name, value in parameters.items()
        ]
        results = self._call(SetParameters, 'set_parameters', request).results
        assert all(result.successful for result in results), results

    def change_state(self, transition):
        """Ask for a transition; tell whether it succeeded."""
        request = ChangeState.Request()
        request.transition.id = transition
        return self._call(ChangeState, 'change_state', request).success
