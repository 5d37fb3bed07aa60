"""Keeps LiteRT's greeting off stderr, where scripts expect only our errors."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_GREETING = b"INFO: Created TensorFlow Lite XNNPACK delegate"


@contextlib.contextmanager
def without_greeting() -> Iterator[None]:
    """Suppress one line that the runtime's C++ code prints when it loads the first model.

    It has no option for that. Anything else written to stderr meanwhile, by any thread, is printed
    at the end.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    with tempfile.TemporaryFile() as meanwhile:
        os.dup2(meanwhile.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            meanwhile.seek(0)
            for line in meanwhile:
                if not line.startswith(_GREETING):
                    os.write(2, line)
