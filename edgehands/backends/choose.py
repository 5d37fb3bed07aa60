"""Chooses the backend for a configuration and the available models."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edgehands.backends.cpu import CpuBackend
from edgehands.errors import BackendUnavailable, EdgehandsError

if TYPE_CHECKING:
    from edgehands.backends.base import Backend
    from edgehands.config import TrackingConfig
    from edgehands.model_store import ModelStore, Task

_log = logging.getLogger(__name__)

_NOT_COMPILED = "no model is compiled for it"
"""The usual case, which isn't reported."""


def choose_backend(config: TrackingConfig, store: ModelStore) -> Backend:
    """Open the backend that the configuration names.

    ``auto`` uses the Edge TPU if it is present, models are compiled for it, and a first run of them
    works; otherwise the CPU, and its ``detail`` says why.

    Raises:
        BackendUnavailable: The backend requested by name isn't available.
    """
    if config.backend == "fake":
        from edgehands.backends.fake import FakeBackend  # noqa: PLC0415 - only where it is chosen

        return FakeBackend()
    if config.backend == "cpu":
        return CpuBackend(config.num_threads)
    if config.backend == "edgetpu":
        from edgehands.backends.edgetpu import EdgeTpuBackend  # noqa: PLC0415

        return EdgeTpuBackend(config.num_threads, palm=config.edgetpu_palm)
    try:
        return _working_edgetpu(config, store)
    except EdgehandsError as error:
        reason = str(error)
    # The remedy in our message is for users who chose the Edge TPU; here it is only information.
    why = reason.rpartition(": ")[0] or reason
    _log.log(logging.DEBUG if why == _NOT_COMPILED else logging.WARNING, "%s", reason)
    return CpuBackend(config.num_threads, note=f"not on the Edge TPU: {why}")


def _working_edgetpu(config: TrackingConfig, store: ModelStore) -> Backend:
    """The Edge TPU, after each of its models has run once.

    Raises:
        EdgehandsError: Something is missing or doesn't work.
    """
    tasks: list[Task] = ["hand_landmark"]
    if config.edgetpu_palm:
        tasks.append("palm_detection")
    from edgehands.backends.edgetpu import EdgeTpuBackend, is_compiled  # noqa: PLC0415

    compiled = []
    for task in tasks:
        # Float is used for comparison: that the Edge TPU has no such model isn't reported then.
        if config.precision != "float" and any(
            s.task == task and "edgetpu" in s.backends for s in store
        ):
            spec = store.find(task, config.model, config.precision, "edgetpu")
            if store.has(spec) and is_compiled(path := store.verify(spec)):
                compiled.append((spec, path))
                continue
        # Checked first: if nothing is compiled, no driver is touched.
        raise BackendUnavailable(f"{_NOT_COMPILED}: see docs/coral.md")
    backend = EdgeTpuBackend(config.num_threads, palm=config.edgetpu_palm)
    try:
        for spec, path in compiled:
            backend.load(spec, path).run()
    except RuntimeError as error:
        backend.close()
        if isinstance(error, EdgehandsError):
            raise
        raise BackendUnavailable(f"the Edge TPU failed ({error}): see docs/coral.md") from error
    except BaseException:
        backend.close()
        raise
    return backend
