"""A simulated annotator: presses keys and drags points until a hand is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

    from edgehands.dataset import LabelledHand

GOOD: Final = 0.02
"""Mean error in palm sizes at which this annotator stops: about what two people differ by."""

PATIENCE: Final = 40
"""Actions after which the annotator gives up on a hand."""

_STATE: Final = """() => ({
    hands: window.annotate.editor.hands,
    selected: window.annotate.editor.selected,
    x: window.annotate.view.x, y: window.annotate.view.y, scale: window.annotate.view.scale,
})"""


@dataclass(slots=True)
class Annotator:
    """Corrects pictures in a browser's tab; every key and every drag is an action.

    Attributes:
        tab: shows the page.
        actions: so far.
        timeout_ms: timeout for a picture or a response.
    """

    tab: Tab
    timeout_ms: float
    actions: int = 0

    def shown(self, number: int) -> None:
        """Wait until a picture is shown."""
        self.until(f"document.body.dataset.shown === '{number}' && !!annotate.view.bitmap")

    def press(self, key: str) -> None:
        """Press a key."""
        self.tab.keyboard.press(key)
        self.actions += 1

    def saved(self) -> None:
        """Wait until the page shows that everything is saved."""
        self.until(
            "document.getElementById('chip').dataset.state === 'saved' && annotate.saver.idle"
        )

    def until(self, condition: str) -> None:
        """Wait for a condition in the page; its security policy forbids playwright's own method."""
        seconds = self.timeout_ms / 1000
        holds = wait_for(lambda: self.tab.evaluate(f"Boolean({condition})"), seconds)
        assert holds, condition

    def correct(self, truth: LabelledHand) -> int:
        """Correct the picture's only hand and go on; returns the number of actions."""
        before = self.actions
        state = self._state()
        if len(state["hands"]) > 1:
            self._remove_false(state, truth)
        elif not state["hands"]:
            self._box(truth)
        if self._state()["hands"][0]["handedness"] != truth.handedness.value:
            self.press(truth.handedness.value[0])
        while self.actions - before < PATIENCE:
            shown = np.array(self._state()["hands"][0]["points"], float)
            off = np.linalg.norm(shown - truth.points, axis=1) / truth.palm_size
            if off[truth.inside].mean() <= GOOD:
                break
            shift = (truth.points - shown).mean(axis=0)
            rest = np.linalg.norm(shown + shift - truth.points, axis=1) / truth.palm_size
            if rest.mean() <= GOOD:
                self.press("0")
                self.drag(shown[9], shown[9] + shift)
            else:
                worst = int(np.where(truth.inside, off, 0).argmax())
                self.drag(shown[worst], truth.points[worst])
        self.press("Enter")
        return self.actions - before

    def drag(self, start: Any, end: Any) -> None:
        """Drag from one place of the picture to another."""
        state = self._state()
        box = self.tab.locator("#view").bounding_box()
        assert box is not None
        (x0, y0), (x1, y1) = (
            (
                p[0] * state["scale"] + state["x"] + box["x"],
                p[1] * state["scale"] + state["y"] + box["y"],
            )
            for p in (start, end)
        )
        mouse = self.tab.mouse
        mouse.move(x0, y0)
        mouse.down()
        mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
        mouse.move(x1, y1)
        mouse.up()
        self.actions += 1

    def _remove_false(self, state: dict[str, Any], truth: LabelledHand) -> None:
        far = [
            np.linalg.norm(np.array(hand["points"]) - truth.points, axis=1).mean()
            for hand in state["hands"]
        ]
        if int(np.argmax(far)) != state["selected"]:
            self.press("m")
        self.press("Delete")

    def _box(self, truth: LabelledHand) -> None:
        self.press("a")
        margin = 0.15 * truth.palm_size
        self.drag(truth.points.min(axis=0) - margin, truth.points.max(axis=0) + margin)
        self.until("annotate.editor.hands.length === 1")

    def _state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.tab.evaluate(_STATE)
        return found
