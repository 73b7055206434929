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

"""Starts the nodes as processes of their own and stops them again."""

from __future__ import annotations

from collections.abc import Mapping
import os
from pathlib import Path
import signal
import subprocess
import threading
import time
from types import TracebackType

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.client import Client
from rclpy.node import Node

from emiff_ros.bringup import ProcessDescription

ANSWER_TIMEOUT = 1.0
"""Seconds to wait for a node's answer before it is asked again."""


class ProcessFailedError(ChildProcessError):
    """A node that ended or did not come up in time; the message holds the end of its log."""


class NodeProcess:
    """One node as a child process, as a context manager.

    Args:
        description: what to start.
        log_path: where its output goes.
        environment: variables that differ from this process's.
    """

    def __init__(
        self,
        description: ProcessDescription,
        log_path: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Remember what to start."""
        self.description = description
        self.log_path = log_path
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Number of the process, once it was started."""
        return self._process.pid

    def start(self) -> None:
        """Start the process; its output is appended to the log."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open('ab') as log:
            self._process = subprocess.Popen(
                self.description.command(),
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )

    def wait_until_active(self, observer: Node, timeout: float = 120.0) -> None:
        """Wait until the node's lifecycle state is active.

        Args:
            observer: a node that somebody spins.
            timeout: seconds.

        Raises:
            ProcessFailedError: if the process ends first or the time is up.
        """
        name = self.description.fully_qualified_name
        client = observer.create_client(GetState, f'{name}/get_state')
        deadline = time.monotonic() + timeout
        try:
            while time.monotonic() < deadline:
                if not self.is_running:
                    raise ProcessFailedError(f'{name} ended while starting:\n{self.log_tail()}')
                if client.wait_for_service(timeout_sec=0.5) and self._is_active(client):
                    return
        finally:
            observer.destroy_client(client)
        raise ProcessFailedError(f'{name} is not active after {timeout:.0f} s:\n{self.log_tail()}')

    def _is_active(self, client: Client) -> bool:
        """Ask for the state; an answer may never come if a killed predecessor is still listed."""
        answered = threading.Event()
        future = client.call_async(GetState.Request())
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(ANSWER_TIMEOUT):
            client.remove_pending_request(future)
            return False
        return future.result().current_state.id == State.PRIMARY_STATE_ACTIVE

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        self._signal(signal.SIGKILL)

    def stop(self, timeout: float = 20.0) -> None:
        """Ask the process to end and wait for it; kill it when ``timeout`` seconds are over."""
        self._signal(signal.SIGINT)
        if self._process is not None:
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            os.killpg(self._process.pid, number)
            if number == signal.SIGKILL:
                self._process.wait()

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the process's output."""
        if not self.log_path.exists():
            return '(no output)'
        return '\n'.join(self.log_path.read_text(errors='replace').splitlines()[-lines:])

    def __enter__(self) -> NodeProcess:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()
