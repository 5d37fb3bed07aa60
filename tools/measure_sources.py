"""Measure what a source costs the service: time to its first frame, memory, processor time.

    python3 -m tools measure-sources demo: fake: rtsp://…          five starts of each, in turn
    python3 -m tools measure-sources --seconds 20 --runs 3 clip.mp4
    python3 -m tools measure-sources --parts demo: fake:           what holds the memory

Prints for each source the median over the runs of: seconds from starting the process until the
first frame (systemd's READY=1); resident memory at the end (RSS), how much of it is written memory
(the rest is files, libraries mostly, which the system can drop and read again), and its peak, MB;
and processor time, ms a second, from the first frame on. No broker is needed.

With ``--parts`` the service's parts are loaded one after the other in a process of their own, and
what each adds is printed, before anything is given back.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


PARTS = """
import os, re, sys
os.environ["OPENBLAS_NUM_THREADS"] = "1"
before = [0.0, 0.0]

def told(part):
    text = open("/proc/self/smaps_rollup").read()
    now = [int(re.search(name + r":\\s+(\\d+)", text)[1]) / 1024 for name in ("Rss", "Anonymous")]
    print(f"{now[0] - before[0]:7.1f} {now[1] - before[1]:7.1f}  {part}")
    before[:] = now

told("Python")
import numpy
told("numpy")
import cv2
cv2.setNumThreads(1)
told("OpenCV")
import ssl, urllib.request, paho.mqtt.client
told("MQTT client with TLS")
import edgehands.service.serve
told("edgehands")
from edgehands import memory
from edgehands.backends import cpu
cpu.load_runtime()
told("LiteRT")
from edgehands.config import TrackingConfig
from edgehands.model_store import ModelStore
from edgehands.tracking.tracker import TASKS
store, backend, kept = ModelStore(), cpu.CpuBackend(1), []
for task in reversed(TASKS):
    spec = store.find(task, TrackingConfig().model, TrackingConfig().precision, "cpu")
    kept.append(backend.load(spec, store.verify(spec)))
    for _ in range(3):
        kept[-1].run()
    told(spec.file)
from edgehands.cameras import CameraSettings, open_source
with open_source(sys.argv[1], CameraSettings(), realtime=True) as source:
    count = 0
    while count < 100:
        count += source.read(timeout=1.0) is not None
    told("source, 100 frames")
memory.give_back()
told("given back")
print(f"{before[0]:7.1f} {before[1]:7.1f}  in all")
"""


@dataclass(frozen=True)
class Cost:
    """One run: seconds, MB three times, ms of processor time for each second of running."""

    start_s: float
    rss_mb: float
    written_mb: float
    peak_mb: float
    cpu_ms_per_s: float


def main() -> None:
    """Measure every source in turn, several times, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--python", default=sys.executable, help="an environment with another edgehands to compare"
    )
    parser.add_argument("--parts", action="store_true", help="what holds the memory")
    options = parser.parse_args()
    if options.parts:
        for source in options.sources:
            print(f"{source}   MB resident, of it written")
            subprocess.run([options.python, "-c", PARTS, source], check=True)
        return
    costs: dict[str, list[Cost]] = {source: [] for source in options.sources}
    for _ in range(options.runs):
        for source in options.sources:
            costs[source].append(measure(options.python, source, options.seconds))
    print("source                start s   RSS MB  written  peak MB  CPU ms/s")
    for source, runs in costs.items():
        columns = [
            statistics.median(getattr(run, name) for run in runs)
            for name in ("start_s", "rss_mb", "written_mb", "peak_mb", "cpu_ms_per_s")
        ]
        print("{:20} {:8.2f} {:8.1f} {:8.1f} {:8.1f} {:9.0f}".format(source, *columns))


def measure(python: str, source: str, seconds: float) -> Cost:
    """Run the service for a while on a source."""
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder, "notify"))
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        heard.bind(address)
        heard.settimeout(60)
        begin = time.monotonic()
        process = subprocess.Popen(
            [
                *(python, "-c", "from edgehands.cli import main; main()", "run"),
                *("--source", source, "--mqtt", "mqtt://127.0.0.1:9"),
            ],
            env={**os.environ, "NOTIFY_SOCKET": address, "STATE_DIRECTORY": folder},
            stderr=subprocess.DEVNULL,
        )
        try:
            while b"READY=1" not in heard.recv(4096):
                pass
            start = time.monotonic() - begin
            before = _cpu(process.pid)
            time.sleep(seconds)
            cpu = (_cpu(process.pid) - before) / seconds
            status = Path(f"/proc/{process.pid}/status").read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            heard.close()
    rss, written, peak = (_mb(status, name) for name in ("VmRSS", "RssAnon", "VmHWM"))
    return Cost(start, rss, written, peak, cpu * 1000)


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _mb(status: str, name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    assert found is not None, name
    return int(found[1]) / 1024
