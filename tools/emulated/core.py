"""Python with LiteRT on the emulated core of a Pi, for the scripts that look at models there.

A small arm64 Debian and the two wheels are kept in .cache. Only root may show a program another
/proc/cpuinfo, by which LiteRT chooses its code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.emulated.debian import (
    CACHE,
    CORTEX_A53,
    CORTEX_A72,
    CORTEX_A76,
    STOCK,
    Core,
    bootstrap,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CORES = (CORTEX_A53, CORTEX_A72, CORTEX_A76)
WHEELS = ("ai-edge-litert==2.3.0", "numpy==2.2.6")
NEEDED = {
    "qemu-aarch64": "qemu-user",
    "mmdebstrap": "mmdebstrap",
    "unshare": "util-linux",
}
"""Programs, and the packages that have them."""


@dataclass(frozen=True)
class EmulatedPi:
    """Where the arm64 system lies, and LiteRT and numpy for it."""

    system: Path
    packages: Path

    def python(
        self,
        core: Core,
        words: Sequence[str | Path],
        *,
        qemu: Sequence[str | Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Run Python there.

        Args:
            core: which Pi it is.
            words: Python's arguments; files are those of this machine.
            qemu: more options for the emulator.
            environment: more variables.

        Raises:
            SystemExit: it failed; the message is its last line.
        """
        with tempfile.NamedTemporaryFile("w", prefix="cpuinfo-") as told:
            told.write(core.cpuinfo)
            told.flush()
            program = [
                *("qemu-aarch64", *qemu, "-cpu", core.name, "-L", self.system),
                *(self.system / "usr" / "bin" / "python3", *words),
            ]
            enter = 'mount --bind "$0" /proc/cpuinfo && exec "$@"'
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", enter, told.name, *program],
                check=False,
                capture_output=True,
                text=True,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONHOME": str(self.system / "usr"),
                    "PYTHONPATH": str(self.packages),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "PYTHONHASHSEED": "0",
                    **(environment or {}),
                },
            )
        if done.returncode:
            sys.exit(f"on {core.name}: {(done.stderr.splitlines() or ['nothing said'])[-1]}")


def emulated_pi(also: Mapping[str, str] | None = None) -> EmulatedPi:
    """The system, made at the first call.

    Args:
        also: more programs that must be there, and their packages.

    Raises:
        SystemExit: something is missing.
    """
    needed = {**NEEDED, **(also or {})}
    missing = {package for name, package in needed.items() if shutil.which(name) is None}
    if missing:
        sys.exit(f"not here: {', '.join(sorted(missing))}: apt install them")
    if os.geteuid() != 0:
        sys.exit("it shows programs another /proc/cpuinfo, which only root may: run it with sudo")
    system = bootstrap("bookworm-arm64", "bookworm", packages=STOCK, architecture="arm64")
    return EmulatedPi(system, _unpacked())


def _unpacked() -> Path:
    """LiteRT and numpy for arm64."""
    folder = CACHE / "-".join(WHEELS)
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", scratch),
                *("--only-binary=:all:", "--python-version=3.11"),
                *("--platform=manylinux_2_27_aarch64", "--platform=manylinux2014_aarch64", *WHEELS),
            ],
            check=True,
        )
        for wheel in Path(scratch).glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(scratch)
            wheel.unlink()
        half = folder.with_name(f"{folder.name}.part")
        shutil.copytree(scratch, half, dirs_exist_ok=True)
    half.rename(folder)
    return folder
