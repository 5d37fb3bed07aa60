"""The whole service from a configuration: what ``edgehands run`` does."""

from __future__ import annotations

import platform
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import edgehands
from edgehands.cameras import open_source
from edgehands.config import digest
from edgehands.gestures import HandInterpreter
from edgehands.mqtt.messages import CameraMessage, InfoMessage, ModelMessage
from edgehands.mqtt.publisher import MqttPublisher
from edgehands.service.loop import run_service
from edgehands.service.notify import Notifier
from edgehands.service.signals import stop_on_signals
from edgehands.service.statistics import system_name
from edgehands.tracking import HandTracker

if TYPE_CHECKING:
    from edgehands.cameras import Source
    from edgehands.config import Config
    from edgehands.service.protocols import Interpreter


def serve(
    config: Config,
    *,
    stop: threading.Event | None = None,
) -> None:
    """Open everything the configuration names, and run until a signal, ``stop``, or the end.

    Raises:
        EdgehandsError: A source that makes no sense, a damaged model, a missing runtime. A camera
            or a broker that is away is no error: both are waited for.
    """
    stop = stop or threading.Event()
    notifier = Notifier()
    with ExitStack() as stack:
        stack.enter_context(stop_on_signals(stop))
        tracker = stack.enter_context(HandTracker(config.tracking))
        source = stack.enter_context(
            open_source(config.camera.source, config.camera, realtime=True)
        )
        publisher = stack.enter_context(MqttPublisher(config))

        def say_info() -> None:
            publisher.info(info_of(config, tracker, source))

        say_info()
        notifier.status("models loaded, waiting for the camera")
        run_service(
            source=source,
            tracker=tracker,
            publisher=publisher,
            stop=stop,
            interpreters=_interpreters(config),
            notifier=notifier,
            on_online=say_info,  # the picture's size is only known once there is one
        )


def _interpreters(config: Config) -> tuple[Interpreter, ...]:
    if not (config.gestures.enabled or config.pose.enabled):
        return ()
    return (HandInterpreter(config.gestures, config.pose).interpret,)


def info_of(config: Config, tracker: HandTracker, source: Source) -> InfoMessage:
    """Build the ``info`` message; no secret stands in it."""
    camera = source.describe()
    return InfoMessage(
        version=edgehands.__version__,
        python=platform.python_version(),
        system=system_name(),
        runtime=tracker.backend.detail,
        backend=tracker.backend.name,
        models=[
            ModelMessage(
                name=spec.task, variant=f"{spec.variant} {spec.precision}", sha256=spec.sha256
            )
            for spec in tracker.models
        ],
        camera=CameraMessage(
            name=config.camera.name,
            source=camera.uri,
            kind=camera.kind,
            width=camera.width,
            height=camera.height,
            fps=round(camera.fps, 3),
        ),
        config=digest(config),
    )
