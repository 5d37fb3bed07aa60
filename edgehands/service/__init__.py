"""The run loop, health and watchdog, statistics."""

from __future__ import annotations

import os

# Before numpy is loaded: its linear algebra else takes memory for a thread on each core, and the
# largest product here, 131 rows of a landmark model's heads, is done in 20 us by one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
