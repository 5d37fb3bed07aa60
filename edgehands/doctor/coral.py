"""Checks the Coral Edge TPU: present, initialised, fast, its library matching the runtime."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edgehands.backends.edgetpu import LIBRARY, CrashMarker, is_compiled, marker_file
from edgehands.doctor.finding import doubtful, good, wrong
from edgehands.doctor.system import USER
from edgehands.errors import EdgehandsError
from edgehands.model_store import ModelStore

if TYPE_CHECKING:
    from edgehands.config import Config
    from edgehands.doctor.finding import Finding
    from edgehands.doctor.system import System

ASLEEP = ("1a6e", "089a")
"""USB id before its firmware is loaded, by the first program that uses it."""

AWAKE = ("18d1", "9302")
"""USB id afterwards."""

_USB3_MBIT = 5000
_LIBRARIES = (
    f"/usr/lib/*/{LIBRARY}",
    f"/usr/lib/{LIBRARY}",
    f"/usr/local/lib/{LIBRARY}",
    f"/lib/*/{LIBRARY}",
)
_PACKAGES = ("libedgetpu1-std", "libedgetpu1-max")
_GUIDE = "see docs/coral.md"


def check_coral(system: System, config: Config) -> tuple[Finding, ...]:
    """Device, library and models; the device isn't opened: another program may be using it."""
    devices = [*_usb(system), *_pcie(system)]
    if not devices:
        if config.tracking.backend == "edgetpu":
            return (
                wrong(
                    "coral",
                    'tracking.backend = "edgetpu", but no Edge TPU is connected',
                    'connect it, or set tracking.backend = "auto"',
                ),
            )
        return ()  # most users have none
    return (*devices, *_library(system), *_models(system, config), *_crash(system))


def _usb(system: System) -> list[Finding]:
    found = []
    for file in system.glob("/sys/bus/usb/devices/*/idVendor"):
        folder = file.parent
        ids = (system.read(file) or "", system.read(folder / "idProduct") or "")
        if ids not in {ASLEEP, AWAKE}:
            continue
        text = system.read(folder / "speed") or ""
        speed = int(float(text)) if re.fullmatch(r"[\d.]+", text) else 0
        state = "firmware loaded" if ids == AWAKE else "firmware not loaded yet (normal before use)"
        name = f"USB {':'.join(ids)}, {state}"
        node = f"/dev/bus/usb/{_three(system.read(folder / 'busnum'))}"
        device = system.path(f"{node}/{_three(system.read(folder / 'devnum'))}")
        if device.exists() and not system.usable(device):
            found.append(
                doubtful(
                    "coral",
                    f"{name}: this user may not open {device}",
                    f"sudo edgehands doctor; the service's own user {USER} needs the udev rule",
                )
            )
        # Before its firmware is loaded it uses USB 2 whatever the port supports.
        if ids == AWAKE and speed < _USB3_MBIT:
            found.append(
                doubtful(
                    "coral",
                    f"{name}: linked at {speed} Mbit/s (USB 2); USB 3 gives {_USB3_MBIT}",
                    "plug it into a blue USB 3 port, with the cable it came with",
                )
            )
        else:
            found.append(good("coral", f"{name}, {speed} Mbit/s"))
    return found


def _pcie(system: System) -> list[Finding]:
    found = []
    for folder in system.glob("/sys/class/apex/apex_*"):
        device = system.path(f"/dev/{folder.name}")
        if not device.exists():
            found.append(
                wrong(
                    "coral",
                    f"PCIe {folder.name}: {device} is missing",
                    "load the gasket-dkms modules",
                )
            )
        elif not system.usable(device):
            found.append(
                doubtful(
                    "coral",
                    f"PCIe {folder.name}: this user may not open {device}",
                    f"sudo edgehands doctor; the service's own user {USER} needs the udev rule",
                )
            )
        else:
            found.append(good("coral", f"PCIe {folder.name}"))
    return found


def _library(system: System) -> tuple[Finding, ...]:
    """The library, and whether it was built for a runtime like ours.

    Google's own (2021, version 16.0) crashes with TensorFlow Lite 2.12 and newer; rebuilt ones name
    the version they were built with: ``16.0tf2.17.1-1``.
    """
    files = [path for pattern in _LIBRARIES for path in system.glob(pattern)]
    if not files:
        return (
            wrong(
                "coral library", f"{LIBRARY} isn't installed: the Edge TPU can't be used", _GUIDE
            ),
        )
    version = _package_version(system)
    if not version:
        return (
            doubtful(
                "coral library", f"can't tell the version of {files[0]}", f"compare it: {_GUIDE}"
            ),
        )
    if "tf" not in version:
        return (
            wrong(
                "coral library",
                f"{version} dates from 2021 and crashes with this TensorFlow Lite runtime",
                f"install a rebuilt one: {_GUIDE}",
            ),
        )
    return (good("coral library", f"{version} ({files[0]})"),)


def _package_version(system: System) -> str:
    for package in _PACKAGES:
        answer = system.run(("dpkg-query", "-W", "-f", "${Version}", package), 5.0)
        if answer is not None and answer.code == 0 and answer.text.strip():
            return answer.text.strip()
    return ""


def _models(system: System, config: Config) -> tuple[Finding, ...]:
    tracking = config.tracking
    try:
        store = ModelStore(system.models)
        spec = store.find("hand_landmark", tracking.model, tracking.precision, "edgetpu")
        compiled = is_compiled(store.verify(spec))
    except EdgehandsError:
        compiled = False
    if not compiled:
        return (
            doubtful(
                "coral models",
                f"no hand_landmark model '{tracking.model}' compiled for the Edge TPU:"
                " everything runs on the CPU",
                _GUIDE,
            ),
        )
    return (good("coral models", spec.file),)


def _crash(system: System) -> tuple[Finding, ...]:
    places = (marker_file(system.env), system.path("/run/edgehands/edgetpu-in-use"))
    for place in dict.fromkeys(place for place in places if place is not None):
        crash = CrashMarker(place, now=system.now).last_crash()
        if crash is not None:
            return (
                doubtful(
                    "coral crash",
                    f"a program using the Edge TPU died without an error message: {crash}",
                    "use the cable it came with, a port that gives enough current, and cool it",
                ),
            )
    return ()


def _three(number: str | None) -> str:
    return (number or "0").zfill(3)
