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

"""What both nodes share: parameters, lifecycle, work on images, counters and diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
import torch

from emiff_ros.acceleration import AccelerationConfig
from emiff_ros.acceleration.heap import return_freed_memory
from emiff_ros.model.weights import read_metadata
from emiff_ros.nodes.counters import ImageCounters
from emiff_ros.nodes.debug_topics import DebugTopics
from emiff_ros.nodes.diagnostics import OK, status
from emiff_ros.nodes.health import NodeHealth
from emiff_ros.nodes.images import NetworkImage, check_camera_info, prepare_image
from emiff_ros.nodes.inputs import NodeInputs
from emiff_ros.nodes.outputs import NodeOutputs
from emiff_ros.nodes.parameters import NodeParameters, Parameter
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.nodes.transitions import failure_of
from emiff_ros.nodes.two_stages import TwoStageWorker
from emiff_ros.share import find_weights
from emiff_ros.stamps import MILLISECOND, nanoseconds_of
from emiff_ros.transport.warm_up import compile_coding

LOG_INTERVAL = 5.0
"""Seconds between two log lines about the same kind of refusal."""

WARM_UP_RUNS = 3

SHUTDOWN_PATIENCE = 0.5
"""Seconds that a shutdown waits for the images in hand."""

COMMON_MEASUREMENTS = ('processing_time_ms', 'latency_ms')
"""Debug topics of every node: since the image's arrival, and since its stamp."""


@dataclass(frozen=True)
class ReceivedImage:
    """An image message and when it arrived (steady clock, seconds)."""

    message: Image | CompressedImage
    arrived: float

    @property
    def stamp(self) -> int:
        """Capture time, nanoseconds."""
        return nanoseconds_of(self.message.header.stamp)


@dataclass(frozen=True)
class Result:
    """What a published result leaves.

    Attributes:
        measured: those of the node's ``measurements`` that it has.
        draw: publishes pictures of it, which are no part of it; None without any.
    """

    measured: Mapping[str, float]
    draw: Callable[[], None] | None = None


class ManagedNode(LifecycleNode):
    """A lifecycle node that runs a network on the newest image of one camera.

    configure loads the weights and creates the publishers, activate the subscriptions, deactivate
    removes the subscriptions, cleanup frees the network. Subclasses fill in the hooks below.

    An image passes two stages on one of two threads: :meth:`begin` needs the image and its
    calibration alone, :meth:`finish` publishes. Each stage has one image at a time.

    Attributes:
        measurements: what the stages measure, each published as ``~/debug/NAME``.
    """

    measurements: tuple[str, ...] = ()

    def __init__(self, name: str, specification: Iterable[Parameter]) -> None:
        """Declare parameters and start diagnostics.

        Raises:
            ParameterError: for an unknown parameter or a bad value.
        """
        super().__init__(name)
        self.parameters = NodeParameters(self, specification)
        self.images = ImageCounters()
        self.warm_up_seconds = float('nan')
        self._worker: TwoStageWorker[ReceivedImage, Any] | None = None
        self._image_frame = ''
        self._warned: dict[tuple[str, str], float] = {}
        self._debug_topics: DebugTopics | None = None
        self._camera_info: CameraInfo | None = None
        self._camera_info_arrived = threading.Event()
        self.health = NodeHealth(self, self.parameters.values, self.images)
        self.inputs = NodeInputs(self, self.health, self.warn)
        self.outputs = NodeOutputs(self, self.health.qos)
        self.health.reporter.add('peers', self._peer_status)

    # Hooks of the subclasses.

    def load_network(self, path: Path) -> tuple[torch.device, AccelerationConfig]:
        """Load the weights in ``path``; return where and how they are computed with."""
        raise NotImplementedError

    def run_once(self) -> None:
        """Run the network on an empty input."""
        raise NotImplementedError

    def free_network(self) -> None:
        """Drop the weights, if there are any."""
        raise NotImplementedError

    def create_outputs(self) -> None:
        """Create the publishers, through ``self.outputs``."""
        raise NotImplementedError

    def create_inputs(self) -> None:
        """Create the subscriptions beside image and camera_info, through ``self.inputs``."""
        raise NotImplementedError

    def begin(self, received: ReceivedImage) -> Any:
        """Decode and encode one image.

        Returns:
            What :meth:`finish` needs of it.

        Raises:
            Refusal: if the image or its calibration cannot be used.
        """
        raise NotImplementedError

    def finish(self, received: ReceivedImage, begun: Any) -> Result:
        """Publish the result of an image.

        Raises:
            Refusal: if there is no result.
        """
        raise NotImplementedError

    # Lifecycle.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the network; fails with the reason in the log, and leaves nothing behind."""
        if reason := failure_of(self, 'configure', self._configure, self._free):
            self.health.network_failed(reason)
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def _configure(self) -> None:
        if self.parameters.values.threads:
            torch.set_num_threads(self.parameters.values.threads)
        started = time.perf_counter()
        path = find_weights(self.parameters.values.model)
        metadata = read_metadata(path)
        trained_on = metadata.get('trained_on', 'unknown data')
        self.get_logger().info(f'weights {path.name}, trained on: {trained_on}')
        device, acceleration = self.load_network(path)
        precision = 'int8' if acceleration.needs_calibration else acceleration.precision
        self._warm_up()
        self.health.network_ready(
            model=path.stem,
            fingerprint=metadata['fingerprint'][:16],
            trained_on=trained_on,
            device=device,
            engine=acceleration.engine,
            precision=precision,
            threads=torch.get_num_threads(),
            warm_up_ms=f'{self.warm_up_seconds * 1e3:.1f}',
        )
        self.get_logger().info(
            f'network ready after {time.perf_counter() - started:.1f} s: {acceleration.engine}, '
            f'{precision}, one run takes {self.warm_up_seconds * 1e3:.0f} ms'
        )
        self.create_outputs()
        self._debug_topics = DebugTopics(self.outputs, (*COMMON_MEASUREMENTS, *self.measurements))

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to listen, to the images last.

        Fails with the reason in the log, as for a topic that is no name.
        """
        if failure_of(self, 'activate', self._listen, self._stop):
            return TransitionCallbackReturn.FAILURE
        return super().on_activate(state)

    def _listen(self) -> None:
        self._worker = TwoStageWorker(
            self._begin,
            self._finish,
            self._on_replaced,
            self._on_error,
            self.get_name(),
            self.parameters.values.overlap,
        )
        transport = self.parameters.values.image_transport
        image_type = CompressedImage if transport == 'compressed' else Image
        self.create_inputs()
        self.inputs.listen_and_watch(
            CameraInfo, '~/input/camera_info', self._on_camera_info, depth=1
        )
        self.inputs.listen_and_watch(image_type, '~/input/image', self._on_image, depth=1)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop to listen and finish the images in hand."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the network."""
        self._free()
        self.health.network_freed()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop from any state, without the images in hand if they take long."""
        self._stop(SHUTDOWN_PATIENCE)
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free what a transition that raised has left behind; the node is unconfigured then."""
        for free in (self._stop, self._free):
            with suppress(Exception):
                free()
        self.health.network_freed()
        return super().on_error(state)

    def _warm_up(self) -> None:
        """Run coding and the network until their time is that of normal operation."""
        compile_coding()
        seconds = []
        for _ in range(WARM_UP_RUNS):
            started = time.perf_counter()
            self.run_once()
            seconds.append(time.perf_counter() - started)
        self.warm_up_seconds = min(seconds)
        return_freed_memory()  # images have threads of their own, which take memory of their own

    def _free(self) -> None:
        self.outputs.destroy()
        self.free_network()

    def _stop(self, patience: float = 30.0) -> None:
        try:
            self.inputs.destroy()
        finally:
            worker, self._worker = self._worker, None
            if worker is not None:
                worker.stop(patience)

    # Inputs.

    def _peer_status(self) -> DiagnosticStatus:
        peers = {**self.outputs.peers(), **self.inputs.peers()}
        connected = sum(count > 0 for count in peers.values())
        return status(OK, f'{connected} of {len(peers)} topics have peers', **peers)

    def _on_image(self, message: Image | CompressedImage) -> None:
        worker = self._worker
        if worker is None:  # it arrived before the deactivation and is handed out after it
            return
        self.images.count('received')
        received = ReceivedImage(message, time.monotonic())
        if received.stamp <= 0:
            self._refuse_image(
                Refusal(
                    'zero_stamp',
                    f'the image has no stamp ({received.stamp} ns): set header.stamp to its '
                    'capture time',
                )
            )
        else:
            worker.submit(received)

    def _on_camera_info(self, message: CameraInfo) -> None:
        check_camera_info(message)
        self._camera_info = message
        self._camera_info_arrived.set()

    # The two stages.

    def network_image(self, received: ReceivedImage, width: int, height: int) -> NetworkImage:
        """Decode and resize an image with the newest CameraInfo.

        Raises:
            Refusal: if it cannot be used.
        """
        if not self._camera_info_arrived.wait(self.parameters.values.calibration_timeout):
            raise Refusal(
                'no_camera_info',
                'no CameraInfo has arrived yet: is ~/input/camera_info published?',
            )
        values = self.parameters.values
        return prepare_image(
            received.message,
            self._camera_info,
            width,
            height,
            values.rectify,
            values.reduced_decoding,
        )

    def camera_frame(self) -> str:
        """Return the optical frame of the image that is begun: the parameter's, else its own."""
        return self.parameters.values.camera_frame or self._image_frame

    def _begin(self, received: ReceivedImage) -> Any:
        self._image_frame = received.message.header.frame_id
        try:
            return self.begin(received)
        except Refusal as refusal:
            self._refuse_image(refusal)
            return None

    def _finish(self, received: ReceivedImage, begun: Any) -> None:
        try:
            result = self.finish(received, begun)
        except Refusal as refusal:
            self._refuse_image(refusal)
            return
        elapsed = time.monotonic() - received.arrived
        self.health.record_time(elapsed)
        latency = self.get_clock().now().nanoseconds - received.stamp
        common = {'processing_time_ms': elapsed * 1e3, 'latency_ms': latency / MILLISECOND}
        self._debug_topics.publish({**common, **result.measured})
        self.images.count('published')
        if result.draw is not None:
            self._draw(result.draw)

    def _draw(self, draw: Callable[[], None]) -> None:
        try:
            draw()
        except Exception as error:  # the result is out, and counts
            refusal = Refusal('not_drawn', f'{type(error).__name__}: {error}')
            self.warn(refusal, 'debug pictures: ')

    def _on_replaced(self, received: ReceivedImage) -> None:
        self.images.count('replaced')

    def _on_error(self, received: ReceivedImage, error: Exception) -> None:
        self._refuse_image(Refusal('internal_error', f'{type(error).__name__}: {error}'))

    def _refuse_image(self, refusal: Refusal) -> None:
        self.images.refuse(refusal.cause)
        self.warn(refusal, 'image refused: ')

    def warn(self, refusal: Refusal, prefix: str = '') -> None:
        """Log a refusal, each cause behind each prefix at most once in a while."""
        now, kind = time.monotonic(), (prefix, refusal.cause)
        if now - self._warned.get(kind, -LOG_INTERVAL) >= LOG_INTERVAL:
            self._warned[kind] = now
            self.get_logger().warning(f'{prefix}{refusal} [{refusal.cause}]')
