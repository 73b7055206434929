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

"""The most memory that one candidate needs, in a process of its own."""

from collections.abc import Callable
import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
import re

import torch

_STATUS = Path('/proc/self/status')


def peak_in_own_process(work: Callable[..., object], *arguments: object) -> float:
    """Run ``work(*arguments)`` in a new process; return the most memory it held, in MB.

    Python, PyTorch and the network's weights are part of it.

    Args:
        work: a function of a module.
        arguments: that can be pickled.

    Raises:
        RuntimeError: if it failed.
    """
    context = multiprocessing.get_context('spawn')
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_measure, args=(sender, torch.get_num_threads(), work, arguments)
    )
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError as error:
        process.join()
        raise RuntimeError(f'measuring memory ended with {process.exitcode}') from error
    finally:
        process.join()


def _measure(
    sender: Connection, threads: int, work: Callable[..., object], arguments: tuple
) -> None:
    torch.set_num_threads(threads)
    work(*arguments)
    # Not getrusage: its peak begins with what the parent held when it started this process.
    kibibytes = re.search(r'^VmHWM:\s+(\d+) kB$', _STATUS.read_text(), re.MULTILINE)
    sender.send(round(int(kibibytes[1]) * 1024 / 1e6, 1))
