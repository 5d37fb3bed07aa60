"""The frame loop: newest frame, hands, meaning, publishing. It waits for nothing but the camera."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from edgehands import memory
from edgehands.config import RunningSettings
from edgehands.errors import EdgehandsError, FrameError, SourceError, UsageError
from edgehands.hand import FrameHands
from edgehands.safe_text import redact
from edgehands.service.commands import Command, CommandQueue
from edgehands.service.notify import Notifier
from edgehands.service.report import Reporter
from edgehands.service.statistics import StageTimes

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.cameras.base import FrameSource, SourceInfo
    from edgehands.gestures.events import GestureEvent
    from edgehands.hand import Frame
    from edgehands.mqtt.contract.messages import StatsMessage
    from edgehands.mqtt.publisher import CameraStatus, Publisher
    from edgehands.service.governor import Governor
    from edgehands.service.protocols import Interpreter, Tracker

log = logging.getLogger(__name__)

READ_TIMEOUT_S = 0.5
"""Longest wait for a frame: the delay in noticing a stop signal or a lost camera."""

STUCK_S = 30.0
"""If a camera driver blocks a call for longer, it is given up, and the service with it. The slowest
call that may yet return is OpenCV's wait for a V4L2 frame, 10 s."""

STAGES = ("capture", "track", "interpret", "publish", "total")
"""``capture``: age of a frame when its tracking began; ``total``: when it was passed on."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a loop.

    Attributes:
        source: an open source, in real time.
        tracker: finds the hands.
        publisher: publishes the results.
        interpreters: returns an interpreter, for gestures on or off; None = no interpretation.
        reopen: opens the source again after the camera was switched off; None = it can't be.
        on_online: called when the camera has given its first frame, and after it came back.
        governor: limits the rate; None = no limit.
    """

    source: FrameSource
    tracker: Tracker
    publisher: Publisher
    interpreters: Callable[[bool], tuple[Interpreter, ...]] | None = None
    reopen: Callable[[], FrameSource] | None = None
    on_online: Callable[[], None] | None = None
    governor: Governor | None = None


def run_service(parts: Parts, stop: threading.Event, *, notifier: Notifier | None = None) -> None:
    """Track and publish until ``stop`` is set or the source ends.

    See :meth:`FrameLoop.run`.
    """
    FrameLoop(parts).run(stop, notifier)


class FrameLoop:
    """Processes one frame after the other.

    The source keeps only its newest frame, so a slow frame drops others and never delays them. A
    lost camera is shown as ``offline`` and waited for; the broker is never waited for.

    Attributes:
        commands: requests from other threads.
        settings: current values of those that can change while running.
        tracker: finds the hands.
        camera: its state, as published.
        problem: why no frames arrive, as published; empty if nothing is wrong.
        count: frames processed.
        last_frame: time of the last one, monotonic seconds; None before the first.
    """

    def __init__(self, parts: Parts, settings: RunningSettings | None = None) -> None:
        self.commands = CommandQueue()
        self.settings = settings or RunningSettings()
        self.tracker = parts.tracker
        self.camera: CameraStatus = "offline"
        self.problem = ""
        self.count = 0
        self.last_frame: float | None = None
        self._parts = parts
        self._source: FrameSource | None = parts.source
        self._last_source: FrameSource = parts.source
        self._interpreters = (
            parts.interpreters(self.settings.gestures) if parts.interpreters else ()
        )
        self._refused = ""
        self._watched = threading.Condition()
        self._watchers = 0
        self._newest: FrameHands | None = None
        self._before = (0, 0, 0)  # drops, reconnects and failures of closed sources
        self._times = StageTimes(STAGES)
        self._reporter = Reporter(
            source=self,
            publisher=parts.publisher,
            times=self._times,
            frames=lambda: self.count,
            governor=parts.governor,
        )
        self._due = 0.0  # when the next frame is due, monotonic seconds

    def run(self, stop: threading.Event, notifier: Notifier | None = None) -> None:
        """Track and publish until ``stop`` is set or the source ends.

        Args:
            stop: ends the loop within half a second.
            notifier: reports to systemd; None = found in the environment.

        Raises:
            SourceError: A file is damaged, or a camera's driver hangs: only a new process helps.
            BackendUnavailable: The camera's backend is no longer available.
        """
        notifier = notifier or Notifier()
        with self._reporter.telling(notifier):
            try:
                while not stop.is_set() and not (self._source and self._source.finished):
                    self._step(stop, notifier)
            except EdgehandsError as error:
                self.problem = redact(str(error))
                raise
            finally:
                notifier.stopping()
                if self._source is not None and self._source is not self._parts.source:
                    self._source.close()
                self._parts.publisher.camera_status("offline", self.problem)

    def stats(self) -> StatsMessage:
        """The current statistics."""
        return self._reporter.report()

    def next_frame(self, timeout: float) -> FrameHands | None:
        """Wait for the next processed frame; for other threads. None if none came in time."""
        with self._watched:
            self._watchers += 1
            self._newest = None
            try:
                self._watched.wait_for(lambda: self._newest is not None, timeout)
                return self._newest
            finally:
                self._watchers -= 1

    def describe_camera(self) -> SourceInfo:
        """The camera that is open, or was last."""
        return (self._source or self._last_source).describe()

    # The counts that the reporter needs, over all sources so far.

    @property
    def online(self) -> bool:
        """Whether frames arrive."""
        return self.camera == "online"

    @property
    def dropped(self) -> int:
        """Frames replaced by newer ones."""
        return self._before[0] + (self._source.dropped if self._source else 0)

    @property
    def reconnects(self) -> int:
        """How often the camera came back."""
        return self._before[1] + (self._source.reconnects if self._source else 0)

    @property
    def failures(self) -> int:
        """How often it couldn't be opened, or was lost."""
        return self._before[2] + (self._source.failures if self._source else 0)

    def _step(self, stop: threading.Event, notifier: Notifier) -> None:
        # A lost camera that is waited for, or one switched off, is no reason for a restart.
        notifier.alive()
        while (command := self.commands.take()) is not None:
            self._obey(command)
        if self._source is None:
            stop.wait(0.1)
            return
        if self._parts.governor is not None and self._wait_until_due(stop, self._parts.governor):
            return
        frame = self._source.read(READ_TIMEOUT_S)
        online = frame is not None or (self.camera == "online" and self._source.online)
        self._show_camera("online" if online else "offline", "" if online else self._source.problem)
        if frame is None:
            if self._source.stuck_s > STUCK_S:
                raise SourceError(
                    f"{self._source.describe().uri}: the driver hasn't answered for {STUCK_S:g} s "
                    "and can't be woken from here: ending, to be restarted"
                )
            return
        try:
            self._process(frame)
        except FrameError as error:
            if str(error) != self._refused:
                self._refused = str(error)
                log.warning("%s: frame %d left out: %s", frame.source, frame.seq, error)
            return
        self.last_frame = time.monotonic()
        self.count += 1
        if self.count == 1:
            memory.give_back()
            notifier.ready()

    def _wait_until_due(self, stop: threading.Event, governor: Governor) -> bool:
        """Wait as the governor's limit requires; True if the wait isn't over yet."""
        now = time.monotonic()
        if not governor.limit:
            return False
        if now < self._due:
            stop.wait(min(self._due - now, READ_TIMEOUT_S))
            return True
        # From when it was due, not from now: a late frame must not delay the next one.
        period = 1.0 / governor.limit
        self._due = max(self._due, now - period) + period
        return False

    def _show_camera(self, status: CameraStatus, problem: str = "") -> None:
        if status == self.camera and problem == self.problem:
            return
        came = status == "online" != self.camera
        self.camera, self.problem = status, problem
        self._parts.publisher.camera_status(status, problem)
        if came and self._parts.on_online is not None:
            self._parts.on_online()

    def _process(self, frame: Frame) -> None:
        begin = time.monotonic()
        hands = self.tracker.process(frame.image, timestamp=frame.t_mono)
        tracked = FrameHands(frame, hands)
        after_tracking = time.monotonic()
        events: tuple[GestureEvent, ...] = ()
        for interpret in self._interpreters:
            meaning = interpret(tracked)
            tracked, events = meaning.frame_hands, events + meaning.events
        after_meaning = time.monotonic()
        self._parts.publisher.publish(tracked, events)
        end = time.monotonic()
        add = self._times.add
        add("capture", max(begin - frame.t_mono, 0.0))
        add("track", after_tracking - begin)
        if self._interpreters:
            add("interpret", after_meaning - after_tracking)
        add("publish", end - after_meaning)
        add("total", max(end - frame.t_mono, 0.0))
        if self._watchers:
            with self._watched:
                self._newest = tracked
                self._watched.notify_all()

    def _obey(self, command: Command) -> None:
        try:
            if command.settings is not None:
                self._change(command.settings)
            if command.tracker is not None:
                command.tracker = self._take_tracker(command.tracker)
            if command.restart_camera:
                if not self.settings.enabled:
                    raise UsageError("the camera is switched off: switch it on with enabled first")
                self._close_camera()
                self._open_camera()
        except EdgehandsError as error:
            command.error = error
        finally:
            command.done.set()

    def _change(self, wanted: RunningSettings) -> None:
        now = self.settings
        if wanted.enabled and self._source is None:
            self._open_camera()
        if not wanted.enabled and self._source is not None:
            if self._parts.reopen is None:
                raise UsageError("this source can't be opened again, so it isn't switched off")
            self._close_camera()
            self._show_camera("disabled")
        if (wanted.max_hands, wanted.smoothing) != (now.max_hands, now.smoothing):
            self.tracker.reconfigure(
                msgspec.structs.replace(
                    self.tracker.config, max_hands=wanted.max_hands, smoothing=wanted.smoothing
                )
            )
        if wanted.gestures != now.gestures and self._parts.interpreters is not None:
            self._interpreters = self._parts.interpreters(wanted.gestures)
        self.settings = wanted
        self._parts.publisher.apply(wanted)

    def _take_tracker(self, tracker: Tracker) -> Tracker:
        """Switch to another tracker; returns the one it replaces."""
        replaced, self.tracker = self.tracker, tracker
        tracker.continue_ids(replaced)
        if self.camera == "online" and self._parts.on_online is not None:
            self._parts.on_online()  # `info` names the models
        return replaced

    def _open_camera(self) -> None:
        if self._parts.reopen is None:
            raise UsageError("this source can't be opened again: restart the service")
        self._source = self._last_source = self._parts.reopen()

    def _close_camera(self) -> None:
        if self._parts.reopen is None:
            raise UsageError("this source can't be opened again: restart the service")
        if self._source is not None:
            self._before = (self.dropped, self.reconnects, self.failures)
            source, self._source = self._source, None
            source.close()
            self._show_camera("offline")
