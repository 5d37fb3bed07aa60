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
"""Frames in a row that a track may go unseen before its id is given up."""

SECOND_LOOK: Final = 0.1
"""A hand further than this from the middle of its ROI, in the ROI's sizes, is read again."""

READ_WHERE_LOST: Final = 2
"""Frames in a row in which a lost hand is read where it should be; then palm detection looks."""

TASKS: Final[tuple[Task, ...]] = ("palm_detection", "hand_landmark")
"""What it needs models for."""


class HandTracker(Closing):
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

    def close(self) -> None:
        """End the detection thread, if there is one, and let go of the backend that it opened."""
        with self._lock:
            self._resources.close()

    def reset(self, *, ids: bool = False) -> None:
        """Forget all tracks, as before another video.

        Args:
            ids: begin at 1 again, as for a picture that has nothing to do with those before; else
                none is reused.
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
        self._refused.tick()
        if self.config.static_image:
            self._tracks = []
            self._adopt(image, self._detector.detect(image), t)
        else:
            self._follow(image, t)
            self._look(image, t)
        seen = [track for track in self._tracks if track.reported]
        for track in seen:
            if not track.id:  # it is reported for the first time
                track.id, self._next_id = self._next_id, self._next_id + 1
        # Where all hands are seen there is no room for a lost one to come back to.
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
        """Read every known hand where it should be by now."""
        claims: list[tuple[Track, LandmarkReading]] = []
        for track in self._tracks:
            reading = self._read(image, track, t) if track.missed <= READ_WHERE_LOST else None
            track.missed += 1
            if reading is not None:
                claim(claims, track, reading, t)
        for track, reading in claims:
            track.see(reading, t)

    def _read(self, image: NDArray[np.uint8], track: Track, t: float) -> LandmarkReading | None:
        """Read a track's hand; once more where it lies if that isn't where it was expected.

        Not where another track expects its hand: that is whose it will be.
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
        """Run palm detection when it is due, and take in what it finds."""
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
                return  # it is busy: only a picture that is looked at is compared with the next
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
        """Judge the tracks by the palms that detection saw, and adopt the hands that are new.

        Returns:
            As :meth:`_adopt` does.
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
        """Read the hands of detected palms that aren't followed yet.

        Returns:
            Whether there were any, or palms so sure that the next frame is worth a look too.
        """
        found = False
        own = own_palms(palms, self._tracks)
        for i, palm in enumerate(palms):
            if sum(track.reported for track in self._tracks) >= self.config.max_hands:
                break
            if i in own:
                continue
            # Even where no hand is read in it now: soon one will be.
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
