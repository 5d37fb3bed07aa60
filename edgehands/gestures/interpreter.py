"""All gesture and pose results for a stream of frames, from one object.

interpreter = HandInterpreter(config.gestures, config.pose)
for frame_hands in tracked:
    told = interpreter.interpret(frame_hands)
    told.frame_hands.hands[0].gesture, told.frame_hands.hands[0].pose, told.events
"""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from edgehands.config.gestures import GesturesConfig
from edgehands.config.pose import PoseConfig
from edgehands.errors import GestureError
from edgehands.gestures.debounce import GestureDebouncer
from edgehands.gestures.dynamic import MotionTracker
from edgehands.gestures.events import EventType, GestureEvent, Interpretation
from edgehands.gestures.library import GestureLibrary
from edgehands.gestures.shape import shape_of
from edgehands.gestures.static import GESTURES, NONE, score_gestures
from edgehands.hand import Gesture, Hand
from edgehands.pose.estimator import PoseEstimator

if TYPE_CHECKING:
    from edgehands.gestures.debounce import GestureChange
    from edgehands.gestures.events import Movement
    from edgehands.hand import FrameHands, Handedness

_LOG: Final = logging.getLogger(__name__)

_LOST_S: Final = 0.25
"""A hand unseen for this long is gone; the tracker bridges shorter gaps itself."""

_REFRESH_S: Final = 1.0
_NO_SCORES: Final = (0.0,) * len(GESTURES)


class _Track:
    """The state kept for one hand."""

    def __init__(self, hand: Hand, steady: GestureDebouncer, motion: MotionTracker) -> None:
        self.handedness: Handedness = hand.handedness
        self.steady = steady
        self.motion = motion
        self.seen = 0.0


class HandInterpreter:
    """Fills in each hand's gesture and pose, and reports what began, ended and moved.

    Not thread-safe; use one object per stream.

    Args:
        gestures: the gesture settings.
        pose: the pose settings.
        library: the taught gestures; None = those in ``gestures.taught_file``, checked every
            second, so that newly taught gestures work without a restart. A file that can't be read
            is logged once, and no taught gesture is recognised until it is fixed.
    """

    def __init__(
        self,
        gestures: GesturesConfig | None = None,
        pose: PoseConfig | None = None,
        library: GestureLibrary | None = None,
    ) -> None:
        self._config = gestures or GesturesConfig()
        pose = pose or PoseConfig()
        self._poses = PoseEstimator(pose)
        self._pose_on = pose.enabled
        self._library = library
        self._refreshed: float | None = None
        self._tracks: dict[int, _Track] = {}

    def interpret(self, frame_hands: FrameHands) -> Interpretation:
        """Interpret the hands of one frame. Frames must be in order of time."""
        frame = frame_hands.frame
        t = frame.t_mono
        height, width = frame.image.shape[:2]
        events: list[GestureEvent] = []
        hands = []
        self._refresh(t)
        for given in frame_hands.hands:
            hand = given
            if self._pose_on:
                hand = replace(hand, pose=self._poses.estimate(hand, width, height, t))
            if self._config.enabled:
                hand = self._name(t, hand, (width, height), events)
            hands.append(hand)
        self._forget(t, events)
        return Interpretation(replace(frame_hands, hands=tuple(hands)), tuple(events))

    def _name(
        self, t: float, hand: Hand, size: tuple[int, int], events: list[GestureEvent]
    ) -> Hand:
        track = self._tracks.get(hand.id)
        if track is None:
            focal = self._poses.intrinsics(*size).fx
            motion = MotionTracker(*size, focal, sure=self._config.movements == "sure")
            track = self._tracks[hand.id] = _Track(hand, GestureDebouncer(self._config), motion)
        track.seen, track.handedness = t, hand.handedness
        try:
            shape = shape_of(hand.world_landmarks)
            taught = self._taught(hand, track.steady.name)
        except GestureError as error:
            _LOG.debug("hand %d: %s", hand.id, error)
            return replace(hand, gesture=Gesture(NONE, 0.0))
        scores = score_gestures(shape) if self._config.static else _NO_SCORES
        gesture, change = track.steady.update(t, scores, taught)
        if change is not None:
            events += _change_events(hand.id, track.handedness, t, change)
        if self._config.dynamic:
            told = track.motion.update(t, hand, shape)
            events += [_movement_event(hand.id, track.handedness, t, m) for m in told]
        return replace(hand, gesture=gesture)

    def _taught(self, hand: Hand, standing: str) -> Gesture | None:
        if self._library is None or not self._config.taught or not len(self._library.taught):
            return None
        return self._library.taught.match_hand(hand, keep=standing).gesture

    def _refresh(self, t: float) -> None:
        """Check the file of taught gestures now and then."""
        if not (self._config.enabled and self._config.taught):
            return
        if self._refreshed is not None and 0.0 <= t - self._refreshed < _REFRESH_S:
            return
        self._refreshed = t
        try:
            if self._library is None:
                self._library = GestureLibrary(self._config.taught_file or None, load=False)
            self._library.refresh()
        except GestureError as error:
            _LOG.warning("taught gestures: %s", error)

    def end(self) -> tuple[GestureEvent, ...]:
        """Events at the end of the stream, as if every hand had left; another stream may follow."""
        events: list[GestureEvent] = []
        for i in tuple(self._tracks):
            self._drop(i, self._tracks[i].seen, events)
        self._refreshed = None
        return tuple(events)

    def _forget(self, t: float, events: list[GestureEvent]) -> None:
        for i in [i for i, track in self._tracks.items() if abs(t - track.seen) > _LOST_S]:
            self._drop(i, t, events)

    def _drop(self, hand_id: int, t: float, events: list[GestureEvent]) -> None:
        track = self._tracks.pop(hand_id)
        if self._config.dynamic:
            told = track.motion.lost()
            events += [_movement_event(hand_id, track.handedness, t, m) for m in told]
        if track.steady.name != NONE:
            events.append(
                GestureEvent(
                    EventType.GESTURE_ENDED,
                    hand_id,
                    track.handedness,
                    t,
                    gesture=track.steady.name,
                    duration=track.seen - track.steady.since,
                )
            )


def _change_events(
    hand_id: int, side: Handedness, t: float, change: GestureChange
) -> list[GestureEvent]:
    events = []
    if change.before != NONE:
        events.append(
            GestureEvent(
                EventType.GESTURE_ENDED,
                hand_id,
                side,
                t,
                gesture=change.before,
                duration=t - change.since,
            )
        )
    if change.now.name != NONE:
        events.append(
            GestureEvent(
                EventType.GESTURE_STARTED,
                hand_id,
                side,
                t,
                gesture=change.now.name,
                score=change.now.score,
            )
        )
    return events


def _movement_event(hand_id: int, side: Handedness, t: float, m: Movement) -> GestureEvent:
    return GestureEvent(hand_id=hand_id, handedness=side, t=t, **asdict(m))
