"""What stands in the Debian package, and where."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from deb.archive import Entry
from deb.wheels import HERE, OF_APT, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SYSTEMS = {"3.11": "bookworm", "3.13": "trixie"}
"""The releases of Debian and of Raspberry Pi OS, by their Python."""

MAINTAINER = "The edgehands developers <maintainers@edgehands.invalid>"
"""Debian wants an address; this one is none (RFC 2606), until whoever builds gives theirs."""

_ROOT = "usr/lib/edgehands"
_UNITS = "usr/lib/systemd/system"

_DEPENDS = (
    "python3 (>= {low}), python3 (<< {high}), libc6 (>= 2.31), libstdc++6, libgcc-s1, systemd,"
    " init-system-helpers, passwd, udev"
)

_CONTROL = """\
Package: edgehands
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Section: misc
Priority: optional
Depends: {depends}
Recommends: python3-picamera2
Suggests: libedgetpu1-std, mosquitto, avahi-daemon
Description: real-time 3-D hand landmarks over MQTT
 Sees hands with a camera, on the device itself, and publishes 21 landmarks for
 each hand, gestures and hand pose over MQTT. Carries the Python packages that
 it needs{carried}
"""

_ALL_CARRIED = ": nothing is fetched when it is installed."


def control(version: str, architecture: str, python: str) -> str:
    """The control file of the package for the system that has this Python."""
    of_apt = OF_APT[architecture]
    carried = f", but for Debian's {', '.join(of_apt)}." if of_apt else _ALL_CARRIED
    low, high = python, f"3.{int(python.split('.')[1]) + 1}"
    return _CONTROL.format(
        version=f"{version}+{SYSTEMS[python]}",
        architecture=architecture,
        depends=_DEPENDS.format(low=low, high=high)
        + "".join(f", python3-{name}" for name in of_apt),
        carried=carried,
        maintainer=maintainer(os.environ),
    )


def maintainer(environment: Mapping[str, str]) -> str:
    """The package's ``Maintainer``: DEBFULLNAME and DEBEMAIL as for all of Debian's tools.

    Raises:
        SystemExit: only one of them is set, or they are no name and address.
    """
    name, address = (environment.get(key, "").strip() for key in ("DEBFULLNAME", "DEBEMAIL"))
    if not name and not address:
        return MAINTAINER
    if not re.fullmatch(r"[^<>@\n]+", name) or not re.fullmatch(r"[^\s<>@]+@[^\s<>@]+", address):
        raise SystemExit(
            f'build_deb: DEBFULLNAME = "{name}", DEBEMAIL = "{address}": give both, a name and an'
            " address"
        )
    return f"{name} <{address}>"


def maintainer_scripts(version: str, python: str) -> list[Entry]:
    """What dpkg runs, with the package's own values filled in."""
    values = {"@VERSION@": version, "@PYTHONS@": python, "@SYSTEM@": SYSTEMS[python]}
    entries = []
    for name in ("postinst", "prerm", "postrm", "triggers"):
        text = (HERE / name).read_text()
        for key, value in values.items():
            text = text.replace(key, value)
        entries.append(Entry(name, text.encode(), 0o644 if name == "triggers" else 0o755))
    return entries


def files(root: Path, own: Path, wheels: Sequence[Path], python: str) -> list[Entry]:
    """Everything that is installed.

    Args:
        root: the checkout.
        own: the wheel of edgehands itself.
        wheels: those that are carried.
        python: its version.
    """
    systemd = root / "systemd"
    placed = {
        f"{_UNITS}/edgehands.service": "edgehands.service",
        f"{_UNITS}/edgehands@.service": "edgehands.service",
        f"{_UNITS}/edgehands-settings.service": "edgehands-settings.service",
        f"{_UNITS}/edgehands-page.service": "edgehands-page.service",
        "etc/avahi/services/edgehands.service": "edgehands.avahi",
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
    entries += [
        Entry(f"{_ROOT}/mosquitto/{name}", (root / "docs" / "mosquitto" / name).read_bytes())
        for name in ("edgehands.acl", "edgehands-on-pi.conf")
    ]
    carried = [own, *wheels]
    lines = "".join(
        f"{_project(path)} @ file:///{_ROOT}/wheels/{path.name} --hash=sha256:{sha256(path)}\n"
        for path in carried
    )
    entries.append(Entry(f"{_ROOT}/wheels/{python}.txt", lines.encode()))
    entries += [Entry(f"{_ROOT}/wheels/{path.name}", path.read_bytes()) for path in carried]
    return entries


def _project(wheel: Path) -> str:
    return wheel.name.split("-")[0].replace("_", "-").lower()
