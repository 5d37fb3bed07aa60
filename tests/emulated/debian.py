"""Freshly installed Debians in folders: made once, copied, entered with and without a network."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools import ROOT

if TYPE_CHECKING:
    from tools.emulated.debian import Core

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_BINFMT = Path("/proc/sys/fs/binfmt_misc")


def needs(*programs: str) -> list[pytest.MarkDecorator]:
    """Mark a module: emulated, and skipped with a plain reason where something isn't here."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [name for name in programs if shutil.which(name, path=path) is None]
    return [
        pytest.mark.emulated,
        pytest.mark.skipif(os.geteuid() != 0, reason="it needs root: run it as root"),
        pytest.mark.skipif(bool(missing), reason=f"not here: {', '.join(missing)} (apt install)"),
    ]


def runs_arm64() -> bool:
    """Whether programs for arm64 run here; switches on what Debian has prepared for that.

    Elsewhere than on arm64, mmdebstrap finds that out by arch-test.
    """
    if not (_BINFMT / "status").exists():
        subprocess.run(
            ["mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT)],
            check=False, capture_output=True,
        )  # fmt: skip
    if not (_BINFMT / "qemu-aarch64").exists() and shutil.which("update-binfmts"):
        subprocess.run(["update-binfmts", "--enable", "qemu-aarch64"], check=False)
    emulated = (_BINFMT / "qemu-aarch64").exists() and shutil.which("arch-test") is not None
    return own_architecture() == "arm64" or emulated


def own_architecture() -> str:
    """Debian's word for this machine's."""
    done = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def build_package(folder: Path, architecture: str, system: str = "bookworm") -> Path:
    """Build the package of this tree."""
    done = subprocess.run(
        [
            str(ROOT / ".venv" / "bin" / "python"), str(ROOT / "scripts" / "build_deb"),
            "--fast", "--arch", architecture, "--system", system, "--out", str(folder),
        ],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (package,) = folder.glob(f"*+{system}_{architecture}.deb")
    return package


@dataclass(frozen=True)
class Said:
    """What a command did: its exit code, all that it printed, and how long it took."""

    code: int
    text: str
    seconds: float


class Chroot:
    """A copy of a bootstrapped Debian that commands are run in, as root.

    Args:
        base: what :func:`bootstrap` gave.
        folder: where the copy is put.
        core: what its programs run on, where that isn't this machine's.
    """

    def __init__(self, base: Path, folder: Path, *, core: Core | None = None) -> None:
        self.root = folder / base.name
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(self.root)], check=True)
        (self.root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
        self._core = core

    def on(self, core: Core) -> Chroot:
        """Give the same system on another core."""
        other = copy.copy(self)
        other._core = core
        return other

    def must(self, command: str, *, network: bool = False, seconds: float = 600.0) -> Said:
        """Run a shell command that has to succeed."""
        said = self.run(command, network=network, seconds=seconds)
        assert said.code == 0, f"{command}: exit code {said.code}\n{said.text[-4000:]}"
        return said

    def run(self, command: str, *, network: bool = False, seconds: float = 600.0) -> Said:
        """Run a shell command; without ``network`` there is nothing but loopback."""
        environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": "/root"}
        if network:
            environment |= self._network()
        if self._core:
            environment["QEMU_CPU"] = self._core.name
        started = time.monotonic()
        with subprocess.Popen(
            [
                "unshare", "--mount", "--pid", "--fork", "--kill-child",
                *([] if network else ["--net"]),
                "sh", "-ec", self._enter(network=network), "sh", command,
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:  # fmt: skip
            try:
                text, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                text, _ = process.communicate()
                text += f"\n(ended after {seconds:.0f} s)"
            return Said(process.returncode, text, time.monotonic() - started)

    def _enter(self, *, network: bool) -> str:
        """Shell lines that mount what a system has and go in; $1 is the command."""
        root = self.root
        lines = [] if network else ["ip link set lo up"]
        lines += [
            f"mount --rbind /dev {root}/dev",
            f"mount -t proc proc {root}/proc",
            f"mount -t sysfs -o ro sysfs {root}/sys",
            f"mount -t tmpfs tmpfs {root}/run",
        ]
        if self._core:
            cpuinfo = root.with_name(f"{self._core.name}.txt")
            cpuinfo.write_text(self._core.cpuinfo)
            lines.append(f"mount --bind {cpuinfo} {root}/proc/cpuinfo")
        return "\n".join([*lines, f'exec chroot {root} /bin/sh -c "$1"'])

    def _network(self) -> dict[str, str]:
        """Let it reach the network as this machine does: names, and certificates of its own."""
        shutil.copy("/etc/resolv.conf", self.root / "etc" / "resolv.conf")
        given = os.environ.get("SSL_CERT_FILE")
        if not given or not Path(given).is_file():
            return {}
        shutil.copy(given, self.root / "etc" / "certificates-of-the-tester.crt")
        names = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
        return dict.fromkeys(names, "/etc/certificates-of-the-tester.crt")


def checkout(target: Path) -> None:
    """Put the last commit there, as somebody has it who unpacked it: without git's history."""
    target.mkdir(parents=True)
    packed = subprocess.run(
        ["git", "archive", "--format=tar", "HEAD"], cwd=ROOT, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(target)], input=packed.stdout, check=True)
