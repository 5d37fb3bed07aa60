"""A bad network: everything between a network namespace and this machine goes through a program.

Two TUN devices, one on each side, and between them a relay that delays every packet, loses some,
and can be cut. So TCP meets what it would meet outside, and the kernel needs no netem. Needs root.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools import ROOT

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

HERE = "10.213.77.1"
THERE = "10.213.77.2"
_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_HEADER = 0x0001 | 0x1000


def why_not() -> str:
    """Why no wire can be laid here; empty where one can."""
    if os.geteuid() != 0:
        return "needs root"
    if not Path("/dev/net/tun").exists():
        return "needs /dev/net/tun"
    if shutil.which("ip") is None:
        return "needs ip (apt-get install iproute2)"
    name = f"eh{os.getpid()}try"
    try:
        # In a chroot, whose root is no mount, a namespace can be made but not entered.
        _ip("netns", "add", name, quiet=True)
        _ip("-n", name, "link", quiet=True)
    except subprocess.CalledProcessError:
        return "needs network namespaces (ip netns): there are none in a chroot"
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
    return ""


class Wire:
    """A network namespace and the wire that leads there. A context manager.

    Attributes:
        inside: words in front of a command that run it in the namespace.
    """

    def __init__(self) -> None:
        self._name = f"eh{os.getpid()}"
        self.inside = ("ip", "netns", "exec", self._name)
        self._relay: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        _ip("netns", "add", self._name)
        try:
            self._relay = subprocess.Popen(
                [sys.executable, "-m", "tools.fault_table.wire", self._name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            assert self._relay.stdout is not None
            assert self._relay.stdout.readline() == "ready\n"
            _ip("addr", "add", f"{HERE}/30", "dev", f"{self._name}a")
            _ip("link", "set", f"{self._name}a", "up")
            _ip("link", "set", f"{self._name}b", "netns", self._name)
            for words in (
                ("addr", "add", f"{THERE}/30", "dev", f"{self._name}b"),
                ("link", "set", f"{self._name}b", "up"),
                ("link", "set", "lo", "up"),
            ):
                _ip("-n", self._name, *words)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._relay is not None:
            self._relay.kill()
            self._relay.wait()
        _ip("netns", "del", self._name)

    def set(self, delay_s: float = 0.0, loss: float = 0.0) -> None:
        """Delay every packet by so many seconds in each direction, and lose this share of them."""
        assert self._relay is not None
        assert self._relay.stdin is not None
        self._relay.stdin.write(f"{delay_s} {loss}\n")
        self._relay.stdin.flush()

    def cut(self) -> None:
        """Lose everything from now on."""
        self.set(0.0, 1.0)


@dataclass(slots=True)
class _Relay:
    """Carries packets between two devices.

    Attributes:
        delay_s, loss: of each direction.
    """

    ends: tuple[int, int]
    delay_s: float = 0.0
    loss: float = 0.0

    def run(self) -> None:
        """Carry packets until the parent has gone."""
        waiting: list[tuple[float, int, int, bytes]] = []
        chance = random.Random(77)  # noqa: S311 - the same losses in each run
        number = 0
        other = dict(zip(self.ends, reversed(self.ends), strict=True))
        sources = [*self.ends, sys.stdin.fileno()]
        while True:
            timeout = max(waiting[0][0] - time.monotonic(), 0.0) if waiting else None
            for source in select.select(sources, [], [], timeout)[0]:
                if source not in other:
                    words = os.read(source, 100).split()
                    if not words:
                        return
                    self.delay_s, self.loss = float(words[-2]), float(words[-1])
                    continue
                packet = os.read(source, 65_536)
                if chance.random() >= self.loss:
                    number += 1
                    due = time.monotonic() + self.delay_s
                    heapq.heappush(waiting, (due, number, other[source], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                with contextlib.suppress(OSError):  # a device that isn't up takes nothing
                    os.write(end, packet)


def _open_tun(name: str) -> int:
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH14x", name.encode(), _TUN_WITHOUT_HEADER))
    return end


def _ip(*words: str, quiet: bool = False) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=quiet)


if __name__ == "__main__":
    _relay = _Relay((_open_tun(f"{sys.argv[1]}a"), _open_tun(f"{sys.argv[1]}b")))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    _relay.run()
