"""The run loop, health, watchdog and statistics."""

from __future__ import annotations

import os

# Before numpy is loaded: otherwise its linear algebra reserves memory for a thread on each core,
# and a single thread does the largest product here, 131 rows of a landmark model's heads, in 20 us.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
