"""Checks the camera, and the permissions of devices."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from edgehands.cameras import open_source
from edgehands.doctor.finding import doubtful, good, wrong, wrong_line
from edgehands.doctor.system import USER
from edgehands.errors import EdgehandsError
from edgehands.safe_text import redact
from edgehands.wording import counted

if TYPE_CHECKING:
    from edgehands.cameras import Source
    from edgehands.config import Config
    from edgehands.doctor.finding import Finding
    from edgehands.doctor.system import System

WATCHED_S = 2.0
"""How long a camera's rate is measured."""

FIRST_FRAME_S = 8.0
"""How long a camera may take to start."""

LEAST_RATE = 0.7
"""A camera below this share of the requested rate gets a warning."""

_CAMERA_DEVICES = ("/dev/video*", "/dev/media*", "/dev/dma_heap/*")
_GROUPS = {"/dev/video*": "video", "/dev/media*": "video", "/dev/dma_heap/*": "video"}


def check_camera(system: System, config: Config) -> tuple[Finding, ...]:
    """Whether the camera opens, and what it delivers; a running service is asked, not disturbed."""
    uri = redact(config.camera.source)
    state = system.properties("ActiveState", "StatusText")
    if state.get("ActiveState") == "active":
        return (_of_service(uri, state.get("StatusText", "")),)
    try:
        with open_source(config.camera.source, config.camera, realtime=False) as source:
            return (_of_source(uri, source, config),)
    except EdgehandsError as error:
        return (
            wrong_line("camera", redact(str(error)), "'edgehands cameras' lists what is connected"),
        )


def check_permissions(system: System, _config: Config) -> tuple[Finding, ...]:
    """Whether we, and the service's user, may use the camera's devices."""
    found = []
    present = [pattern for pattern in _CAMERA_DEVICES if system.glob(pattern)]
    denied = [
        str(path) for pattern in present for path in system.glob(pattern) if not system.usable(path)
    ]
    if denied:
        found.append(
            doubtful(
                "permissions",
                f"this user may not open {counted(len(denied), 'camera device')}, among them"
                f" {denied[0]}",
                "sudo edgehands doctor, or: sudo usermod -aG video $USER, then log in again",
            )
        )
    if _has_user(system):
        missing = {_GROUPS[pattern] for pattern in present} - _groups_of_service(system)
        found += [
            wrong(
                "permissions",
                f"the service's user {USER} isn't in the group {group} and can't use the camera",
                f"sudo usermod -aG {group} {USER}; sudo systemctl restart edgehands",
            )
            for group in sorted(missing)
        ]
    found += _open_secrets(system)
    if not present and not found:
        return (good("permissions", "there is no camera device to check"),)
    return tuple(found) or (
        good("permissions", "camera devices and secrets have the right permissions"),
    )


def _of_service(uri: str, status: str) -> Finding:
    """What the running service reports about its camera in systemd's status line."""
    rate = re.search(r"([\d.]+) frames a second", status)
    if rate:
        return good("camera", f"{uri}: the running service reads {rate[1]} frames a second")
    if "camera away" in status:
        return wrong(
            "camera",
            f"{uri}: the running service gets no frames from it",
            "check its cable; 'edgehands cameras' lists what is connected",
        )
    return doubtful(
        "camera",
        f"{uri}: in use by the running service, which hasn't measured a rate yet",
        "wait ten seconds and try again, or first: sudo systemctl stop edgehands",
    )


def _of_source(uri: str, source: Source, config: Config) -> Finding:
    """What an open camera delivers, measured."""
    frame = source.read(FIRST_FRAME_S)
    if frame is None:
        return wrong(
            "camera",
            f"{uri} opens but delivers no frame within {FIRST_FRAME_S:g} s",
            "check its cable, and that no other program is using it",
        )
    height, width = frame.image.shape[:2]
    begin, count = time.monotonic(), 0
    while (passed := time.monotonic() - begin) < WATCHED_S and not source.finished:
        count += source.read(WATCHED_S - passed) is not None
    info = source.describe()
    detail = f", {redact(info.detail)}" if info.detail else ""
    if info.kind not in {"v4l2", "picamera2", "rtsp", "http"}:
        return good("camera", f"{uri} gives {width}x{height}{detail}")
    fps = count / max(passed, 1e-3)
    text = f"{uri} gives {width}x{height}, {fps:.1f} frames a second{detail}"
    if fps < LEAST_RATE * config.camera.fps:
        return doubtful(
            "camera",
            f"{text}; {config.camera.fps:g} are asked for",
            "add light (long exposures slow it down), or set a mode that 'edgehands cameras' lists",
        )
    return good("camera", text)


def _has_user(system: System) -> bool:
    return any(
        line.startswith(f"{USER}:") for line in (system.read("/etc/passwd") or "").splitlines()
    )


def _groups_of_service(system: System) -> set[str]:
    """The service's groups: those of its user, and those its unit adds."""
    groups = set(system.properties("SupplementaryGroups").get("SupplementaryGroups", "").split())
    for line in (system.read("/etc/group") or "").splitlines():
        name, _, members = line.partition(":")[0], "", line.rpartition(":")[2]
        if USER in members.split(","):
            groups.add(name)
    return groups


def _open_secrets(system: System) -> list[Finding]:
    """Files with secrets that every user of this machine can read."""
    found = []
    for path in system.glob("/etc/edgehands/*"):
        secret = path.name != "edgehands.toml" or _holds_password(system.read(path))
        if secret and path.is_file() and path.stat().st_mode & 0o004:
            found.append(
                doubtful(
                    "permissions",
                    f"everybody on this machine can read {path}, which holds secrets",
                    f"sudo chmod o-r {path}",
                )
            )
    return found


def _holds_password(text: str | None) -> bool:
    return any(
        re.match(r"\s*password\s*=\s*[\"'].", line) or re.search(r"://[^/@\s]+:[^/@\s]+@", line)
        for line in (text or "").splitlines()
    )
