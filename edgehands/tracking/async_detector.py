"""Palm detection in its own thread, so that tracking never waits for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from edgehands.closing import Closing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgehands.hand import PalmDetection
    from edgehands.tracking.palm_detector import PalmDetector


class AsyncDetector(Closing):
    """Runs one detection at a time beside the caller.

    The frame is letterboxed in the caller's thread (a tenth of a millisecond), so the caller may
    reuse its image at once. A context manager; the thread ends with it.
    """

    def __init__(self, detector: PalmDetector) -> None:
        self._detector = detector
        self._wake = threading.Condition()
        self._asked = False
        self._closed = False
        self._stale = False
        self._result: tuple[PalmDetection, ...] | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="palm-detector", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a detection is running or its result hasn't been taken yet."""
        with self._wake:
            return self._asked or self._result is not None

    def ask(self, image: NDArray[np.uint8], extent: float = 1.0) -> bool:
        """Start a detection, arguments as for ``PalmDetector.draw``; False while busy."""
        if self.busy:
            return False
        self._detector.draw(image, extent)
        with self._wake:
            self._asked = True
            self._wake.notify()
        return True

    def forget(self) -> None:
        """Discard results for frames submitted before this call."""
        with self._wake:
            self._result = None
            self._stale = self._asked

    def take(self) -> tuple[PalmDetection, ...] | None:
        """The palms of the last submitted frame, returned once; None if there is no new result.

        Raises:
            Exception: the error that ended the thread.
        """
        with self._wake:
            if self._error is not None:
                raise self._error
            result, self._result = self._result, None
            return result

    def close(self) -> None:
        """End the thread; a running detection is finished first."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._asked or self._closed)
                if self._closed:
                    return
            try:
                result = self._detector.infer()
            except Exception as error:  # noqa: BLE001  (handed to the caller)
                with self._wake:
                    self._error = error
                    self._asked = False
                return
            with self._wake:
                self._asked = False
                self._result = None if self._stale else result
                self._stale = False
