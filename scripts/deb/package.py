"""What stands in the Debian package, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deb.archive import Entry
from deb.wheels import HERE, NUMPY, lock_file, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_ROOT = "usr/lib/edgehands"
_UNITS = "usr/lib/systemd/system"

_DEPENDS = (
    "python3 (>= 3.11), python3 (<< 3.14), libc6 (>= 2.31), libstdc++6, libgcc-s1, systemd,"
    " init-system-helpers, passwd, udev"
)

_CONTROL = """\
Package: edgehands
Version: {version}
Architecture: {architecture}
Maintainer: edgehands <edgehands@localhost>
Section: misc
Priority: optional
Depends: {depends}
Recommends: python3-picamera2
Suggests: libedgetpu1-std, mosquitto
Description: real-time 3-D hand landmarks over MQTT
 Sees hands with a camera, on the device itself, and publishes 21 landmarks for
 each hand, gestures and hand pose over MQTT. Carries the Python packages that
 it needs: nothing is fetched when it is installed.
"""


def control(version: str, architecture: str) -> str:
    """The control file."""
    return _CONTROL.format(version=version, architecture=architecture, depends=_DEPENDS)


def maintainer_scripts(version: str) -> list[Entry]:
    """What dpkg runs, with the package's own values filled in."""
    values = {"@VERSION@": version, "@PYTHONS@": " and ".join(NUMPY)}
    entries = []
    for name in ("postinst", "prerm", "postrm", "triggers"):
        text = (HERE / name).read_text()
        for key, value in values.items():
            text = text.replace(key, value)
        entries.append(Entry(name, text.encode(), 0o644 if name == "triggers" else 0o755))
    return entries


def files(root: Path, own: Path, wheels: Mapping[str, Sequence[Path]]) -> list[Entry]:
    """Everything that is installed.

    Args:
        root: the checkout.
        own: the wheel of edgehands itself.
        wheels: the carried wheels by Python version.
    """
    systemd = root / "systemd"
    placed = {
        f"{_UNITS}/edgehands.service": "edgehands.service",
        f"{_UNITS}/edgehands@.service": "edgehands.service",
        f"{_UNITS}/edgehands-settings.service": "edgehands-settings.service",
        "usr/lib/sysusers.d/edgehands.conf": "edgehands.sysusers",
        "usr/lib/tmpfiles.d/edgehands.conf": "edgehands.tmpfiles",
        "usr/lib/udev/rules.d/65-edgehands.rules": "edgehands.rules",
    }
    entries = [Entry(path, (systemd / name).read_bytes()) for path, name in placed.items()]
    entries += [
        Entry(f"{_ROOT}/{name}", (systemd / name).read_bytes(), 0o755)
        for name in ("edgehands-backoff", "edgehands-settings")
    ]
    settings = (systemd / "edgehands.toml").read_bytes()
    entries += [
        Entry("etc/edgehands/edgehands.toml", settings, conffile=True),
        Entry("usr/bin/edgehands", link=f"/{_ROOT}/venv/bin/edgehands"),
        Entry("usr/share/doc/edgehands/copyright", (HERE / "copyright").read_bytes()),
        Entry(
            "usr/share/doc/edgehands/raspberry-pi.md",
            (root / "docs" / "raspberry-pi.md").read_bytes(),
        ),
    ]
    carried = {own.name: own}
    for python, paths in wheels.items():
        lines = lock_file(python).read_text() + f"edgehands @ file:///{_ROOT}/wheels/{own.name}"
        lines += f" --hash=sha256:{sha256(own)}\n"
        entries.append(Entry(f"{_ROOT}/wheels/{python}.txt", lines.encode()))
        carried |= {path.name: path for path in paths}
    entries += [
        Entry(f"{_ROOT}/wheels/{name}", path.read_bytes()) for name, path in carried.items()
    ]
    return entries
