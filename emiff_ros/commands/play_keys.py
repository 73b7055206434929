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

"""Keys of a replay in a terminal: space pauses and goes on, the arrows jump."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os
import select
import sys
import termios
import threading
import tty
from typing import TextIO

from emiff_ros.bags.player import BagPlayer

JUMP = 5.0
"""Seconds of the bag that an arrow key jumps."""

_SPACE, _LEFT, _RIGHT = b' ', b'\x1b[D', b'\x1b[C'
_POLL_SECONDS = 0.2


@contextmanager
def keys_control(player: BagPlayer, terminal: TextIO | None = None) -> Iterator[None]:
    """Let keys control a player inside the block, if there is a terminal and it is this process's.

    A shell gives its terminal to its foreground job only, and stops others that read from it or
    change its mode: a job that was sent to the background meanwhile leaves it alone.

    Args:
        player: what they control.
        terminal: where they are read; by default standard input.
    """
    terminal = sys.stdin if terminal is None else terminal
    if terminal.closed or not terminal.isatty() or not _in_foreground(terminal.fileno()):
        yield
        return
    descriptor = terminal.fileno()
    before = termios.tcgetattr(descriptor)
    ended = threading.Event()
    reader = threading.Thread(target=_read, args=(player, descriptor, ended), daemon=True)
    tty.setcbreak(descriptor)
    reader.start()
    try:
        yield
    finally:
        ended.set()
        reader.join()
        if _in_foreground(descriptor):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _in_foreground(descriptor: int) -> bool:
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:  # the terminal of another session
        return False


def _read(player: BagPlayer, descriptor: int, ended: threading.Event) -> None:
    while not ended.is_set():
        if not select.select([descriptor], [], [], _POLL_SECONDS)[0]:
            continue
        if not _in_foreground(descriptor):
            ended.wait(_POLL_SECONDS)
            continue
        keys = os.read(descriptor, 64)
        if not keys:
            return
        press(player, keys)


def press(player: BagPlayer, keys: bytes) -> None:
    """Do what keys say; others are ignored."""
    if keys == _SPACE and player.paused:
        player.resume()
    elif keys == _SPACE:
        player.pause()
    elif keys in (_LEFT, _RIGHT):
        wanted = player.position + (JUMP if keys == _RIGHT else -JUMP)
        player.seek(min(max(wanted, 0.0), player.duration))
