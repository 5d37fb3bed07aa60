"""What executes models: one protocol, one file for each implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgehands.backends.choose import choose_backend
from edgehands.errors import BackendUnavailable

if TYPE_CHECKING:
    from edgehands.backends.base import Backend

__all__ = ["choose_backend", "open_backend"]


def open_backend(name: str, *, num_threads: int = 0) -> Backend:
    """The backend of that name. :func:`choose_backend` is for who has models and a configuration.

    Args:
        name: ``auto`` (without models to choose by: the CPU), ``cpu``, ``edgetpu`` or ``fake``.
        num_threads: of the CPU backend; 0 chooses by core count.

    Raises:
        BackendUnavailable: it isn't built, or what it needs isn't installed or connected.
    """
    # Imported where they are chosen: nobody pays for a runtime that isn't used.
    if name in {"auto", "cpu"}:
        from edgehands.backends.cpu import CpuBackend  # noqa: PLC0415

        return CpuBackend(num_threads)
    if name == "edgetpu":
        from edgehands.backends.edgetpu import EdgeTpuBackend  # noqa: PLC0415

        return EdgeTpuBackend(num_threads)
    if name == "fake":
        from edgehands.backends.fake import FakeBackend  # noqa: PLC0415

        return FakeBackend()
    raise BackendUnavailable(f"backend '{name}' isn't available: choose auto, cpu, edgetpu or fake")
