"""Gradient descent on a student: batches, learning rate, averaged weights, checkpoints."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from build_models import graph

from .network import Network
from .split import join, split

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Protocol

    from build_models.graph import Graph

    Outputs = dict[str, torch.Tensor]

    class Subject(Protocol):
        """Pictures, and how good an answer to them is."""

        @property
        def pictures(self) -> torch.Tensor:
            """(N, 3, S, S) uint8."""
            ...

        def loss(self, outputs: Outputs, rows: torch.Tensor) -> torch.Tensor:
            """One number for the answers to some of the pictures."""
            ...

        def examine(self, outputs: Outputs) -> dict[str, float]:
            """Figures, by name, for the answers to all pictures."""
            ...


AVERAGE = 0.999
"""Share that the averaged weights keep of themselves at each step."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        steps: of gradient descent.
        batch: crops a step.
        rate: the largest learning rate, of Adam; it rises over the first twentieth and falls as a
            cosine to a hundredth.
        frozen: operators from the beginning that stay as they are.
        every: steps from one examination to the next.
        renew: steps from one lesson to the next; 0 for a single lesson.
        seed: of the order of crops.
    """

    steps: int
    batch: int
    rate: float
    frozen: int
    every: int
    renew: int = 0
    seed: int = 0

    @property
    def lessons(self) -> int:
        """How many there are."""
        return -(-self.steps // self.renew) if self.renew else 1

    def at(self, step: int) -> float:
        """The learning rate of a step."""
        rise = max(1, self.steps // 20)
        if step < rise:
            return self.rate * (step + 1) / rise
        done = (step - rise) / max(1, self.steps - rise)
        return self.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


@dataclass
class Curve:
    """What examinations said, one entry each.

    Attributes:
        step: steps of descent until then.
        seconds: since the training began.
        loss: mean of the batches since the last examination.
        figures: what the subject says of itself, by name.
    """

    step: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    figures: dict[str, list[float]] = field(default_factory=dict)


class Training:
    """One student being taught; can be kept and taken up again.

    Args:
        student: the graph, with the weights to begin with.
        schedule: how long and how fast.
        lessons: gives what to learn from, by number: one alone, or a new one every
            ``schedule.renew`` steps.
        examination: what to be examined by.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(
        self,
        student: Graph,
        schedule: Schedule,
        lessons: Callable[[int], Subject],
        examination: Subject,
        device: str,
    ) -> None:
        self._student = student
        self._schedule = schedule
        self._device = torch.device(device)
        front, back = split(student, schedule.frozen) if schedule.frozen else (None, student)
        self._front = front
        self._network = Network(back).to(self._device)
        self._lessons = lessons
        self._number = -1
        self._lesson = examination  # until the first step
        self._learned = torch.empty(0)
        self._examination = examination
        self._examined = self._features(front, examination.pictures)
        self._average = [p.detach().clone() for p in self._network.parameters()]
        self._adam = torch.optim.Adam(self._network.parameters(), betas=(0.9, 0.99))
        self._order = torch.Generator().manual_seed(schedule.seed)
        self._queue: list[int] = []
        self.step = 0
        self.curve = Curve()
        self._seconds = 0.0

    def run(self, kept: Path, tell: Callable[[str], None], minutes: float = math.inf) -> None:
        """Learn until the schedule or the time ends, keeping a checkpoint at each examination."""
        begun = time.monotonic() - self._seconds
        losses: list[float] = []
        until = time.monotonic() + minutes * 60
        if not self.curve.step:
            self._examine(0.0, tell)
        while self.step < self._schedule.steps and time.monotonic() < until:
            self._renew()
            losses.append(self._descend())
            self._seconds = time.monotonic() - begun
            if self.step % self._schedule.every == 0 or self.step == self._schedule.steps:
                self._examine(float(np.mean(losses)), tell)
                losses.clear()
                self.keep(kept)

    def _features(self, front: Graph | None, pictures: torch.Tensor) -> torch.Tensor:
        """What the frozen part gives, computed once; the pictures themselves without one."""
        if front is None:
            return pictures
        network = Network(front)
        name = front.outputs[0]
        with torch.no_grad():
            parts = [
                network(pictures[i : i + 50].float() / 255)[name].half()
                for i in range(0, len(pictures), 50)
            ]
        return torch.cat(parts)

    def _renew(self) -> None:
        """Take up the next lesson where it is time for it."""
        number = self.step // self._schedule.renew if self._schedule.renew else 0
        if number == self._number:
            return
        self._learned = torch.empty(0)  # the memory first: both would be too much
        self._lesson = self._lessons(number)
        self._learned = self._features(self._front, self._lesson.pictures)
        if self._number >= 0:
            self._queue.clear()
        self._number = number

    def _batch(self, inputs: torch.Tensor, rows: torch.Tensor | slice) -> torch.Tensor:
        value = inputs[rows].to(self._device)
        return value.float() / 255 if value.dtype == torch.uint8 else value.float()

    def _descend(self) -> float:
        if len(self._queue) < self._schedule.batch:
            self._queue += torch.randperm(len(self._learned), generator=self._order).tolist()
        rows = torch.tensor(self._queue[: self._schedule.batch])
        del self._queue[: self._schedule.batch]
        for group in self._adam.param_groups:
            group["lr"] = self._schedule.at(self.step)
        outputs = self._network(self._batch(self._learned, rows))
        loss = self._lesson.loss(outputs, rows)
        self._adam.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._adam.step()
        self.step += 1
        # A short memory in the beginning, so that the first weights are soon forgotten.
        share = min(AVERAGE, (1 + self.step) / (10 + self.step))
        for mean, now in zip(self._average, self._network.parameters(), strict=True):
            mean.lerp_(now.detach(), 1 - share)
        return float(loss.detach())

    def _examine(self, loss: float, tell: Callable[[str], None]) -> None:
        """How good the averaged weights are on the lesson that nobody learned from."""
        present = self._swap()
        parts: list[Outputs] = []
        with torch.no_grad():
            for start in range(0, len(self._examined), 50):
                rows = slice(start, start + 50)
                given = self._network(self._batch(self._examined, rows))
                parts.append({name: value.cpu() for name, value in given.items()})
        self._swap(present)
        outputs = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        figures = self._examination.examine(outputs)
        self.curve.step.append(self.step)
        self.curve.seconds.append(round(self._seconds, 1))
        self.curve.loss.append(round(loss, 5))
        for name, value in figures.items():
            self.curve.figures.setdefault(name, []).append(round(value, 4))
        text = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        tell(f"step {self.step}: loss {loss:.4f}, held out: {text}; {self._seconds:.0f} s")

    def _swap(self, values: list[torch.Tensor] | None = None) -> list[torch.Tensor]:
        """Put the averaged weights (or these) into the network; what was there before."""
        before = [p.detach().clone() for p in self._network.parameters()]
        with torch.no_grad():
            for parameter, value in zip(
                self._network.parameters(), values or self._average, strict=True
            ):
                parameter.copy_(value)
        return before

    def result(self) -> Graph:
        """The whole student with the averaged weights."""
        present = self._swap()
        back = self._network.to_graph()
        self._swap(present)
        return join(self._student, [back])

    def keep(self, path: Path) -> None:
        """Write a checkpoint from which :meth:`resume` goes on; replaces the one before."""
        state: dict[str, Any] = {
            "schedule": asdict(self._schedule),
            "step": self.step,
            "seconds": self._seconds,
            "curve": asdict(self.curve),
            "order": self._order.get_state(),
            "queue": self._queue,
            "network": self._network.state_dict(),
            "average": self._average,
            "adam": self._adam.state_dict(),
        }
        fresh = path.with_suffix(".part")
        torch.save(state, fresh)
        fresh.replace(path)
        path.with_suffix(".tflite").write_bytes(graph.write(self.result()))

    def resume(self, path: Path) -> None:
        """Go on where a checkpoint stands; raises ValueError where it is of another schedule."""
        state = torch.load(path, weights_only=True)
        if state["schedule"] != asdict(self._schedule):
            raise ValueError(f"{path} is of another schedule: remove it to begin again")
        self._network.load_state_dict(state["network"])
        self._adam.load_state_dict(state["adam"])
        self._average = list(state["average"])
        self._order.set_state(state["order"])
        self._queue = list(state["queue"])
        self.step, self._seconds = state["step"], state["seconds"]
        self.curve = Curve(**state["curve"])
