"""What goes into a wheel beside the code: the models that a device can use.

The models for the Edge TPU only are left out (16 MB): they need Google's compiler first, which runs
on x86-64 and has the source at hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_ONLY_TO_COMPILE = "*_edgetpu.tflite"


class ModelsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the folder of models, file by file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files; an editable install reads them in place."""
        if self.target_name != "wheel" or version == "editable":
            return
        for file in sorted((Path(self.root) / "models").rglob("*")):
            if file.is_file() and not file.match(_ONLY_TO_COMPILE):
                place = file.relative_to(self.root).as_posix()
                build_data["force_include"][str(file)] = f"edgehands/_{place}"
