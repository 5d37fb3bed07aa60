"""The poses of all hands of one stream, frame by frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from edgehands.errors import CalibrationError
from edgehands.pose.camera import intrinsics_of
from edgehands.pose.estimate import AVERAGE_HAND_LENGTH, estimate_pose
from edgehands.pose.smooth import PoseFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgehands.config.pose import PoseConfig
    from edgehands.hand import Hand, Pose
    from edgehands.pose.camera import Intrinsics

_FORGET_S: Final = 5.0


class _Track:
    """The state kept for one hand."""

    def __init__(self) -> None:
        self.filter = PoseFilter()
        self.seen = 0.0


class PoseEstimator:
    """Estimates hands' poses in the camera frame and smooths each.

    Not thread-safe; use one object per stream.
    """

    def __init__(self, config: PoseConfig) -> None:
        self._config = config
        self._length = config.hand_length or AVERAGE_HAND_LENGTH
        self._intrinsics: Intrinsics | None = None
        self._tracks: dict[int, _Track] = {}

    def intrinsics(self, width: int, height: int) -> Intrinsics:
        """The intrinsics in use for pictures of this size."""
        known = self._intrinsics
        if known is None or (known.width, known.height) != (width, height):
            known = self._intrinsics = intrinsics_of(self._config, width, height)
        return known

    def estimate(self, hand: Hand, width: int, height: int, t: float) -> Pose | None:
        """The pose of one hand.

        Args:
            hand: with landmarks in pixels of the frame.
            width: of the frame, pixels.
            height: of the frame, pixels.
            t: the frame's time, seconds.

        Returns:
            The pose, None if the landmarks allow none.
        """
        pose = estimate_pose(hand, self.intrinsics(width, height), self._length)
        if pose is None or not self._config.smoothing:
            return pose
        track = self._tracks.get(hand.id)
        if track is None:
            self._forget(t)
            track = self._tracks[hand.id] = _Track()
        track.seen = t
        return track.filter.update(t, pose)

    def _forget(self, t: float) -> None:
        gone = [i for i, track in self._tracks.items() if abs(t - track.seen) > _FORGET_S]
        for i in gone:
            del self._tracks[i]


def learn_hand_length(hands: Iterable[Hand], distance: float, intrinsics: Intrinsics) -> float:
    """The hand length that explains these landmarks at a known distance.

    Hold the palm flat towards the camera, its centre at the distance, and pass the hands of a
    second or more. The result goes into ``pose.hand_length``.

    Args:
        hands: at least 5, all the same hand, in pictures of the size of ``intrinsics``.
        distance: metres from the camera to the palm's centre, 0.1 to 5.
        intrinsics: of the camera.

    Raises:
        CalibrationError: too few hands, an invalid distance, or hands that allow no pose.
    """
    if not 0.1 <= distance <= 5.0:
        raise CalibrationError(f"distance of {distance} m is outside 0.1 to 5: give metres")
    lengths = []
    for hand in hands:
        pose = estimate_pose(hand, intrinsics)
        if pose is not None:
            lengths.append(AVERAGE_HAND_LENGTH * distance / math.hypot(*pose.palm))
    if len(lengths) < 5:
        raise CalibrationError(
            f"{len(lengths)} usable pictures of the hand, at least 5 are needed: "
            "hold the open hand still in full view"
        )
    lengths.sort()
    return lengths[len(lengths) // 2]
