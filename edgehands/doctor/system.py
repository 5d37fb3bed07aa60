"""The checks' view of the machine, replaceable in tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

UNIT = "edgehands.service"
USER = "edgehands"
"""Name of the service's unit, and of the user it runs as."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a program.

    Attributes:
        code: its exit status; negative if a signal ended it.
        text: what it wrote, stdout before stderr.
    """

    code: int
    text: str


Runner = Callable[[Sequence[str], float], Answer | None]
"""Runs a program with a timeout in seconds; None if there is no such program."""

_TIMED_OUT = 124


def run_program(words: Sequence[str], timeout: float) -> Answer | None:
    """Run a program without a shell and without a terminal; see :data:`Runner`."""
    path = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    program = shutil.which(words[0], path=path)
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - the checks' own command lines
            [program, *words[1:]],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
            env={**os.environ, "LC_ALL": "C", "SYSTEMD_PAGER": ""},
        )
    except subprocess.TimeoutExpired:
        return Answer(_TIMED_OUT, f"no answer within {timeout:g} s")
    except OSError as error:
        return Answer(126, str(error.strerror))
    return Answer(done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace"))


def installed_version(package: str) -> str | None:
    """Version of a Python package; None if it isn't installed."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return None


def own_requirements() -> tuple[str, ...]:
    """The requirements of edgehands, without extras; empty in an unpacked tree."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return tuple(line for line in metadata.requires("edgehands") or () if ";" not in line)
    return ()


def may_use(path: Path) -> bool:
    """Whether this process may read and write a file or device."""
    return os.access(path, os.R_OK | os.W_OK)


def free_bytes(path: Path) -> int:
    """Free space where ``path`` is."""
    return shutil.disk_usage(path).free


@dataclass(frozen=True, slots=True)
class System:
    """The examined machine. Nothing here changes it.

    Attributes:
        root: where ``/etc``, ``/sys``, ``/proc`` and ``/dev`` hang.
        run: runs a program.
        env: the environment.
        python: the interpreter that runs edgehands.
        python_version: its version.
        bits: of its pointers.
        version: version of an installed Python package, or None.
        requirements: of edgehands, as ``msgspec>=0.19``.
        usable: whether this process may read and write a device.
        free: bytes left where a path lies.
        now: seconds since 1970.
        models: folder of the models; None = the default.
    """

    root: Path = Path("/")
    run: Runner = run_program
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    python: str = sys.executable
    python_version: tuple[int, int, int] = sys.version_info[:3]
    bits: int = 8 * struct.calcsize("P")
    version: Callable[[str], str | None] = installed_version
    requirements: tuple[str, ...] = field(default_factory=own_requirements)
    usable: Callable[[Path], bool] = may_use
    free: Callable[[Path], int] = free_bytes
    now: Callable[[], float] = time.time
    models: Path | None = None

    def path(self, absolute: str) -> Path:
        """The path on this machine for an absolute path."""
        return self.root / absolute.lstrip("/")

    def read(self, path: Path | str) -> str | None:
        """The stripped contents of a small text file; None if it can't be read."""
        try:
            place = self.path(path) if isinstance(path, str) else path
            return place.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def glob(self, pattern: str) -> tuple[Path, ...]:
        """The paths that match an absolute pattern, sorted."""
        return tuple(sorted(self.root.glob(pattern.lstrip("/"))))

    def properties(self, *names: str) -> dict[str, str]:
        """Systemd's properties of the service, by name; empty without systemd."""
        answer = self.run(("systemctl", "show", UNIT, "--property", ",".join(names)), 5.0)
        if answer is None or answer.code:
            return {}
        lines = (line.partition("=") for line in answer.text.splitlines())
        return {name: value for name, _, value in lines}
