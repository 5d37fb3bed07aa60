"""The wheels that the package carries: which, from where, and that they are the ones we mean."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ARCHITECTURES = {"arm64": "aarch64", "amd64": "x86_64"}
"""Debian's name and Python's."""

NUMPY = {"3.11": "1.24.2", "3.13": "2.2.4"}
"""The Pythons of Bookworm and Trixie, and the numpy that apt has there.

Where apt's numpy isn't installed ours is, of the same version: picamera2's modules then work with
either, in whatever order they are installed.
"""

OF_APT = {"amd64": ("numpy",), "arm64": ()}
"""Wheels that a package leaves to apt: it depends on ``python3-`` of the same name.

On a PC OpenCV's and numpy's libraries are twice as large as on a Pi, which may have no network.
"""

# 4.12 and newer want numpy 2, which Bookworm's picamera2 can't be used with.
_WANTED = ("opencv-python-headless>=4.8,<4.12", "pip")

_TITLE = (
    "# Wheels that the Debian package carries for Python {}; one hash each for arm64 and amd64."
)

# Up to glibc 2.31: Bookworm has 2.36.
_GLIBC = ("2_17", "2_27", "2_28", "2_31")


def lock_file(python: str) -> Path:
    """The list of wheels for a Python, with versions and hashes: pip's requirements format."""
    return HERE / f"wheels-{python}.txt"


def download(architecture: str, python: str, cache: Path) -> list[Path]:
    """Fetch the locked wheels that aren't there yet; every one is checked against its hash."""
    folder = cache / architecture / python
    folder.mkdir(parents=True, exist_ok=True)
    lock = lock_file(python).read_text()
    wanted = [line for line in lock.splitlines() if line and not line.startswith("#")]
    if not _complete(folder, lock, len(wanted)):
        for old in folder.glob("*.whl"):
            old.unlink()
        _pip(
            "download", "--quiet", "--no-deps", "--require-hashes", "-r", str(lock_file(python)),
            "--dest", str(folder), *_target(architecture, python),
        )  # fmt: skip
        if not _complete(folder, lock, len(wanted)):
            raise SystemExit(f"build_deb: {folder} isn't what {lock_file(python).name} says")
    return sorted(folder.glob("*.whl"))


def write_lock(python: str, requirements: list[str]) -> Path:
    """Resolve again what is carried, for both architectures, and write the list."""
    found: dict[tuple[str, str], set[str]] = {}
    for architecture in ARCHITECTURES:
        said = _pip(
            "install", "--quiet", "--dry-run", "--ignore-installed", "--target", "unused",
            "--report", "-", *_target(architecture, python),
            *requirements, *_WANTED, f"numpy=={NUMPY[python]}",
        )  # fmt: skip
        for item in json.loads(said)["install"]:
            name = item["metadata"]["name"].lower().replace("_", "-")
            digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
            found.setdefault((name, item["metadata"]["version"]), set()).add(digest)
    if len({name for name, _ in found}) != len(found):
        raise SystemExit(f"build_deb: arm64 and amd64 need different versions for Python {python}")
    lines = [
        _TITLE.format(python),
        "# Written by `scripts/build_deb --lock`.",
    ]
    for (name, version), digests in sorted(found.items()):
        lines.append(
            f"{name}=={version} " + " ".join(f"--hash=sha256:{d}" for d in sorted(digests))
        )
    path = lock_file(python)
    path.write_text("\n".join(lines) + "\n")
    return path


def build_own(root: Path, folder: Path, epoch: int) -> Path:
    """Build the wheel of edgehands itself; the same tree gives the same bytes."""
    _pip(
        "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(root),
        environment={"SOURCE_DATE_EPOCH": str(epoch)},
    )  # fmt: skip
    (wheel,) = folder.glob("edgehands-*.whl")
    return wheel


def sha256(path: Path) -> str:
    """The digest of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _complete(folder: Path, lock: str, count: int) -> bool:
    wheels = list(folder.glob("*.whl"))
    return len(wheels) == count and all(sha256(wheel) in lock for wheel in wheels)


def _target(architecture: str, python: str) -> list[str]:
    machine = ARCHITECTURES[architecture]
    options = ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    for version in (*_GLIBC, "2014"):
        kind = f"manylinux{version}" if version == "2014" else f"manylinux_{version}"
        options += ["--platform", f"{kind}_{machine}"]
    for abi in (f"cp{python.replace('.', '')}", "abi3", "none"):
        options += ["--abi", abi]
    return options


def _pip(*arguments: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SystemExit(f"build_deb: pip {arguments[0]} failed: {last}")
    return done.stdout
