"""The frame loop: newest frame, hands, meaning, out. It waits for the camera and nothing else."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from edgehands.errors import FrameError
from edgehands.hand import FrameHands
from edgehands.service.notify import Notifier
from edgehands.service.report import Reporter
from edgehands.service.statistics import StageTimes

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from edgehands.gestures.events import GestureEvent
    from edgehands.hand import Frame
    from edgehands.mqtt.publisher import Publisher
    from edgehands.service.protocols import Interpreter, LiveSource, Tracker

log = logging.getLogger(__name__)

READ_TIMEOUT_S = 0.5
"""Longest wait for a frame: how soon a signal to stop, or a lost camera, is noticed."""

STAGES = ("capture", "track", "interpret", "publish", "total")
"""``capture``: age of a frame when its tracking began; ``total``: when it was handed over."""


def run_service(  # noqa: PLR0913 - the parts that a service is made of
    *,
    source: LiveSource,
    tracker: Tracker,
    publisher: Publisher,
    stop: threading.Event,
    interpreters: Sequence[Interpreter] = (),
    notifier: Notifier | None = None,
    on_online: Callable[[], None] | None = None,
) -> None:
    """Track and publish until ``stop`` is set or the source has come to its end.

    The source keeps only its newest frame, so a slow frame drops others and never delays them. A
    camera that goes away is shown as ``offline`` and waited for; the broker is never waited for.

    Args:
        source: an open source, in real time.
        tracker: finds the hands.
        publisher: tells the world.
        stop: ends the loop within half a second.
        interpreters: add what hands mean, in this order.
        notifier: tells systemd; None finds it in the environment.
        on_online: called when the camera has given its first frame, and after it came back.

    Raises:
        SourceError: A file is damaged.
        BackendUnavailable: What the camera needs was taken away.
    """
    loop = _Loop(source, tracker, publisher, tuple(interpreters), on_online)
    notifier = notifier or Notifier()
    with Reporter(
        source=source,
        publisher=publisher,
        times=loop.times,
        notifier=notifier,
        frames=loop.frames,
    ):
        try:
            while not stop.is_set() and not source.finished:
                loop.step(notifier)
        finally:
            notifier.stopping()
            publisher.camera_status("offline")


class _Loop:
    """One frame after the other, and what is remembered between them."""

    def __init__(
        self,
        source: LiveSource,
        tracker: Tracker,
        publisher: Publisher,
        interpreters: tuple[Interpreter, ...],
        on_online: Callable[[], None] | None,
    ) -> None:
        self._source = source
        self._tracker = tracker
        self._publisher = publisher
        self._interpreters = interpreters
        self._on_online = on_online
        self._online = False
        self._count = 0
        self._refused = ""
        self.times = StageTimes(STAGES)

    def frames(self) -> int:
        """How many frames were processed."""
        return self._count

    def step(self, notifier: Notifier) -> None:
        """Wait for a frame and process it."""
        frame = self._source.read(READ_TIMEOUT_S)
        # A camera that is away and waited for is no reason to be restarted.
        notifier.alive()
        self._show_camera(came=frame is not None)
        if frame is None:
            return
        try:
            self._process(frame)
        except FrameError as error:
            if str(error) != self._refused:
                self._refused = str(error)
                log.warning("%s: frame %d left out: %s", frame.source, frame.seq, error)
            return
        self._count += 1
        if self._count == 1:
            notifier.ready()

    def _show_camera(self, *, came: bool) -> None:
        online = came or (self._online and self._source.online)
        if online == self._online:
            return
        self._online = online
        self._publisher.camera_status("online" if online else "offline")
        if online and self._on_online is not None:
            self._on_online()

    def _process(self, frame: Frame) -> None:
        begin = time.monotonic()
        tracked = FrameHands(frame, self._tracker.process(frame.image, timestamp=frame.t_mono))
        after_tracking = time.monotonic()
        events: tuple[GestureEvent, ...] = ()
        for interpret in self._interpreters:
            meaning = interpret(tracked)
            tracked, events = meaning.frame_hands, events + meaning.events
        after_meaning = time.monotonic()
        self._publisher.publish(tracked, events)
        end = time.monotonic()
        add = self.times.add
        add("capture", max(begin - frame.t_mono, 0.0))
        add("track", after_tracking - begin)
        if self._interpreters:
            add("interpret", after_meaning - after_tracking)
        add("publish", end - after_meaning)
        add("total", max(end - frame.t_mono, 0.0))
