"""Development tools, not part of the product: measuring, fitting, drawing, checking.

``python3 -m tools`` lists the tools, ``python3 -m tools NAME --help`` shows a tool's options. A
module of this package is a tool: its name with dashes is the command's, its first line describes
it, and it has a ``main``. Code shared by several tools or tests is in the packages below.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
"""The checkout."""
