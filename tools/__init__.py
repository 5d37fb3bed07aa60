"""What develops the project and isn't part of it: measuring, fitting, drawing, checking.

``python3 -m tools`` lists the tools, ``python3 -m tools NAME --help`` says what one takes. A module
of this package is a tool: its name with dashes is the command's, its first line tells what it does,
and it has a ``main``. What several tools or tests share is in the packages below.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
"""The checkout."""
