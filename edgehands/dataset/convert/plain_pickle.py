"""Reading pickles that hold numbers and containers of them, and nothing that could run."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
from numpy._core import multiarray

_ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): getattr(multiarray, "_reconstruct", None),
    ("numpy._core.multiarray", "_reconstruct"): getattr(multiarray, "_reconstruct", None),
    ("numpy.core.multiarray", "scalar"): multiarray.scalar,
    ("numpy._core.multiarray", "scalar"): multiarray.scalar,
}


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Numpy's arrays only: a pickle can otherwise name any function to be called."""
        found = _ALLOWED.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"{module}.{name} in it: only numbers are expected")
        return found


def load_plain(data: bytes) -> Any:
    """What a pickle holds.

    Raises:
        pickle.UnpicklingError: it is damaged, or holds other things than numbers, arrays, texts
            and containers of them.
    """
    return _Plain(io.BytesIO(data), encoding="latin1").load()
