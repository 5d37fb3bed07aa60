"""The backend protocol: loads a model and runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edgehands.model_store import ModelSpec, Role, Task

Kind = Literal["cpu", "edgetpu"]
"""The target of a model file, as in the manifest."""


class Model(Protocol):
    """A loaded model. Not thread-safe: one thread at a time."""

    @property
    def spec(self) -> ModelSpec:
        """Its entry in the manifest."""
        ...

    def pixels(self) -> NDArray[np.uint8]:
        """Where the crop is drawn: (H, W, 3) uint8 RGB.

        It may be the input tensor's own memory: draw into it, call :meth:`run`, don't keep it.
        """
        ...

    def run(self) -> None:
        """Execute the model on what was drawn into :meth:`pixels`."""
        ...

    def raw(self, role: Role) -> NDArray[Any]:
        """An output as the model wrote it, in its own dtype and without the batch dimension.

        It may be the tensor's own memory: read it before the next :meth:`run`, don't keep it.
        """
        ...

    def output(self, role: Role) -> NDArray[np.float32]:
        """A copy of an output in real numbers (integers are dequantised), without the batch."""
        ...


class Backend(Protocol):
    """Executes models."""

    @property
    def name(self) -> str:
        """``cpu``, ``edgetpu`` or ``fake``: as in the configuration and the manifest."""
        ...

    @property
    def detail(self) -> str:
        """For people: runtime, version, threads."""
        ...

    def kind(self, task: Task) -> Kind:
        """The kind of model it runs for a task; a backend may leave some to the CPU."""
        ...

    def load(self, spec: ModelSpec, path: Path) -> Model:
        """Load a verified model file.

        Raises:
            ModelCorrupt: its tensors aren't what the manifest says.
            BackendUnavailable: the device doesn't accept it.
        """
        ...

    def close(self) -> None:
        """Release the device; models must not be run afterwards. May be called twice."""
        ...
