"""What is taught to whom: one entry a student."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .data import Plan
from .distil import Schedule
from .layerwise import Effort

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class LandmarkRecipe:
    """How a landmark student comes to be.

    Attributes:
        parent: MediaPipe's variant whose operators and first weights it has.
        size: pixels of its input.
        fit: crops that its layers are fitted on, one after the other; and how thoroughly.
        effort: of that.
        learn: crops that it then learns from by gradient descent.
        examine: crops of held-out sources.
        schedule: of the descent.
    """

    parent: str
    size: int
    fit: Plan
    effort: Effort
    learn: Plan
    examine: Plan
    schedule: Schedule

    def quick(self) -> LandmarkRecipe:
        """The same in a minute: it shows that everything works, not what it can do."""
        return replace(
            self,
            fit=replace(self.fit, photographs=16, drawn=8, empty=0),
            effort=Effort(rows=1500, rounds=1),
            learn=replace(self.learn, photographs=32, drawn=16, empty=8),
            examine=replace(self.examine, photographs=24, drawn=8, empty=4),
            schedule=replace(self.schedule, steps=24, batch=8, every=6, rate=3e-4),
        )


@dataclass(frozen=True)
class PalmRecipe:
    """How a palm student comes to be.

    Attributes:
        parent: MediaPipe's variant whose operators and first weights it has; None for a network of
            our own, which begins with random weights.
        size: pixels of its input.
        learn: pictures that it learns from.
        examine: pictures of held-out sources.
        schedule: of the descent.
        seed: of its first weights.
    """

    parent: str | None
    size: int
    learn: Plan
    examine: Plan
    schedule: Schedule
    seed: int = 0

    def quick(self) -> PalmRecipe:
        """The same in a minute: it shows that everything works, not what it can do."""
        return replace(
            self,
            learn=replace(self.learn, photographs=24, drawn=24, empty=8),
            examine=replace(self.examine, photographs=12, drawn=12, empty=0),
            schedule=replace(
                self.schedule,
                steps=24,
                batch=8,
                every=6,
                renew=12 if self.schedule.renew else 0,
                rate=self.schedule.rate if self.parent else 1e-3,
            ),
        )


RECIPES: Mapping[str, LandmarkRecipe | PalmRecipe] = {
    "landmark_full": LandmarkRecipe(
        parent="full",
        size=160,
        fit=Plan(photographs=500, drawn=250, empty=50, seed=1),
        effort=Effort(),
        learn=Plan(photographs=6000, drawn=2000, empty=1000, seed=2),
        examine=Plan(photographs=400, drawn=0, empty=60, seed=3),
        schedule=Schedule(steps=4800, batch=32, rate=1.5e-4, frozen=20, every=300),
    ),
    "landmark_lite": LandmarkRecipe(
        parent="lite",
        size=160,
        fit=Plan(photographs=500, drawn=250, empty=50, seed=1),
        effort=Effort(),
        learn=Plan(photographs=6000, drawn=2000, empty=1000, seed=2),
        examine=Plan(photographs=400, drawn=0, empty=60, seed=3),
        schedule=Schedule(steps=6000, batch=32, rate=1e-3, frozen=0, every=250),
    ),
    "palm_full": PalmRecipe(
        parent="full",
        size=144,
        learn=Plan(photographs=4200, drawn=1000, empty=600, seed=6),
        examine=Plan(photographs=1000, drawn=0, empty=0, seed=7),
        # New pictures all the time: the same ones twice over, and held-out recall falls.
        schedule=Schedule(steps=4200, batch=32, rate=2e-4, frozen=24, every=350, renew=350),
    ),
    "palm": PalmRecipe(
        parent=None,
        size=192,
        learn=Plan(photographs=12000, drawn=4000, empty=2000, seed=4),
        examine=Plan(photographs=300, drawn=0, empty=0, seed=5),
        schedule=Schedule(steps=60_000, batch=32, rate=2e-3, frozen=0, every=1000),
    ),
}
