"""What a running service keeps to itself: no port, no file, no picture."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest

from tests.hands import frame
from tools.common.command import BOOT_S, Command
from tools.common.mosquitto import Listener
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from tools.common.mosquitto import Mosquitto

_LISTENS = "0A"  # the state of a TCP socket in /proc/net/tcp


def listening(pid: int) -> list[str]:
    """Addresses, in the kernel's form, on which a process takes connections or datagrams."""
    own = set()
    target = ""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            target = str(link.readlink())
        if target.startswith("socket:["):
            own.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in own and (fields[3] == _LISTENS or table.startswith("udp")):
                found.append(fields[1])
    return found


@pytest.mark.broker
def test_the_service_listens_on_no_port_and_stores_no_frame(
    broker: Mosquitto, tmp_path: Path
) -> None:
    """A camera in a room that could be reached, or left pictures behind, nobody would put up."""
    pictures, place = tmp_path / "pictures", tmp_path / "place"
    for folder in (pictures, place):
        folder.mkdir()
    cv2.imwrite(str(pictures / "1.png"), frame((300, 240)))
    settings = {
        "EDGEHANDS_TRACKING__BACKEND": "fake",
        "EDGEHANDS_NODE__NAME": "pi",
        "EDGEHANDS_CAMERA__LOOP": "true",
        **dict.fromkeys(("HOME", "TMPDIR", "STATE_DIRECTORY", "XDG_STATE_HOME"), str(place)),
    }
    words = ["run", "--source", f"dir:{pictures}", "--mqtt", broker.url]
    log = tmp_path / "log"
    with Listener(broker.port) as listener, Command(words, log, **settings) as command:
        assert wait_for(lambda: len(listener.on("/hands")) > 10, BOOT_S), log.read_text()
        assert command.process is not None
        assert listening(command.process.pid) == []
    assert listening_is_seen()
    assert [path for path in place.rglob("*") if path.is_file()] == []
    for message in listener.heard:
        assert b"\xff\xd8\xff" not in message.payload  # the beginning of a JPEG
        assert b"/9j/" not in message.payload  # the same as base64


def listening_is_seen() -> bool:
    """Whether the check above would find a port: this process opens one."""
    with socket.create_server(("127.0.0.1", 0)):
        return len(listening(os.getpid())) >= 1
