"""Run the media table with the oldest and the newest libraries that pyproject.toml allows.

    python3 -m tools media-versions             both
    python3 -m tools media-versions oldest AVI  one of them; only rows whose name begins like this

Makes an environment for each under .cache/ (kept; delete it to have it made again), with PyAV,
Pillow, OpenCV, NumPy and simplejpeg in those versions, and prints which rows of
media-table aren't as they should be there. Exit code 1 if there are any. Needs the
network once, and Debian's ffmpeg.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
import venv

from tools import ROOT

DECODERS = ("av", "numpy", "opencv-python-headless", "pillow", "simplejpeg")
"""What reads films and pictures: in the oldest environment these are as old as is allowed."""

OTHERS = ("ai-edge-litert", "msgspec", "paho-mqtt", "pillow-heif")
SHOWN = (
    "import importlib.metadata as m, sys; "
    "print(*(f'{name} {m.version(name)}' for name in sys.argv[1:]), sep=', ')"
)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", nargs="?", choices=["both", "oldest", "newest"], default="both")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    which = ("oldest", "newest") if options.which == "both" else (options.which,)
    bad = False
    for age in which:
        python = environment(age)
        versions = run(python, "-c", SHOWN, *DECODERS).stdout.strip()
        print(f"{age}: {versions}", flush=True)
        done = run(python, "-m", "tools", "media-table", "--check", *options.names)
        lines = done.stdout.splitlines()
        for line in lines:
            if line.startswith("BAD"):
                print(f"  {line}")
        last = lines[-1] if lines else done.stderr.strip()
        crash = f"crashed with signal {-done.returncode} after: " if done.returncode < 0 else ""
        print(f"  {crash}{last}", flush=True)
        bad |= done.returncode != 0
    sys.exit(bad)


def environment(age: str) -> str:
    """Give the Python of an environment, made where it isn't there."""
    folder = ROOT / ".cache" / f"media-{age}"
    python = folder / "bin" / "python"
    mark = folder / "complete"
    if not mark.exists():
        venv.create(folder, clear=True, with_pip=True)
        wanted = requirements(age)
        subprocess.run([python, "-m", "pip", "install", "-q", *wanted, *OTHERS], check=True)
        mark.touch()
    return str(python)


def requirements(age: str) -> list[str]:
    """The decoders' requirements, as pip takes them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = []
    for line in project["dependencies"]:
        wanted = re.match(r"([\w-]+)>=([\d.]+)", line)
        assert wanted is not None, line
        name, version = wanted.groups()
        if name in DECODERS:
            parts = (version + ".0.0").split(".")[:3]
            found.append(f"{name}=={'.'.join(parts)}.*" if age == "oldest" else line)
    return found


def run(python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run something with this checkout's edgehands."""
    return subprocess.run(
        [python, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
