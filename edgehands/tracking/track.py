"""One hand followed over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from edgehands.geometry.roi import normalise_angle
from edgehands.hand import Hand, Handedness, Roi
from edgehands.tracking.doubt import SURE, VAIN_LOOKS, VAIN_LOOKS_TENTATIVE
from edgehands.tracking.smoothing import HandSmoother

if TYPE_CHECKING:
    from edgehands.tracking.landmark_model import LandmarkReading

LONGEST_STEP: Final = 0.35
"""The furthest that a ROI is predicted from its last place, in its own sizes."""

MOST_TURN: Final = 0.8
"""Radians a frame: the largest turn by which a curved path is extrapolated."""

HANDEDNESS_WEIGHT: Final = 0.08
"""Smallest weight of the newest reading in a track's handedness: the mean of the first readings,
then a slow average. A hand doesn't change sides."""

PRESENCE_WEIGHT: Final = 0.05
"""The same for its presence."""

OTHER_SIDE: Final = 0.6
"""Mean at which a track changes sides; between this and its complement it keeps its side. Readings
of touching hands give either side about equally often."""

SIDE_WEIGHT: Final = 0.5
"""Weight of the wrong side in a track's surprise, in sizes of its ROI."""

LOST_WEIGHT: Final = 0.15
"""Weight of each unseen frame in a track's surprise, in sizes of its ROI."""

FRESH_READINGS: Final = 4
"""Number of readings during which a track is new and, if in doubt, checked in each frame."""

STILL_SHIFT: Final = 0.02
STILL_TURN: Final = 0.04
"""A ROI that would move by less than this share of its size, and turn by less than these radians,
stays where it is: the model then sees the same pixels, and a still hand's landmarks stay still."""


class Track:
    """A hand with an id: where it is, where it will be, and what has been seen of it.

    Args:
        track_id: never reused in a run; 0 for a tentative one, which gets its id when first
            reported.
        reading: the hand's first reading.
        t: time of that reading, seconds.
        mirrored: the frames are mirror images.
        smoothing: smooth the hands that :meth:`next_hand` returns.
        tentative: not reported until a second detection confirms it.
        refused: a track was recently dropped here: only a high mean presence makes it a hand.
    """

    def __init__(  # noqa: PLR0913  (what it begins with, and three switches)
        self,
        track_id: int,
        reading: LandmarkReading,
        t: float,
        *,
        mirrored: bool,
        smoothing: bool,
        tentative: bool = False,
        refused: bool = False,
    ) -> None:
        self.id = track_id
        self.tentative = tentative or refused
        self.refused = refused
        self.missed = 0
        self._presence = reading.presence
        self._vain = 0  # consecutive detections without its palm while in doubt
        self.last_seen = t
        self.reading = reading
        self._mirrored = mirrored
        self._smoother = HandSmoother() if smoothing else None
        self._right = self._right_of(reading)
        self._is_right = self._right >= 0.5
        self._readings = 1
        self._roi = reading.found_roi
        self._measured = self._roi
        self._velocity = (0.0, 0.0)  # frame pixels per second
        self._turn = 0.0  # radians by which the velocity turned since the reading before

    def predict(self, t: float) -> Roi:
        """Where the hand should be at second ``t``."""
        gap = t - self.last_seen
        cos, sin = math.cos(self._turn), math.sin(self._turn)
        vx, vy = self._velocity
        dx, dy = (vx * cos - vy * sin) * gap, (vx * sin + vy * cos) * gap
        far = math.hypot(dx, dy)
        limit = LONGEST_STEP * self._roi.size
        if far > limit:
            dx, dy = dx * limit / far, dy * limit / far
        return Roi(self._roi.cx + dx, self._roi.cy + dy, self._roi.size, self._roi.rotation)

    def surprise(self, reading: LandmarkReading, t: float) -> float:
        """How badly a reading at second ``t`` fits: 0 as expected, 1 for one ROI size away."""
        expected, found = self.predict(t), reading.found_roi
        apart = math.hypot(found.cx - expected.cx, found.cy - expected.cy) / expected.size
        lost = max(0, self.missed - 1)  # this frame's reading is still being judged
        wrong_side = abs(self._right_of(reading) - self._right)
        return apart + SIDE_WEIGHT * wrong_side + LOST_WEIGHT * lost

    def see(self, reading: LandmarkReading, t: float) -> None:
        """Take a new reading of the hand."""
        gap = t - self.last_seen
        roi = reading.found_roi
        still = _nearly(roi, self._roi)
        before = self._velocity
        if still or gap <= 0:
            self._velocity = (0.0, 0.0)
        else:
            self._velocity = (
                (roi.cx - self._measured.cx) / gap,
                (roi.cy - self._measured.cy) / gap,
            )
        self._turn = _turn(before, self._velocity)
        self._measured = roi
        if not still:
            self._roi = roi
        self._readings += 1
        first = 1 / self._readings
        weight = max(HANDEDNESS_WEIGHT, first)
        self._right += weight * (self._right_of(reading) - self._right)
        if max(self._right, 1 - self._right) >= OTHER_SIDE:
            self._is_right = self._right >= 0.5
        self._presence += max(PRESENCE_WEIGHT, first) * (reading.presence - self._presence)
        # Where a face was dropped, one good reading proves nothing: faces have them now and then.
        if (self._presence if self.refused else reading.presence) >= SURE:
            self.tentative = self.refused = False
        self.reading = reading
        self.last_seen = t
        self.missed = 0

    @property
    def in_doubt(self) -> bool:
        """Whether it may not be a hand: its presence is low on average."""
        return self.tentative or self._presence < SURE

    @property
    def reported(self) -> bool:
        """Whether its hand was seen in this frame and is reported."""
        return not self.missed and not self.tentative

    @property
    def fresh(self) -> bool:
        """Whether it is new or not reported yet."""
        return self.tentative or self._readings <= FRESH_READINGS

    def judge(self, *, confirmed: bool) -> bool:
        """Apply a detection's result; returns whether the track is kept."""
        if confirmed and not self.refused:
            self.tentative = False
            self._vain = 0
            return True
        if self.in_doubt:
            self._vain += 1
        return self._vain < (VAIN_LOOKS_TENTATIVE if self.tentative else VAIN_LOOKS)

    def next_hand(self) -> Hand:
        """The hand as last seen, smoothed. Advances the smoothing filter: call once per frame."""
        reading = self.reading
        landmarks, world = reading.landmarks, reading.world_landmarks
        if self._smoother is not None:
            palm = math.hypot(*(landmarks[9, :2] - landmarks[0, :2]).tolist())
            landmarks, world = self._smoother.smooth(landmarks, world, palm, self.last_seen)
        # The next frames are smoothed and tracked from these numbers.
        landmarks.flags.writeable = world.flags.writeable = False
        right = self._is_right
        return Hand(
            id=self.id,
            handedness=Handedness.RIGHT if right else Handedness.LEFT,
            handedness_score=self._right if right else 1 - self._right,
            presence=reading.presence,
            landmarks=landmarks,
            world_landmarks=world,
            roi=reading.roi,
        )

    def _right_of(self, reading: LandmarkReading) -> float:
        """Probability that it is the person's right hand; mirrored images are accounted for."""
        return 1 - reading.looks_right if self._mirrored else reading.looks_right


def _nearly(one: Roi, other: Roi) -> bool:
    shift = max(abs(one.cx - other.cx), abs(one.cy - other.cy), abs(one.size - other.size))
    turn = abs(normalise_angle(one.rotation - other.rotation))
    return shift < STILL_SHIFT * other.size and turn < STILL_TURN


def _turn(before: tuple[float, float], now: tuple[float, float]) -> float:
    """The angle from one velocity to the next, radians within +-:data:`MOST_TURN`; 0 at rest."""
    cross = before[0] * now[1] - before[1] * now[0]
    dot = before[0] * now[0] + before[1] * now[1]
    return max(-MOST_TURN, min(MOST_TURN, math.atan2(cross, dot)))
