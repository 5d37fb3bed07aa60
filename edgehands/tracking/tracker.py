"""Tracking policy: follow known hands, and look for others only when it is due.

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
from typing import TYPE_CHECKING, Final

from edgehands.backends import choose_backend
from edgehands.closing import Closing
from edgehands.config import TrackingConfig
from edgehands.errors import FrameError
from edgehands.geometry.roi import palm_roi
from edgehands.model_store import ModelStore
from edgehands.tracking.association import (
    apart,
    bounds,
    claim,
    lost_at,
    own_palms,
    seen_already,
    was_lost_at,
)
from edgehands.tracking.async_detector import AsyncDetector
from edgehands.tracking.checks import check_change, checked_frame
from edgehands.tracking.doubt import SURE, SURE_PALM, RefusedPlaces, confirms, sure_at_birth
from edgehands.tracking.filling import read_filling
from edgehands.tracking.landmark_model import LandmarkModel
from edgehands.tracking.palm_detector import PalmDetector
from edgehands.tracking.schedule import MIDDLE, DetectionSchedule, Look, MotionGate, pace_of
from edgehands.tracking.track import Track
from edgehands.tracking.workload import Workload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgehands.backends.base import Backend
    from edgehands.hand import Hand, PalmDetection
    from edgehands.model_store import ModelSpec, Task
    from edgehands.tracking.landmark_model import LandmarkReading

MISSES_TOLERATED: Final = 8
"""Consecutive frames a track may be unseen before its id is dropped."""

SECOND_LOOK: Final = 0.1
"""A hand further than this from the middle of its ROI, in ROI sizes, is read again there."""

READ_WHERE_LOST: Final = frozenset({0, 1, 2, 3, 5, 7})
"""Frames unseen after which a hand is read at its predicted place: it may show no palm yet."""

TASKS: Final[tuple[Task, ...]] = ("palm_detection", "hand_landmark")
"""The tasks it needs models for."""


class HandTracker(Closing):
    """Finds hands in frames and follows them.

    A context manager. Deterministic for a given sequence of frames and timestamps, unless
    ``async_detection`` is on. Threads may share a tracker: their calls wait for each other, and
    their frames count as one video. Use one tracker per video.

    Args:
        config: None: the defaults.
        store: where the model files are; None: the usual places.
        backend: runs the models; None: the configured one.

    Raises:
        BackendUnavailable: the configured backend isn't available.
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
            self._resources = resources.pop_all()  # from here on close() closes them
        self._next_id = 1
        self._time = -math.inf
        self.reset()

    def close(self) -> None:
        """End the detection thread, if any, and close the backend if the tracker opened it."""
        with self._lock:
            self._resources.close()

    def reset(self, *, ids: bool = False) -> None:
        """Forget all tracks, as before another video.

        Args:
            ids: restart at 1, as for an unrelated picture; otherwise no id is reused.
        """
        with self._lock:
            if ids:
                self._next_id = 1
            self._tracks: list[Track] = []
            self._schedule = DetectionSchedule(pace_of(self._detector.side))
            self._motion = MotionGate()
            self._refused = RefusedPlaces()
            self._time = -math.inf
            if self._beside is not None:
                self._beside.forget()

    def continue_ids(self, other: HandTracker) -> None:
        """Continue the numbering of the tracker that this one replaces."""
        self._next_id = max(self._next_id, other._next_id)

    @property
    def config(self) -> TrackingConfig:
        """The current settings. Assigning them calls :meth:`reconfigure`."""
        return self._config

    @config.setter
    def config(self, config: TrackingConfig) -> None:
        self.reconfigure(config)

    def reconfigure(self, config: TrackingConfig) -> None:
        """Continue with other settings; all tracks are forgotten, as by :meth:`reset`.

        Raises:
            ConfigError: the change requires a new tracker.
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
            timestamp: seconds, monotonic; None: the time of the call.

        Returns:
            At most ``max_hands`` hands, the one followed longest first.

        Raises:
            FrameError: the image has another shape or type, or the timestamp decreases or isn't
                finite.
        """
        image = checked_frame(image)
        with self._lock:
            # Inside the lock, so that the frame of the thread that gets it first has the earlier
            # time.
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
        self._refused.tick()
        if self.config.static_image:
            self._tracks, self._refused = [], RefusedPlaces()  # of another picture
            self._adopt(image, self._detector.detect(image), t)
        else:
            self._follow(image, t)
            self._look(image, t)
        seen = [track for track in self._tracks if track.reported]
        for track in seen:
            if not track.id:  # it is reported for the first time
                track.id, self._next_id = self._next_id, self._next_id + 1
        # If all hands are seen, a lost one has no slot to return to.
        self._tracks = (
            [
                track
                for track in self._tracks
                if track.missed <= (0 if track.tentative else MISSES_TOLERATED)
            ]
            if len(seen) < self.config.max_hands
            else seen.copy()
        )
        return tuple(track.next_hand() for track in seen)

    def _follow(self, image: NDArray[np.uint8], t: float) -> None:
        """Read every known hand at its predicted place."""
        claims: list[tuple[Track, LandmarkReading]] = []
        for track in self._tracks:
            reading = self._read(image, track, t) if track.missed in READ_WHERE_LOST else None
            track.missed += 1
            if reading is not None:
                claim(claims, track, reading, t)
        for track, reading in claims:
            track.see(reading, t)

    def _read(self, image: NDArray[np.uint8], track: Track, t: float) -> LandmarkReading | None:
        """Read a track's hand, and again where it lies if that isn't where it was expected.

        Not if it lies where another track expects its hand, which then gets it.
        """
        expected = track.predict(t)
        reading = self._landmarks.read(image, expected, track.reading)
        if reading is None or reading is track.reading:
            return reading
        found = reading.found_roi
        astray = apart(found, expected)
        if astray < SECOND_LOOK * expected.size or any(
            apart(found, other.predict(t)) < astray for other in self._tracks if other is not track
        ):
            return reading
        return self._landmarks.read(image, found) or reading

    def _look(self, image: NDArray[np.uint8], t: float) -> None:
        """Run palm detection when due, and process what it finds."""
        if self._beside is not None:
            palms = self._beside.take()
            if palms is not None:
                self._schedule.looked(found=self._take_in(image, palms, t))
        seen = sum(track.reported for track in self._tracks)

        def moving(most_share: float) -> bool:
            known = [bounds(track) for track in self._tracks if not track.missed]
            return self._motion.moved(image, known, most_share)

        if not self._schedule.due(
            tracked=seen,
            room=seen < self.config.max_hands,
            lost=max((track.missed for track in self._tracks), default=0),
            doubt=any(track.in_doubt for track in self._tracks),
            fresh=any(track.in_doubt and track.fresh for track in self._tracks),
            moving=moving,
        ):
            return
        other = None if self._tracks else self._schedule.other_look()
        if self._beside is None:
            found = self._take_in(image, self._detector.detect(image), t)
            if other is Look.MIDDLE and not self._tracks:
                found = self._take_in(image, self._detector.detect(image, MIDDLE), t)
            if other is Look.FILLED and not self._tracks:
                found = self._adopt_filling(image, t)
            self._schedule.looked(found=found)
        else:
            if not self._beside.ask(image, MIDDLE if other is Look.MIDDLE else 1.0):
                return  # it is busy: only frames on which detection ran are kept for comparison
            if other is Look.FILLED:
                self._adopt_filling(image, t)
        self._motion.keep(image)

    def _adopt_filling(self, image: NDArray[np.uint8], t: float) -> bool:
        reading = read_filling(self._landmarks, image)
        if reading is not None:
            self._tracks.append(self._new_track(reading, t, sure=True))
        return reading is not None

    def _take_in(
        self, image: NDArray[np.uint8], palms: tuple[PalmDetection, ...], t: float
    ) -> bool:
        """Judge the tracks by the detected palms, and adopt new hands.

        Returns:
            As for :meth:`_adopt`.
        """
        stay = []
        for track in self._tracks:
            seen = any(confirms(palm, track.reading) for palm in palms)
            if track.missed or track.judge(confirmed=seen):
                stay.append(track)
            elif track.refused or not track.tentative:
                self._refused.refuse(track.reading, palms)
        self._tracks = stay
        return self._adopt(image, palms, t)

    def _adopt(self, image: NDArray[np.uint8], palms: tuple[PalmDetection, ...], t: float) -> bool:
        """Read the hands of detected palms that aren't tracked yet.

        Returns:
            Whether there were any, or palms so certain that detection should run in the next frame.
        """
        found = False
        own = own_palms(palms, self._tracks)
        for i, palm in enumerate(palms):
            if sum(track.reported for track in self._tracks) >= self.config.max_hands:
                break
            if i in own:
                continue
            # Even if no hand is read in it now, one soon will be.
            found = found or palm.score >= SURE_PALM
            if self._refused.holds_palm(palm) and not was_lost_at(self._tracks, palm, t):
                continue
            reading = self._landmarks.read(image, palm_roi(palm))
            if reading is None:
                self._refused.refuse_palm(palm)
                continue
            if seen_already(self._tracks, reading, t):
                continue
            lost = lost_at(self._tracks, reading, t)
            if lost is not None:
                lost.see(reading, t)
                found = True
                continue
            track = self._new_track(reading, t, sure=sure_at_birth(palm, reading))
            self._tracks.append(track)
            found = found or not track.tentative
        return found

    def _new_track(self, reading: LandmarkReading, t: float, *, sure: bool) -> Track:
        return Track(
            0,
            reading,
            t,
            mirrored=self.config.mirrored,
            smoothing=self.config.smoothing and not self.config.static_image,
            tentative=not sure and not self.config.static_image,
            refused=reading.presence < SURE and self._refused.holds(reading.roi),
        )
