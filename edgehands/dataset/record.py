"""From a source to a folder: what ``edgehands record`` does, frame by frame."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from edgehands import HandTracker, __version__
from edgehands.dataset.doubtful import DoubtfulFrames, Kept
from edgehands.dataset.faces import blur_faces
from edgehands.dataset.files import now
from edgehands.dataset.format import (
    CameraRecord,
    Dataset,
    ModelRecord,
    RecordedHand,
    RecordedRoi,
)
from edgehands.hand import FrameHands
from edgehands.pose.camera import intrinsics_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from edgehands.config import Config
    from edgehands.dataset.depth_sources import DepthFrame, DepthSource
    from edgehands.dataset.doubtful import SecondOpinion
    from edgehands.dataset.faces import FaceFinder
    from edgehands.dataset.format import Reason
    from edgehands.dataset.writing import DatasetWriter
    from edgehands.gestures import HandInterpreter
    from edgehands.hand import Frame, Hand

READ_TIMEOUT_S: Final = 1.0

_DEPTHS_KEPT: Final = 100
"""Depth pictures in memory: the last three seconds, for frames kept afterwards."""


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """Which frames of a stream are kept, and when to stop.

    Attributes:
        every: every n-th frame; 0 = doubtful frames only.
        most: number of pictures after which recording ends; 0 = no limit.
        seconds: time after which it ends; 0 = no limit.
    """

    every: int = 30
    most: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class RecordSummary:
    """The result of a recording.

    Attributes:
        frames: frames processed.
        pictures: pictures stored.
        hands: hands in them.
        why: how often each reason applied.
    """

    frames: int = 0
    pictures: int = 0
    hands: int = 0
    why: Counter[str] = field(default_factory=Counter)


def header_of(
    config: Config, source: DepthSource, tracker: HandTracker, *, blurred: bool
) -> Dataset:
    """The contents of ``dataset.json`` for a recording."""
    info = source.describe()
    lens = source.lens
    focal = (lens.focal_x, lens.focal_y) if lens else (0.0, 0.0)
    if not lens and info.width and info.height:
        known = intrinsics_of(config.pose, info.width, info.height)
        focal = (known.fx, known.fy)
    return Dataset(
        created=now(),
        edgehands=__version__,
        camera=CameraRecord(
            uri=info.uri,
            kind=info.kind,
            detail=info.detail,
            width=info.width,
            height=info.height,
            fps=info.fps,
            focal_x=round(focal[0], 2),
            focal_y=round(focal[1], 2),
            calibrated=bool(lens or config.pose.focal_x),
        ),
        settings=_camera_settings(config),
        tracking=msgspec.to_builtins(tracker.config),
        models=[ModelRecord(name=m.file, sha256=m.sha256) for m in tracker.models],
        faces="blurred" if blurred else "kept",
    )


def recorded(hand: Hand) -> RecordedHand:
    """A tracker's hand in the folder's format."""
    roi = hand.roi
    return RecordedHand(
        id=hand.id,
        handedness=hand.handedness.value,
        handedness_score=_share(hand.handedness_score),
        presence=_share(hand.presence),
        landmarks=_rounded(hand.landmarks, 3),
        world=_rounded(hand.world_landmarks, 5),
        roi=RecordedRoi(
            cx=round(roi.cx, 3),
            cy=round(roi.cy, 3),
            size=round(roi.size, 3),
            rotation=round(roi.rotation, 5),
        ),
        gesture=hand.gesture.name if hand.gesture else "none",
    )


class Recorder:
    """Processes every frame of a source and stores the selected ones.

    Args:
        source: of the frames, and of their depth.
        tracker: without smoothing, so that its result is of that picture alone.
        interpreter: names the gestures.
        writer: of the folder.
        second: another model's landmarks, for doubtful frames.
        faces: finds the faces to blur; None = pictures are stored unchanged.
    """

    def __init__(  # noqa: PLR0913 - each is a part that tests replace
        self,
        source: DepthSource,
        tracker: HandTracker,
        interpreter: HandInterpreter,
        writer: DatasetWriter,
        *,
        second: SecondOpinion | None = None,
        faces: FaceFinder | None = None,
    ) -> None:
        self._source = source
        self._tracker = tracker
        self._interpreter = interpreter
        self._writer = writer
        self._doubtful = DoubtfulFrames(second)
        self._faces = faces
        self._depths: dict[int, NDArray[np.uint16]] = {}

    def run(
        self, settings: RecordSettings, progress: Callable[[RecordSummary], None] | None = None
    ) -> RecordSummary:
        """Record until the source ends or a limit is reached.

        Args:
            settings: what to keep.
            progress: called after each frame.

        Raises:
            DatasetError: a picture can't be stored.
            SourceError: the source is damaged.
        """
        summary = RecordSummary()
        end = time.monotonic() + settings.seconds if settings.seconds else float("inf")
        while not self._source.finished and time.monotonic() < end:
            seen = self._source.read(READ_TIMEOUT_S)
            if seen is None:
                continue
            for kept in self._look(seen, settings, summary.frames):
                if settings.most and summary.pictures >= settings.most:
                    return summary
                self._store(kept)
                summary.pictures += 1
                summary.hands += len(kept.hands)
                summary.why.update(kept.why)
            summary.frames += 1
            if progress is not None:
                progress(summary)
            if settings.most and summary.pictures >= settings.most:
                break
        return summary

    def _look(self, seen: DepthFrame, settings: RecordSettings, number: int) -> list[Kept]:
        frame = seen.frame
        found = self._tracker.process(frame.image, frame.t_mono)
        hands = self._interpreter.interpret(FrameHands(frame, found)).frame_hands.hands
        if settings.every:
            if number % settings.every:
                return []
            self._keep_depth(frame, seen)
            why: tuple[Reason, ...] = ("interval",)
            return [Kept(frame, hands, why)]
        self._keep_depth(frame, seen)
        return self._doubtful.look(frame, hands)

    def _keep_depth(self, frame: Frame, seen: DepthFrame) -> None:
        """Depth of frames that may still be stored: a lost hand's, up to three seconds later."""
        if seen.depth is None:
            return
        self._depths[frame.seq] = seen.depth
        for seq in list(self._depths)[:-_DEPTHS_KEPT]:
            del self._depths[seq]

    def _store(self, kept: Kept) -> None:
        frame = kept.frame
        if self._faces is not None:
            frame = replace(frame, image=blur_faces(frame.image, self._faces))
        self._writer.add(
            frame,
            [recorded(hand) for hand in kept.hands],
            why=kept.why,
            depth=self._depths.get(kept.frame.seq),
        )


def _camera_settings(config: Config) -> dict[str, bool | int | float | str]:
    """The camera settings without the source, which may contain a password."""
    plain = msgspec.to_builtins(config.camera)
    return {
        k: v for k, v in plain.items() if k != "source" and isinstance(v, bool | int | float | str)
    }


def _share(value: float) -> float:
    return round(min(max(float(value), 0.0), 1.0), 4)


def _rounded(points: NDArray[np.float32], digits: int) -> list[Any]:
    return [[round(float(v), digits) for v in point] for point in points]
