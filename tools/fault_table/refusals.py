"""A broker that won't have us, or that we won't have."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from tools import ROOT
from tools.common.certificates import make_authority, make_certificate
from tools.common.mosquitto import Mosquitto
from tools.common.waiting import wait_for
from tools.fault_table.film import write_film
from tools.fault_table.frames import FrameTimes
from tools.fault_table.row import Lengths, Row
from tools.fault_table.service import NODE, Service

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_GAP_MS = 1000.0
"""Tracking stands still when no frame came for so long."""

_DOCTOR = "from edgehands.cli import main; main()"


def wrong_password(folder: Path, lengths: Lengths) -> Row:
    """Give the service another password than the broker knows."""
    folder.mkdir(exist_ok=True)
    _passwords(folder)
    broker = Mosquitto(folder, ("allow_anonymous false", f"password_file {folder}/passwords"))
    settings = {"mqtt__username": "node", "mqtt__password": "wrong"}
    row = Row("wrong password")
    return _refused(row, broker, folder, settings, words="refuses", lengths=lengths)


def wrong_authority(folder: Path, lengths: Lengths) -> Row:
    """Let somebody whom the service doesn't trust sign the broker's certificate."""
    folder.mkdir(exist_ok=True)
    make_authority(folder)
    make_authority(folder, "other")
    make_certificate(folder, "broker")
    settings = {"mqtt__tls_ca": str(folder / "other.crt")}
    row = Row("wrong CA")
    broker = _tls(folder, "broker")
    return _refused(row, broker, folder, settings, words="not trusted", lengths=lengths)


def expired(folder: Path, lengths: Lengths) -> Row:
    """Let the broker's certificate be of yesterday."""
    folder.mkdir(exist_ok=True)
    make_authority(folder)
    make_certificate(folder, "expired", days=-1)
    settings = {"mqtt__tls_ca": str(folder / "ca.crt")}
    row = Row("expired certificate")
    broker = _tls(folder, "expired")
    return _refused(row, broker, folder, settings, words="has expired", lengths=lengths)


def forbidden(folder: Path, lengths: Lengths) -> Row:
    """Let the service log in and read, but not write."""
    folder.mkdir(exist_ok=True)
    _passwords(folder)
    (folder / "acl").write_text("user node\ntopic read edgehands/#\n")
    broker = Mosquitto(
        folder,
        (
            "allow_anonymous false",
            f"password_file {folder}/passwords",
            f"acl_file {folder}/acl",
        ),
    )
    settings = {"mqtt__username": "node", "mqtt__password": "right"}
    words = f"refuses to let edgehands-{NODE} write"
    row = Row("ACL refusal")
    return _refused(row, broker, folder, settings, words=words, lengths=lengths, connects=True)


def _passwords(folder: Path) -> None:
    subprocess.run(
        ["mosquitto_passwd", "-c", "-b", str(folder / "passwords"), "node", "right"],
        check=True,
        capture_output=True,
    )


def _tls(folder: Path, name: str) -> Mosquitto:
    lines = (
        "allow_anonymous true",
        f"cafile {folder}/ca.crt",
        f"certfile {folder}/{name}.crt",
        f"keyfile {folder}/{name}.key",
    )
    return Mosquitto(folder, lines, scheme="mqtts")


def _refused(  # noqa: PLR0913 - what makes the cases different
    row: Row,
    broker: Mosquitto,
    folder: Path,
    settings: dict[str, str],
    *,
    words: str,
    lengths: Lengths,
    connects: bool = False,
) -> Row:
    """Let the service meet a refusal, and look at its log, its attempts, its frames, the doctor."""
    film = write_film(folder / "film.avi")
    frames = FrameTimes(folder / "frames")
    with broker, Service(film, broker.url, folder, tap=frames, settings=settings) as service:
        wait_for(lambda: service.lines(words), 20)
        begin = time.monotonic()
        before = _attempts(broker)
        time.sleep(lengths.refused_s)
        attempts = _attempts(broker) - before
        frame_times = frames.rows()[:, 0]
        frame_times = frame_times[frame_times > begin]
        fps = len(frame_times) / (time.monotonic() - begin)
        gap = float(np.diff(frame_times).max()) * 1e3
        counts = Counter(line[line.index("mqtt") :] for line in service.lines(words))
        row.say(
            f'logged: "{next(iter(counts), "nothing")}"'
            + (f" and {len(counts) - 1} more, one a topic" if len(counts) > 1 else ""),
            holds=bool(counts) and max(counts.values()) == 1,
        )
        if connects:
            row.say(f"{attempts} further connections", holds=attempts == 0)
        else:
            row.say(
                f"{attempts} attempts in {lengths.refused_s:.0f} s",
                # Pauses of at most 1, 2, 4, 8 s and so on, and at least half of that.
                holds=1 <= attempts <= 8,
            )
        row.say(
            f"{fps:.0f} frames a second meanwhile, longest gap {gap:.0f} ms",
            holds=gap < LONGEST_GAP_MS,
        )
        doctor = _doctor(broker, settings, film)
        row.say(f'doctor: "{doctor or "nothing"}"', holds=bool(doctor))
        row.say("process alive", holds=service.alive)
    return row


def _attempts(broker: Mosquitto) -> int:
    return broker.log.read_text().count("New connection from")


def _doctor(broker: Mosquitto, settings: dict[str, str], film: Path) -> str:
    """What ``edgehands doctor`` finds wrong with the broker."""
    clean = {key: text for key, text in os.environ.items() if not key.startswith("EDGEHANDS_")}
    done = subprocess.run(
        [sys.executable, "-c", _DOCTOR, "doctor"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={
            **clean,
            "PYTHONPATH": str(ROOT),
            "EDGEHANDS_NODE__NAME": NODE,
            "EDGEHANDS_CAMERA__SOURCE": f"file:{film}",
            "EDGEHANDS_TRACKING__BACKEND": "fake",
            "EDGEHANDS_MQTT__URL": broker.url,
            **{f"EDGEHANDS_{key.upper()}": text for key, text in settings.items()},
        },
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("FAIL broker")]
    return found[0].removeprefix("FAIL ") if found else ""
