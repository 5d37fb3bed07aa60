"""The loop's policy: follow the hands that are known, look for others only when it is due.

>>> with HandTracker(TrackingConfig(max_hands=2)) as tracker:  # doctest: +SKIP
...     for frame in frames:
...         for hand in tracker.process(frame):
...             print(hand.id, hand.handedness, hand.landmarks[Landmark.INDEX_TIP])
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from edgehands.backends import choose_backend
from edgehands.config import TrackingConfig
from edgehands.errors import FrameError
from edgehands.geometry.duplicates import same_hand
from edgehands.geometry.roi import palm_roi
from edgehands.model_store import ModelStore
from edgehands.tracking.async_detector import AsyncDetector
from edgehands.tracking.checks import check_change, checked_frame
from edgehands.tracking.landmark_model import LandmarkModel
from edgehands.tracking.palm_detector import PalmDetector
from edgehands.tracking.schedule import DetectionSchedule, MotionGate
from edgehands.tracking.track import Track

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from edgehands.backends.base import Backend
    from edgehands.hand import Hand, PalmDetection, Roi
    from edgehands.model_store import ModelSpec, Task
    from edgehands.tracking.landmark_model import LandmarkReading

MISSES_TOLERATED: Final = 8
"""Frames in a row that a track may go unseen before its id is given up."""

NEAR_PALM: Final = 0.5
"""A palm detected this close to a tracked palm, in palm sizes, is the tracked one."""

NEAR_LOST: Final = 0.5
"""A hand found this close to where a lost one should be, in sizes of its ROI, is the lost one."""

SECOND_LOOK: Final = 0.1
"""A hand further than this from the middle of its ROI, in the ROI's sizes, is read again."""

SURPRISE_MARGIN: Final = 0.1
"""How much better than an older track a younger one must fit a hand that both see, to keep it."""

TASKS: Final[tuple[Task, ...]] = ("palm_detection", "hand_landmark")
"""What it needs models for."""

_PALM_POINTS = (0, 5, 9, 13, 17)


@dataclass(frozen=True, slots=True)
class Workload:
    """What the models have done so far: executions, and seconds in them."""

    palm_runs: int
    palm_seconds: float
    landmark_runs: int
    landmark_seconds: float


class HandTracker:
    """Finds hands in frames and follows them.

    A context manager. Deterministic for a given sequence of frames and timestamps, unless
    ``async_detection`` is on. Several threads may share one: their calls wait for each other, and
    their frames are taken for one video. Who wants to track several videos makes several trackers.

    Args:
        config: None takes the defaults.
        store: where the model files are; None looks in the usual places.
        backend: what executes them; None opens the configured one.

    Raises:
        BackendUnavailable: the configured backend can't be had.
        ModelNotFound, ModelCorrupt: a model file is missing or isn't the released one.
    """

    def __init__(
        self,
        config: TrackingConfig | None = None,
        *,
        store: ModelStore | None = None,
        backend: Backend | None = None,
    ) -> None:
        self._config = config = config or TrackingConfig()
        self._lock = threading.RLock()
        store = store or ModelStore()
        self._beside: AsyncDetector | None = None
        with ExitStack() as resources:
            self.backend = backend or choose_backend(config, store)
            if backend is None:
                resources.callback(self.backend.close)
            self.models: tuple[ModelSpec, ...] = tuple(
                store.find(task, config.model, config.precision, self.backend.kind(task))
                for task in TASKS
            )
            palm, landmark = (self.backend.load(spec, store.verify(spec)) for spec in self.models)
            self._detector = PalmDetector(palm, config.palm_score)
            self._landmarks = LandmarkModel(landmark, config.presence)
            if config.async_detection and not config.static_image:
                self._beside = resources.enter_context(AsyncDetector(self._detector))
            self._resources = resources.pop_all()  # from here on they are closed by close()
        self._next_id = 1
        self._time = -math.inf
        self.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the detection thread, if there is one, and let go of the backend that it opened."""
        with self._lock:
            self._resources.close()

    def reset(self) -> None:
        """Forget all tracks, as before another video; ids go on, none is reused."""
        with self._lock:
            self._tracks: list[Track] = []
            self._schedule = DetectionSchedule()
            self._motion = MotionGate()
            self._time = -math.inf
            if self._beside is not None:
                self._beside.forget()

    def continue_ids(self, other: HandTracker) -> None:
        """Number new hands on from another tracker's, whose place this one takes."""
        self._next_id = max(self._next_id, other._next_id)

    @property
    def config(self) -> TrackingConfig:
        """The settings in force. Setting it does what :meth:`reconfigure` does."""
        return self._config

    @config.setter
    def config(self, config: TrackingConfig) -> None:
        self.reconfigure(config)

    def reconfigure(self, config: TrackingConfig) -> None:
        """Go on with other settings; all tracks are forgotten, as by :meth:`reset`.

        Raises:
            ConfigError: what is to be changed takes another tracker.
        """
        check_change(self._config, config)
        with self._lock:
            self._config = config
            self.reset()
            self._detector.min_score = config.palm_score
            self._landmarks.min_presence = config.presence

    @property
    def workload(self) -> Workload:
        """What the models have done so far."""
        return Workload(
            self._detector.runs,
            self._detector.seconds,
            self._landmarks.runs,
            self._landmarks.seconds,
        )

    def process(self, image: NDArray[np.uint8], timestamp: float | None = None) -> tuple[Hand, ...]:
        """The hands in a frame.

        Args:
            image: (H, W, 3) uint8 RGB. It isn't kept.
            timestamp: seconds, monotonic; None takes the time of the call.

        Returns:
            At most ``max_hands`` hands, the one followed longest first.

        Raises:
            FrameError: the image has another shape or type, or the time runs backwards or isn't
                finite.
        """
        image = checked_frame(image)
        with self._lock:
            # Within the lock: the frame of the thread that comes first is the earlier one.
            return self._process(image, time.monotonic() if timestamp is None else timestamp)

    def _process(self, image: NDArray[np.uint8], t: float) -> tuple[Hand, ...]:
        if not math.isfinite(t):
            raise FrameError(f"timestamp {t} is no time: give seconds")
        if t < self._time:
            raise FrameError(
                f"timestamp {t} is before the last frame's {self._time}: timestamps must not"
                " decrease; call reset() before another video"
            )
        self._time = t
        if self.config.static_image:
            self._tracks = []
            self._adopt(image, self._detector.detect(image), t)
        else:
            self._follow(image, t)
            self._look(image, t)
        seen = [track for track in self._tracks if not track.missed]
        if len(seen) == self.config.max_hands:
            self._tracks = seen  # there is no room for a lost hand to come back to
        return tuple(track.hand() for track in seen)

    def _follow(self, image: NDArray[np.uint8], t: float) -> None:
        """Read every known hand where it should be by now; forget those long unseen."""
        claims: list[tuple[Track, LandmarkReading]] = []
        for track in self._tracks:
            reading = self._read(image, track, t)
            track.missed += 1
            if reading is not None:
                _claim(claims, track, reading, t)
        for track, reading in claims:
            track.see(reading, t)
        self._tracks = [track for track in self._tracks if track.missed <= MISSES_TOLERATED]

    def _read(self, image: NDArray[np.uint8], track: Track, t: float) -> LandmarkReading | None:
        """Read a track's hand; once more where it lies if that isn't where it was expected.

        Not where another track expects its hand: that is whose it will be.
        """
        expected = track.predict(t)
        reading = self._landmarks.read(image, expected)
        if reading is None:
            return None
        found = reading.found_roi
        astray = _apart(found, expected)
        if astray < SECOND_LOOK * expected.size or any(
            _apart(found, other.predict(t)) < astray for other in self._tracks if other is not track
        ):
            return reading
        return self._landmarks.read(image, found) or reading

    def _look(self, image: NDArray[np.uint8], t: float) -> None:
        """Run palm detection when it is due, and take in what it finds."""
        if self._beside is not None:
            palms = self._beside.take()
            if palms is not None:
                self._schedule.looked(found=self._adopt(image, palms, t))
        seen = sum(not track.missed for track in self._tracks)
        if seen >= self.config.max_hands:
            return

        def moving() -> bool:
            return self._motion.moved(image, map(_bounds, self._tracks))

        if not self._schedule.due(tracked=seen, lost=seen < len(self._tracks), moving=moving):
            return
        if self._beside is None:
            self._motion.keep(image)
            self._schedule.looked(found=self._adopt(image, self._detector.detect(image), t))
        elif self._beside.ask(image):
            self._motion.keep(image)  # only a picture that is looked at

    def _adopt(self, image: NDArray[np.uint8], palms: tuple[PalmDetection, ...], t: float) -> bool:
        """Read the hands of detected palms that aren't followed yet; whether there were any."""
        found = False
        for palm in palms:
            if sum(not track.missed for track in self._tracks) >= self.config.max_hands:
                break
            if any(not track.missed and _on_palm(palm, track) for track in self._tracks):
                continue
            reading = self._landmarks.read(image, palm_roi(palm))
            if reading is None or self._seen_already(reading):
                continue
            found = True
            lost = self._lost_at(reading, t)
            if lost is not None:
                lost.see(reading, t)
            else:
                self._tracks.append(self._new_track(reading, t))
        return found

    def _new_track(self, reading: LandmarkReading, t: float) -> Track:
        track = Track(
            self._next_id,
            reading,
            t,
            mirrored=self.config.mirrored,
            smoothing=self.config.smoothing and not self.config.static_image,
        )
        self._next_id += 1
        return track

    def _seen_already(self, reading: LandmarkReading) -> bool:
        """Whether a reading is of a hand that an older track has seen in this frame."""
        return any(
            not track.missed
            and track.last_seen == self._time
            and same_hand(track.reading.landmarks, reading.landmarks)
            for track in self._tracks
        )

    def _lost_at(self, reading: LandmarkReading, t: float) -> Track | None:
        """The lost track that a newly found hand continues: the nearest within reach."""
        middle = reading.landmarks[9, :2].tolist()
        best: tuple[float, Track] | None = None
        for track in self._tracks:
            if track.missed:
                roi = track.predict(t)
                apart = math.hypot(middle[0] - roi.cx, middle[1] - roi.cy) / roi.size
                if apart < NEAR_LOST and (best is None or apart < best[0]):
                    best = (apart, track)
        return best[1] if best else None


def _claim(
    claims: list[tuple[Track, LandmarkReading]], track: Track, reading: LandmarkReading, t: float
) -> None:
    """Let a track have a reading, unless an older one sees the same hand and expected it as much.

    When one hand passes before another, both tracks end up on the front one: the older id would
    often be the wrong one's.
    """
    for i, (other, its) in enumerate(claims):
        if same_hand(its.landmarks, reading.landmarks):
            if track.surprise(reading, t) + SURPRISE_MARGIN < other.surprise(its, t):
                claims[i] = (track, reading)
            return
    claims.append((track, reading))


def _apart(one: Roi, other: Roi) -> float:
    """Distance of two ROIs' centres, frame pixels."""
    return math.hypot(one.cx - other.cx, one.cy - other.cy)


def _on_palm(palm: PalmDetection, track: Track) -> bool:
    """Whether a detected palm is the one that a track has just seen."""
    points = track.reading.landmarks[list(_PALM_POINTS), :2]
    apart = points.mean(axis=0) - palm.keypoints[:5].mean(axis=0)
    size = np.linalg.norm(points[2] - points[0])
    return bool(np.linalg.norm(apart) < NEAR_PALM * size)


def _bounds(track: Track) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the square around a track's last ROI, frame pixels."""
    roi = track.reading.roi
    half = roi.size / 2
    return int(roi.cx - half), int(roi.cy - half), int(roi.cx + half), int(roi.cy + half)
