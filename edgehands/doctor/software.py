"""Checks Python, its packages, and the model files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edgehands.doctor.finding import doubtful, good, wrong, wrong_line
from edgehands.errors import EdgehandsError
from edgehands.model_store import ModelStore

if TYPE_CHECKING:
    from edgehands.config import Config
    from edgehands.doctor.finding import Finding
    from edgehands.doctor.system import System

OLDEST_PYTHON = (3, 11)
APT_PACKAGES = "/usr/lib/python3/dist-packages"
"""Where Debian puts Python packages; a venv sees them with ``--system-site-packages``."""

_REINSTALL = "install edgehands again"
_IMPORT_S = 60.0  # a cold start from a slow card


def check_python(system: System, _config: Config) -> tuple[Finding, ...]:
    """Python itself."""
    version = ".".join(map(str, system.python_version))
    if system.python_version[:2] < OLDEST_PYTHON:
        return (
            wrong(
                "python",
                f"Python {version}: 3.11 or newer is needed",
                "upgrade the operating system",
            ),
        )
    if system.bits != 64:
        return (
            wrong(
                "python",
                f"Python {version} is {system.bits}-bit: there is no model runtime for it",
                "install the 64-bit Raspberry Pi OS",
            ),
        )
    return (good("python", f"{version}, 64-bit, {system.python}"),)


def check_packages(system: System, _config: Config) -> tuple[Finding, ...]:
    """The wheels that edgehands requires."""
    bad = []
    found = []
    for line in system.requirements:
        name, least = _requirement(line)
        have = system.version(name)
        if have is None and name == "ai-edge-litert" and system.version("tflite-runtime"):
            continue  # the runtime has a check of its own
        if have is None:
            bad.append(f"{name} is missing")
        elif _numbers(have) < _numbers(least):
            bad.append(f"{name} {have} is older than {least}")
        else:
            found.append(f"{name} {have}")
    if bad:
        return (wrong("packages", "; ".join(bad), _REINSTALL),)
    return (good("packages", ", ".join(found) or "running from the source tree"),)


def check_runtime(system: System, _config: Config) -> tuple[Finding, ...]:
    """Whether the models' runtime can be loaded, tried in a process of its own, as it may crash."""
    name, module = "ai-edge-litert", "ai_edge_litert"
    if system.version(name) is None:
        name, module = "tflite-runtime", "tflite_runtime"
    version = system.version(name)
    if version is None:
        return (wrong("runtime", "no TensorFlow Lite runtime", "pip install ai-edge-litert"),)
    answer = system.run((system.python, "-c", f"import {module}.interpreter"), _IMPORT_S)
    if answer is not None and answer.code < 0:
        return (
            wrong(
                "runtime",
                f"{name} {version} crashes while loading (signal {-answer.code})",
                "on an emulator, check that /proc/cpuinfo shows the emulated processor",
            ),
        )
    if answer is not None and answer.code:
        return (wrong("runtime", f"{name} {version}: {_last_line(answer.text)}", _REINSTALL),)
    if module == "tflite_runtime":
        return (
            doubtful(
                "runtime",
                f"{name} {version}: is many times slower on int8 models than ai-edge-litert",
                "pip install ai-edge-litert",
            ),
        )
    return (good("runtime", f"{name} {version}"),)


def check_numpy(system: System, config: Config) -> tuple[Finding, ...]:
    """The numpy that apt's camera packages get.

    A numpy from pip that is newer than apt's breaks apt's simplejpeg, and with it picamera2
    ("numpy.dtype size changed").
    """
    csi = config.camera.source.startswith("picamera2")
    version = system.version("numpy")
    if not system.glob(f"{APT_PACKAGES}/simplejpeg*"):
        if csi:
            return (
                wrong(
                    "numpy",
                    f"camera.source is {config.camera.source}, but picamera2 isn't installed",
                    "sudo apt install python3-picamera2 --no-install-recommends",
                ),
            )
        return (
            good(
                "numpy", f"{version}; apt's picamera2, which needs a matching one, isn't installed"
            ),
        )
    answer = system.run((system.python, "-c", "import simplejpeg"), _IMPORT_S)
    if answer is None or answer.code == 0:
        return (good("numpy", f"{version}, compatible with apt's simplejpeg and picamera2"),)
    say = wrong if csi else doubtful
    if "dtype size changed" in answer.text or "numpy.core" in answer.text:
        apt = _apt_numpy(system)
        return (
            say(
                "numpy",
                f"numpy {version} doesn't match apt's simplejpeg (built for {apt or 'another'}):"
                " picamera2 can't be loaded",
                f"run pip install 'numpy=={apt}' in the environment of edgehands"
                if apt
                else "sudo apt install python3-numpy, and uninstall pip's numpy",
            ),
        )
    if "No module named" in answer.text:
        return (
            say(
                "numpy",
                f"{system.python} can't see apt's packages: picamera2 can't be loaded",
                "create the environment with python3 -m venv --system-site-packages",
            ),
        )
    return (say("numpy", f"apt's simplejpeg: {_last_line(answer.text)}", "reinstall it with apt"),)


def check_models(system: System, _config: Config) -> tuple[Finding, ...]:
    """The model files' sha256 against the manifest."""
    try:
        store = ModelStore(system.models)
        names = [store.verify(spec).name for spec in store.expected()]
    except EdgehandsError as error:
        return (wrong_line("models", str(error), _REINSTALL),)
    return (good("models", f"{len(names)} files in {store.folder}, all checksums match"),)


def _requirement(line: str) -> tuple[str, str]:
    """``msgspec>=0.19`` → name and least version."""
    match = re.match(r"([A-Za-z0-9._-]+)[^>]*(?:>=\s*([0-9.]+))?", line)
    return (match[1], match[2] or "0") if match else (line, "0")


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _apt_numpy(system: System) -> str:
    for folder in system.glob(f"{APT_PACKAGES}/numpy-*-info"):
        match = re.match(r"numpy-(\d+(?:\.\d+)*)", folder.name)
        if match:
            return match[1]
    return ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it failed without an error message"
