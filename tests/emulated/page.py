"""A browser on the network of a booted container, as on another machine.

That machine is a network namespace of its own, so that the tester's network stays as it is. Run as
a program this module is what happens in there.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import time
import urllib.parse
from contextlib import contextmanager
from typing import TYPE_CHECKING

from websockets.sync.client import connect

from tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.emulated.container import Container

THERE, HERE = "192.0.2.1", "192.0.2.2"
"""Addresses of the container and of this end (RFC 5737: reserved for documentation)."""

_GROUP, _PORT = "224.0.0.251", 5353
_A, _IN = 1, 1


@contextmanager
def neighbour(container: Container) -> Iterator[Callable[..., list[str]]]:
    """Another machine, on one network with the container for as long as the context lasts.

    Gives a function that does there what a word of ``main`` says and returns what came of it.
    """
    name = "edgehands-neighbour"

    def there(*words: str) -> list[str]:
        inside = ("ip", "netns", "exec", name, sys.executable, "-m", __name__)
        return run(*inside, *words).split()

    run("ip", "netns", "add", name)
    try:
        run(
            *("ip", "link", "add", "lan0", "netns", name, "type", "veth"),
            *("peer", "name", "lan0", "netns", str(container.leader)),
        )
        for enter, address in (
            (("ip", "netns", "exec", name), HERE),
            (("nsenter", "-t", str(container.leader), "-n"), THERE),
        ):
            run(*enter, "ip", "address", "add", f"{address}/24", "dev", "lan0")
            run(*enter, "ip", "link", "set", "lan0", "up")
        yield there
    finally:
        run("ip", "netns", "delete", name)


def main(what: str, *words: str) -> None:
    """``resolve NAME`` or ``look ADDRESS MACHINE TOKEN``: print what came of it."""
    came = [resolved(words[0], 30.0)] if what == "resolve" else looked_at(*words)
    sys.stdout.write(" ".join(came))


def resolved(name: str, seconds: float) -> str:
    """Ask the network for a name by multicast (RFC 6762); empty if nobody answers."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    question = labels + b"\0" + struct.pack(">HH", _A, _IN)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HERE))
        sock.bind((HERE, 0))  # not 5353: the answer then comes to us alone
        sock.settimeout(1.0)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sock.sendto(struct.pack(">6H", 1, 0, 1, 0, 0, 0) + question, (_GROUP, _PORT))
            try:
                answer = sock.recv(1500)
            except TimeoutError:
                continue
            # A header, our question again, a pointer to its name, then the record.
            record = answer[12 + len(question) + 2 :]
            kind, _, _, length = struct.unpack_from(">HHIH", record)
            if (kind, length) == (_A, 4):
                return socket.inet_ntoa(record[10:14])
    return ""


def looked_at(address: str, machine: str, said: str) -> list[str]:
    """Open the page at its address and say a token; give the kinds of what was heard.

    Args:
        address: as the card names it.
        machine: what its name was resolved to.
        said: the token.
    """
    page = urllib.parse.urlsplit(address)
    sock = _connected(machine, page.port or 80)
    with connect(f"ws://{page.netloc}/live", sock=sock, proxy=None) as live:
        heard = [json.loads(live.recv(20))["type"]]
        live.send(json.dumps({"token": said}))
        end = time.monotonic() + 60
        while time.monotonic() < end:
            news = json.loads(live.recv(20))
            if news["type"] == "locked" or (news["type"] == "hands" and news["message"]["hands"]):
                return [*heard, news["type"]]
    return heard


def _connected(machine: str, port: int) -> socket.socket:
    # Its unit counts as active from its process's first moment, some seconds before it listens.
    end = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection((machine, port), 10)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def run(*words: str) -> str:
    """Run a program that has to succeed; give what it printed."""
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
