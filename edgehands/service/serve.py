"""The whole service from a configuration: what ``edgehands run`` does."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import msgspec

import edgehands
from edgehands import memory
from edgehands.cameras import open_source
from edgehands.config import RunningSettings, digest, state_file
from edgehands.errors import EdgehandsError, UsageError
from edgehands.gestures import HandInterpreter
from edgehands.mqtt.broker.oneshot import publish_once
from edgehands.mqtt.contract.messages import CameraMessage, InfoMessage, ModelMessage
from edgehands.mqtt.contract.topics import topics_of
from edgehands.mqtt.homeassistant.discovery import Discovery
from edgehands.mqtt.homeassistant.entities import Offers
from edgehands.mqtt.publisher import MqttPublisher, problem_line
from edgehands.mqtt.requests import Requests
from edgehands.picture_socket import SOCKET_NAME, PictureOrigin
from edgehands.safe_text import redact
from edgehands.service.controls import ServiceControls
from edgehands.service.governor import Governor
from edgehands.service.loop import FrameLoop, Parts
from edgehands.service.notify import Notifier
from edgehands.service.page_url import page_url
from edgehands.service.pictures import PictureServer
from edgehands.service.signals import stop_on_signals
from edgehands.service.snapshot import Snapshots
from edgehands.service.statistics import system_name
from edgehands.tracking import HandTracker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edgehands.cameras import Source, SourceInfo
    from edgehands.config import Config, PreviewConfig, TrackingConfig
    from edgehands.service.protocols import Interpreter

log = logging.getLogger(__name__)


def serve(
    config: Config,
    *,
    stop: threading.Event | None = None,
) -> None:
    """Open everything the configuration names, and run until a signal, ``stop``, or the end.

    Raises:
        EdgehandsError: An invalid source, a damaged model, a missing runtime. A missing camera or
            broker is no error: both are waited for.
    """
    stop = stop or threading.Event()
    notifier = Notifier()

    def open_camera() -> Source:
        return open_source(config.camera.source, config.camera, realtime=True)

    def interpreters(gestures: bool) -> tuple[Interpreter, ...]:
        settings = msgspec.structs.replace(config.gestures, enabled=gestures)
        if not (gestures or config.pose.enabled):
            return ()
        return (HandInterpreter(settings, config.pose).interpret,)

    limit = memory.limit()
    if limit:
        log.warning("%s: the kernel ends what exceeds it, silently", limit)
    # For a hand's crop, OpenCV's threads cost more than they save.
    cv2.setNumThreads(1)
    with ExitStack() as stack:
        stack.enter_context(stop_on_signals(stop))
        topics = topics_of(config)
        # The source first: a wrong one is reported before the models are loaded.
        with _told(config, topics.camera_problem):
            source = stack.enter_context(open_camera())
        with _told(config, topics.problem):
            tracker = HandTracker(config.tracking)
            stack.callback(tracker.close)
        publisher = MqttPublisher(config)

        def info() -> InfoMessage:
            assert isinstance(loop.tracker, HandTracker)  # noqa: S101 - all of ours are
            return info_of(config, loop.tracker, loop.describe_camera())

        def new_tracker(wanted: TrackingConfig) -> HandTracker:
            if tracker.backend.name == "edgetpu":
                raise UsageError(
                    "an Edge TPU runs one pair of models: set tracking.model in the configuration,"
                    " and restart"
                )
            return HandTracker(wanted)

        parts = Parts(
            source=source,
            tracker=tracker,
            publisher=publisher,
            interpreters=interpreters,
            reopen=open_camera,
            on_online=lambda: publisher.info(info()),  # only now the picture's size is known
            governor=Governor() if config.service.governor else None,
        )
        loop = FrameLoop(parts, RunningSettings.of(config))
        stack.callback(lambda: loop.tracker.close())  # noqa: PLW0108 - the one in use at the end
        if config.preview.images:
            log.warning(
                "preview images are on: whoever may send requests to this node can get pictures"
            )
        snapshots = Snapshots(
            allowed=config.preview.images,
            next_frame=loop.next_frame,
            publish=lambda jpeg: publisher.client.note(topics.snapshot, jpeg),
        )
        kept = state_file(os.environ)
        controls = ServiceControls(config, loop, info, kept, snapshots, new_tracker)
        requests = Requests(
            publisher.topics, controls, publisher.client, peers=publisher.client.peers
        )
        publisher.client.listen(requests)
        if config.homeassistant.discovery:
            publisher.client.listen(
                Discovery(
                    publisher.client,
                    publisher.topics,
                    prefix=config.homeassistant.prefix,
                    offers=Offers(
                        gestures=config.gestures.enabled,
                        images=config.preview.images,
                        keeps_settings=kept is not None,
                        page=page_url(config),
                    ),
                )
            )
        stack.enter_context(publisher)
        stack.enter_context(requests)
        stack.enter_context(_pictures(config, loop))
        publisher.info(info())
        publisher.apply(loop.settings)
        notifier.status("models loaded, waiting for the camera")
        loop.run(stop, notifier)


def _pictures(config: Config, loop: FrameLoop) -> contextlib.AbstractContextManager[object]:
    """Serve pictures to a page on this machine, if the owner has enabled that."""
    path = picture_socket(config.preview, os.environ)
    if path is None:
        return contextlib.nullcontext()
    return PictureServer(path, lambda: origin_of(config, loop.describe_camera()), loop.next_frame)


@contextlib.contextmanager
def _told(config: Config, topic: str) -> Iterator[None]:
    """Publish the reason if a part can't be opened: otherwise only the log would have it."""
    try:
        yield
    except EdgehandsError as error:
        with contextlib.suppress(EdgehandsError):
            publish_once(config.mqtt, [(topic, problem_line(redact(str(error))))])
        raise


def picture_socket(config: PreviewConfig, env: Mapping[str, str]) -> Path | None:
    """The socket that gives a page on this machine its pictures; None if it gets none."""
    if config.picture_socket:
        return Path(config.picture_socket)
    folder = env.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(folder) / SOCKET_NAME if config.images and folder else None


def origin_of(config: Config, source: SourceInfo) -> PictureOrigin:
    """Where the page's pictures come from."""
    return PictureOrigin(
        node=config.node.name,
        camera=config.camera.name,
        film=source.uri.startswith("demo:"),
        source=source.uri,
    )


def info_of(config: Config, tracker: HandTracker, camera: SourceInfo) -> InfoMessage:
    """The ``info`` message, without secrets."""
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
        images=config.preview.images,
    )
