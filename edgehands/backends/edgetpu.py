"""Models on a Coral Edge TPU, through libedgetpu's delegate.

Written from Coral's and TensorFlow Lite's documentation, tested with our own delegate in C. **It
has never run on a real Edge TPU.**
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import logging
import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgehands.backends.cpu import CpuBackend, CpuModel, load_runtime
from edgehands.backends.crash_marker import CrashMarker, marker_file
from edgehands.errors import BackendUnavailable

if TYPE_CHECKING:
    from types import ModuleType

    from edgehands.backends.base import Kind
    from edgehands.model_store import ModelSpec, Task

__all__ = ["LIBRARY", "CrashMarker", "EdgeTpuBackend", "is_compiled", "marker_file"]

_log = logging.getLogger(__name__)

LIBRARY = "libedgetpu.so.1"
"""Coral's own name for its delegate on Linux."""


COMPILED_OPERATOR = b"edgetpu-custom-op"
"""Name of the operator that contains everything the Edge TPU runs."""


class EdgeTpuBackend:
    """Landmarks on the Edge TPU, palm detection on the CPU, or both on the Edge TPU.

    Palm detection runs rarely, and the Edge TPU's compiler is most likely to refuse its resizing,
    so it runs on the CPU by default.

    Args:
        num_threads: of the models on the CPU; 0 = by core count.
        palm: palm detection on the Edge TPU too.
        library: the delegate's file, or the name by which the loader finds it.
        marker: where crashes are recorded; None = the usual place.

    Raises:
        BackendUnavailable: library or device is missing, or it crashed recently.
    """

    name = "edgetpu"

    def __init__(
        self,
        num_threads: int = 0,
        *,
        palm: bool = False,
        library: str = LIBRARY,
        marker: CrashMarker | None = None,
    ) -> None:
        self._palm = palm
        self._library = library
        self._cpu = CpuBackend(num_threads)
        marker = marker or CrashMarker(marker_file(os.environ))
        crash = marker.blocks()
        if crash is not None:
            raise BackendUnavailable(
                "the last program with the Edge TPU ended without an error message (a failed USB"
                f" transfer does that), {crash}: check its cable and power, or set"
                ' tracking.backend = "cpu"'
            )
        marker.write()
        # Also if a program ends without close(), but not if it is aborted.
        self._end = weakref.finalize(self, marker.remove)
        try:
            self._pycoral = google_pycoral()
            self._delegate = self._open()
        except BaseException:
            self._end()
            raise

    @property
    def detail(self) -> str:
        """For people: runtime, library, and what runs where."""
        how = "pycoral" if self._pycoral else Path(self._library).name
        where = "all models" if self._palm else "landmarks"
        return f"{where} on the Edge TPU ({how}); CPU: {self._cpu.detail}"

    def kind(self, task: Task) -> Kind:
        """Where a task's model runs: ``edgetpu``, or ``cpu`` for palm detection by default."""
        return "edgetpu" if task == "hand_landmark" or self._palm else "cpu"

    def load(self, spec: ModelSpec, path: Path) -> CpuModel:
        """Load a verified model file where its task belongs.

        Raises:
            ModelCorrupt: its tensors aren't what the manifest says.
            BackendUnavailable: the Edge TPU doesn't accept it, or it isn't compiled.
        """
        if self.kind(spec.task) == "cpu":
            return self._cpu.load(spec, path)
        if not is_compiled(path):
            raise BackendUnavailable(
                f"{spec.file} isn't compiled for the Edge TPU, it would run on the CPU unnoticed:"
                ' compile it (docs/coral.md) or set tracking.backend = "cpu"'
            )
        try:
            interpreter = self._interpreter(path)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BackendUnavailable(
                f"the Edge TPU doesn't take {spec.file} ({_one_line(error)}): was it compiled for"
                ' this library? Else set tracking.backend = "cpu"'
            ) from error
        return CpuModel(spec, interpreter)

    def close(self) -> None:
        """Exit cleanly, so that no crash is recorded. May be called twice."""
        self._end()

    def _open(self) -> Any:
        try:
            if self._pycoral is not None:
                return self._pycoral.load_edgetpu_delegate({})
            _check_library(self._library)
            return load_runtime()[1].load_delegate(self._library)
        except ValueError as error:
            raise BackendUnavailable(
                f"no Edge TPU answers{_because(error)}: connect it, free it of other programs, or"
                ' set tracking.backend = "cpu"'
            ) from error
        except (OSError, AttributeError) as error:
            raise BackendUnavailable(
                f"{self._library} can't be loaded ({_one_line(error)}): install libedgetpu1-std"
                ' (docs/coral.md) or set tracking.backend = "cpu"'
            ) from error

    def _interpreter(self, path: Path) -> Any:
        if self._pycoral is not None:
            return self._pycoral.make_interpreter(str(path), delegate=self._delegate)
        return load_runtime()[1].Interpreter(
            model_path=str(path), experimental_delegates=[self._delegate]
        )


def is_compiled(path: Path) -> bool:
    """Whether a model file contains operators compiled by Google's compiler.

    An int8 model that wasn't compiled also runs through the delegate, but on the CPU.
    """
    return COMPILED_OPERATOR in path.read_bytes()


def google_pycoral() -> ModuleType | None:
    """Google's ``pycoral.utils.edgetpu``, if it is installed and works.

    The package called pycoral on the Python index is a tool about coral reefs. It is detected by
    its files, without being imported.
    """
    found = importlib.util.find_spec("pycoral")
    folders = found.submodule_search_locations if found is not None else None
    if not any((Path(folder) / "utils" / "edgetpu.py").is_file() for folder in folders or ()):
        return None
    try:
        return importlib.import_module("pycoral.utils.edgetpu")
    except Exception as error:  # noqa: BLE001 - its own dependencies may be missing or too old
        _log.warning("pycoral is installed but doesn't work (%s): done without it", error)
        return None


def _check_library(library: str) -> None:
    """Load it as the runtime will: when the runtime fails, its destructor prints to stderr.

    Raises:
        OSError: It or one of its dependencies is missing.
        AttributeError: It isn't a delegate.
    """
    loaded = ctypes.PyDLL(library)
    _ = loaded.tflite_plugin_create_delegate, loaded.tflite_plugin_destroy_delegate


def _because(error: Exception) -> str:
    """The delegate's own message, which follows the runtime's fixed first line."""
    said = " ".join(str(error).splitlines()[1:]).strip()
    return f" ({said})" if said else ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
