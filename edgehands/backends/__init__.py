"""What executes models: one protocol, one file for each implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgehands.errors import BackendUnavailable

if TYPE_CHECKING:
    from edgehands.backends.base import Backend

__all__ = ["open_backend"]


def open_backend(name: str, *, num_threads: int = 0) -> Backend:
    """The backend of that name.

    Args:
        name: ``auto``, ``cpu`` or ``fake``.
        num_threads: of the CPU backend; 0 chooses by core count.

    Raises:
        BackendUnavailable: it isn't built, or what it needs isn't installed.
    """
    # Imported where they are chosen: nobody pays for a runtime that isn't used.
    if name in {"auto", "cpu"}:
        from edgehands.backends.cpu import CpuBackend  # noqa: PLC0415

        return CpuBackend(num_threads)
    if name == "fake":
        from edgehands.backends.fake import FakeBackend  # noqa: PLC0415

        return FakeBackend()
    raise BackendUnavailable(f"backend '{name}' isn't available: choose auto, cpu or fake")
