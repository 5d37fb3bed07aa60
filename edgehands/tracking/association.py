"""Which readings, palms and tracks belong to the same hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.geometry.duplicates import lie_together, same_hand

if TYPE_CHECKING:
    from edgehands.hand import PalmDetection, Roi
    from edgehands.tracking.landmark_model import LandmarkReading
    from edgehands.tracking.track import Track

NEAR_PALM: Final = 0.5
"""A palm detected within this distance of a tracked palm, in palm sizes, is the tracked one."""

NEAREST_PALM: Final = 0.6
"""The nearest palm is the tracked one within this distance, in widths of the palm's box."""

SURPRISE_MARGIN: Final = 0.1
"""How much better than an older track a younger one must fit a hand to take it over."""

NEAR_LOST: Final = 0.5
"""A hand found within this distance of a lost one's predicted place, in ROI sizes, is that hand."""

UNLIKE_SIDES: Final = 0.5
"""Two readings whose probabilities of a right hand differ by this much show different sides."""


def claim(
    claims: list[tuple[Track, LandmarkReading]], track: Track, reading: LandmarkReading, t: float
) -> None:
    """Assign a reading to a track, unless an older track fits the same hand about as well.

    When one hand passes in front of another, both tracks end up on the front one, and the older id
    would often be the wrong one.
    """
    for i, (other, its) in enumerate(claims):
        if one_hand(its, reading):
            if track.surprise(reading, t) + SURPRISE_MARGIN < other.surprise(its, t):
                claims[i] = (track, reading)
            return
    claims.append((track, reading))


def one_hand(one: LandmarkReading, other: LandmarkReading) -> bool:
    """Whether two readings show one hand; readings of different sides must lie closer together."""
    if same_hand(one.landmarks, other.landmarks):
        return True
    one_side = abs(one.looks_right - other.looks_right) < UNLIKE_SIDES
    return one_side and lie_together(one.landmarks, other.landmarks)


def own_palms(palms: tuple[PalmDetection, ...], tracks: list[Track]) -> set[int]:
    """Indices of a frame's palms that belong to tracks seen in that frame.

    All palms that lie on a tracked palm, and the nearest one close by: a palm detected upside down
    would lead the landmark model to a second hand in the same place.
    """
    own: set[int] = set()
    for track in tracks:
        if track.missed:
            continue
        reading = track.reading
        centre = reading.palm_points.mean(axis=0)
        size = float(np.linalg.norm(reading.landmarks[9, :2] - reading.landmarks[0, :2]))
        aways = [math.hypot(*(centre - palm.keypoints[:5].mean(axis=0))) for palm in palms]
        own |= {i for i, away in enumerate(aways) if away < NEAR_PALM * size}
        if aways:
            nearest = min(range(len(aways)), key=aways.__getitem__)
            box = palms[nearest].box
            if aways[nearest] < NEAREST_PALM * float(box[2] - box[0]):
                own.add(nearest)
    return own


def apart(one: Roi, other: Roi) -> float:
    """Distance of two ROIs' centres, frame pixels."""
    return math.hypot(one.cx - other.cx, one.cy - other.cy)


def seen_already(tracks: list[Track], reading: LandmarkReading, t: float) -> bool:
    """Whether a track already has this reading's hand in the frame at second ``t``."""
    return any(
        not track.missed and track.last_seen == t and one_hand(track.reading, reading)
        for track in tracks
    )


def lost_at(tracks: list[Track], reading: LandmarkReading, t: float) -> Track | None:
    """The lost track that a newly found hand continues: the nearest within reach."""
    x, y = reading.landmarks[9, :2].tolist()
    near = [(away, i) for i, away in _lost_within_reach(tracks, x, y, t)]
    return tracks[min(near)[1]] if near else None


def was_lost_at(tracks: list[Track], palm: PalmDetection, t: float) -> bool:
    """Whether a hand was lost where a palm is detected."""
    x, y = palm.keypoints[2].tolist()
    return bool(_lost_within_reach(tracks, x, y, t))


def _lost_within_reach(
    tracks: list[Track], x: float, y: float, t: float
) -> list[tuple[int, float]]:
    """Indices of lost tracks near a middle knuckle (frame pixels), and distances in ROI sizes."""
    near = []
    for i, track in enumerate(tracks):
        if track.missed:
            roi = track.predict(t)
            away = math.hypot(x - roi.cx, y - roi.cy) / roi.size
            if away < NEAR_LOST:
                near.append((i, away))
    return near


def bounds(track: Track) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the square around a track's last ROI, frame pixels."""
    roi = track.reading.roi
    half = roi.size / 2
    return int(roi.cx - half), int(roi.cy - half), int(roi.cx + half), int(roi.cy + half)
