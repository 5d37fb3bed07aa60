"""A broker, a service and a watch, and what is asked of them in every row."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgehands.client import HandsMessage, Message, listen
from tools.common.mosquitto import Listener, Mosquitto, free_port, retained
from tools.common.waiting import wait_for
from tools.fault_table.film import write_blinking_film, write_film
from tools.fault_table.frames import FrameTimes
from tools.fault_table.row import AGE_MS, Row
from tools.fault_table.service import NODE, Service
from tools.fault_table.watch import CAMERA, Watch, delivery
from tools.fault_table.wire import HERE, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATUS = f"edgehands/{NODE}/status"


MAX_AGE_S = 0.35
"""What the client library is asked to leave out: so much older than the freshest were."""


@dataclass(slots=True)
class Choosy:
    """A subscriber by the client library, with ``max_age``.

    Attributes:
        count: messages with hands that it was given.
        oldest_s: age of the oldest of them.
    """

    count: int = 0
    oldest_s: float = 0.0

    def take(self, message: Message) -> None:
        """Take a message in."""
        content = message.content
        if isinstance(content, HandsMessage) and content.hands:
            self.count += 1
            self.oldest_s = max(self.oldest_s, message.t - content.t)


@dataclass(frozen=True, slots=True)
class Scene:
    """A broker, a service that publishes to it, and those who watch.

    Attributes:
        broker: a real mosquitto.
        watch: sees everything that is delivered.
        choosy: sees what the client library lets through.
        service: the process under test.
        frames: how long its frames took.
    """

    broker: Mosquitto
    watch: Watch
    choosy: Choosy
    service: Service
    frames: FrameTimes


@contextmanager
def scene(
    folder: Path, *, blinking: bool = False, wire: Wire | None = None, **settings: str
) -> Iterator[Scene]:
    """Start everything and wait until hands are published; the watch is remembered.

    Args:
        folder: for everything.
        blinking: many hands come and go all the time.
        wire: the service is at its other end; None = on this machine like all others.
        settings: of the service.
    """
    folder.mkdir(exist_ok=True)
    film = folder / "film.avi"
    (write_blinking_film if blinking else write_film)(film)
    with ExitStack() as stack:
        far = free_port() if wire is not None else 0
        broker = stack.enter_context(RememberingBroker(folder, far))
        watch = stack.enter_context(Watch(broker.port, remembered=True))
        choosy = Choosy()
        stack.enter_context(listen(broker.url, choosy.take, node=NODE, max_age=MAX_AGE_S))
        frames = FrameTimes(folder / "frames")
        service = stack.enter_context(
            Service(
                film,
                f"mqtt://{HERE}:{far}" if wire is not None else broker.url,
                folder,
                tap=frames,
                inside=wire.inside if wire is not None else (),
                settings=settings,
            )
        )
        assert watch.wait_for_hands(30), service.log.read_text()
        time.sleep(1.0)
        yield Scene(broker, watch, choosy, service, frames)


class RememberingBroker(Mosquitto):
    """A broker that knows the watch's subscription from its first moment, whatever befell it.

    Else events that a node sends as soon as the broker is back would find nobody, and would look
    lost. It remembers nothing else: retained messages are gone with each kill.

    Args:
        folder: for its files.
        far: a port for who comes over the wire; 0 = none.
    """

    def __init__(self, folder: Path, far: int = 0) -> None:
        store = folder / "broker"
        store.mkdir()
        self._database = store / "mosquitto.db"
        self._seed = folder / "seed.db"
        super().__init__(
            folder,
            (
                "allow_anonymous true",
                "persistence true",
                f"persistence_location {store}/",
                "autosave_interval 0",  # only when it is ended in order
                "max_queued_messages 0",
                *((f"listener {far} {HERE}",) if far else ()),
            ),
        )

    def start(self) -> RememberingBroker:
        """Start it with the watch's subscription."""
        if not self._seed.exists():
            super().start()
            with Watch(self.port, remembered=True):
                pass
            self.stop()
            shutil.copy(self._database, self._seed)
        shutil.copy(self._seed, self._database)
        super().start()
        return self


def finish(at: Scene) -> None:
    """Let what is under way arrive."""
    time.sleep(1.0)
    assert at.service.alive, at.service.log.read_text()


def until_online(at: Scene) -> float:
    """Seconds from now until the broker's retained status of the node is ``online``."""
    begin = time.monotonic()
    with Listener(at.broker.port, STATUS) as listener:
        wait_for(lambda: listener.last("/status") == b"online", 30)
        return time.monotonic() - begin


def until_hands(at: Scene) -> float:
    """Seconds until a hand of now is delivered."""
    begin = time.monotonic()
    count = len(at.watch.ages)
    wait_for(lambda: any(age < 0.5 for age in at.watch.ages[count:]), 30)
    return time.monotonic() - begin


def retained_state(at: Scene) -> dict[str, bytes]:
    """What the broker tells of the node to somebody who comes now."""
    found = retained(at.broker.port)
    return {topic: payload for topic, payload in found.items() if f"/{NODE}/" in topic}


def what_is_wrong(at: Scene, topics: set[str]) -> list[str]:
    """What the broker's retained messages say that isn't so; empty when all is right."""
    wrong: list[str] = []

    def right() -> bool:
        now = retained_state(at)
        wrong[:] = [f"{topic} is missing" for topic in sorted(topics - set(now))]
        wrong.extend(
            f"{topic} is {now.get(topic)!r}"
            for topic in (STATUS, f"{CAMERA}/status")
            if now.get(topic) != b"online"
        )
        # Hands that come or go in this moment are another moment's matter: it is looked again.
        hands = at.watch.newest_hands
        expected = {"presence": b"ON" if hands else b"OFF", "count": str(hands).encode()}
        wrong.extend(
            f"{name} is {now.get(f'{CAMERA}/{name}')!r} with {hands} hands"
            for name, payload in expected.items()
            if now.get(f"{CAMERA}/{name}") != payload
        )
        return not wrong

    wait_for(right, 5)
    return wrong


def say_events(row: Row, at: Scene) -> None:
    """Note whether every event came, and in which order."""
    seen = delivery(at.watch.events)
    row.say(
        f"{seen.count} events, {seen.missing} lost, {seen.repeats} repeats told by their id, "
        f"{'in order' if seen.in_order else 'OUT OF ORDER'}",
        holds=seen.count > 0 and seen.missing == 0 and seen.in_order,
    )


def say_age(row: Row, at: Scene, *, judged: bool, on_their_way: float = 0) -> None:
    """Note how old delivered landmarks were.

    Args:
        row: where.
        at: what was seen.
        judged: whether every message counts. Where not, a tenth may be late: so many a busy machine
            itself holds up, but a backlog that is delivered after all is far more.
        on_their_way: messages that may be late for whoever takes everything: those that the
            broker's kernel had, but not yet the broker, when it was frozen, or that TCP had to
            repeat. The client library leaves them out.
    """
    ages = np.array(at.watch.ages) * 1e3
    late = int((ages > AGE_MS).sum())
    text = f"{at.watch.hands} hands messages, p99 {np.quantile(ages, 0.99):.0f} ms old"
    text += f", {late} older than {AGE_MS:.0f} ms" + (f" ({ages.max():.0f})" if late else "")
    row.say(text, holds=late <= (on_their_way if judged else len(ages) / 10))
    oldest = at.choosy.oldest_s * 1e3
    row.say(
        f"through the client library the oldest {oldest:.0f} ms",
        holds=oldest <= AGE_MS or not judged,
    )
