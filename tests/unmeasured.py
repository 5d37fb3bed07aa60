"""An environment for programs whose own speed is what a test looks at."""

from __future__ import annotations

import os


def unmeasured() -> dict[str, str]:
    """This process's environment, in which a Python doesn't count the lines that it runs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
