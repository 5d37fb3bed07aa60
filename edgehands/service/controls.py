"""The answers of the running service to requests over MQTT."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import msgspec

from edgehands.config import RunningSettings, redacted, save_settings
from edgehands.errors import GestureError, UsageError
from edgehands.gestures import ExampleCollector, GestureLibrary
from edgehands.mqtt.contract.request_messages import (
    GesturesRequest,
    HealthMessage,
    SetRequest,
    settings_message,
)
from edgehands.service.commands import Command
from edgehands.service.heat import WARM_C, troubles_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edgehands.config import Config, TrackingConfig
    from edgehands.hand import Hand
    from edgehands.mqtt.contract.messages import InfoMessage
    from edgehands.mqtt.contract.request_messages import PlainRequest, SettingsMessage, Verb
    from edgehands.service.loop import FrameLoop
    from edgehands.service.protocols import Tracker
    from edgehands.service.snapshot import Snapshots

TEACH_S = 15.0
"""How long teaching waits for five examples; longer for more."""

_PLACES = {
    "max_hands": "tracking.max_hands",
    "smoothing": "tracking.smoothing",
    "rate_limit": "publish.rate_limit",
    "gestures": "gestures.enabled",
    "model": "tracking.model",
    "precision": "tracking.precision",
}
"""The configuration keys of the settings that ``set`` changes."""

_CHANGEABLE = [field.name for field in fields(RunningSettings)]
"""``set`` has an entry of the same name for each of these."""


@dataclass(frozen=True, slots=True)
class ServiceControls:
    """Answers requests about a running loop. Its methods wait for the loop, never vice versa.

    Attributes:
        config: as loaded.
        loop: the frame loop.
        info: returns the current ``info`` message.
        state_file: where persistent settings are written; None if there is no place.
        snapshots: returns pictures, or refuses to.
        new_tracker: opens the models of a configuration.
    """

    config: Config
    loop: FrameLoop
    info: Callable[[], InfoMessage]
    state_file: Path | None
    snapshots: Snapshots
    new_tracker: Callable[[TrackingConfig], Tracker]

    def answer(self, verb: Verb, request: PlainRequest) -> Any:
        """Carry out a request and return the data of its answer.

        Raises:
            EdgehandsError: It can't be carried out; nothing was changed.
        """
        if isinstance(request, SetRequest):
            return self._set(request)
        if isinstance(request, GesturesRequest):
            return self._gestures(request)
        return self._plain(verb)

    def _plain(self, verb: Verb) -> Any:
        if verb == "restart_camera":
            self.loop.commands.ask(Command(restart_camera=True))
            return {"camera": self.loop.camera}
        asked: dict[str, Callable[[], Any]] = {
            "snapshot": self.snapshots.take,
            "config": lambda: redacted(self.config),
            "health": self.health,
            "info": self.info,
            "stats": self.loop.stats,
        }
        return asked[verb]()

    def health(self) -> HealthMessage:
        """Whether all is well."""
        loop, stats = self.loop, self.loop.stats()
        last = None if loop.last_frame is None else round(time.monotonic() - loop.last_frame, 2)
        reasons = []
        if loop.camera == "offline":
            reasons.append(loop.problem or "the camera is away")
        if loop.camera == "online" and last is not None and last > 5.0:
            reasons.append(f"no frame for {last:g} s")
        if stats.temperature_c is not None and stats.temperature_c >= WARM_C:
            reasons.append(f"the processor is at {stats.temperature_c:g} °C")
        troubles = troubles_of(stats.throttled or 0)
        if troubles:
            reasons.append(f"{', '.join(troubles)} now: check the power supply and cooling")
        return HealthMessage(
            health="degraded" if reasons else "good",
            reasons=reasons,
            camera=loop.camera,
            frames=loop.count,
            last_frame_s=last,
            uptime_s=stats.uptime_s,
        )

    def _set(self, request: SetRequest) -> SettingsMessage:
        changes = {
            key: value
            for key in _CHANGEABLE
            if (value := getattr(request, key)) is not msgspec.UNSET
        }
        if request.persist and self.state_file is None:
            raise UsageError("there is no place to keep settings: set STATE_DIRECTORY")
        self._put_in_force(replace(self.loop.settings, **changes))
        if request.persist and self.state_file is not None:
            kept = {_PLACES[key]: value for key, value in changes.items() if key in _PLACES}
            save_settings(self.state_file, kept)
        return settings_message(self.loop.settings)

    def _put_in_force(self, wanted: RunningSettings) -> None:
        now = self.loop.settings
        if (wanted.model, wanted.precision) == (now.model, now.precision):
            self.loop.commands.ask(Command(settings=wanted))
            return
        # Opened here, while the loop continues with the old ones.
        tracker = self.new_tracker(
            msgspec.structs.replace(
                self.loop.tracker.config, model=wanted.model, precision=wanted.precision
            )
        )
        command = Command(settings=wanted, tracker=tracker)
        try:
            self.loop.commands.ask(command)
        finally:
            # Whichever of the two isn't in use. A loop that is too busy may still take it.
            if command.done.is_set() and command.tracker is not None:
                command.tracker.close()

    def _gestures(self, request: GesturesRequest) -> Any:
        library = GestureLibrary(self.config.gestures.taught_file or None)
        if request.action == "teach":
            library.check(request.name, more=request.more)
            result = library.teach(request.name, self._examples(request), more=request.more)
            return {
                "name": result.name,
                "examples": result.examples,
                "spread": round(result.spread, 4),
                "similar": result.similar,
            }
        if request.action == "remove":
            library.remove(request.name)
        return {
            "gestures": [
                {"name": g.name, "taught": g.taught, "examples": len(g.examples)}
                for g in library.list()
            ]
        }

    def _examples(self, request: GesturesRequest) -> tuple[Hand, ...]:
        """Take examples from the next frames in which a single hand is held still."""
        collector = ExampleCollector(request.examples)
        # A hand that doesn't move gives an example every two seconds.
        patience = TEACH_S * max(1.0, request.examples / 5)
        until = time.monotonic() + patience
        problem = "no frame came"
        while not collector.done and (left := until - time.monotonic()) > 0:
            tracked = self.loop.next_frame(left)
            if tracked is None:
                break
            problem = collector.add(tracked).hint or problem
        if not collector.done:
            raise GestureError(
                f"{len(collector.examples)} of {request.examples} examples in {patience:g} s "
                f"({problem}): show one hand, and hold the shape"
            )
        return collector.examples
