"""A Debian of its own in a folder: bootstrapped once, copied, booted with the real systemd."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / ".cache" / "emulated"
NEEDED = ("mmdebstrap", "systemd-nspawn", "unshare", "nsenter")

# What a stock Raspberry Pi OS Lite has of what the package needs, and a broker for the test.
_PACKAGES = "python3,python3-numpy,systemd,systemd-sysv,udev,dbus,mosquitto,mosquitto-clients"
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def bootstrap(suite: str) -> Path:
    """Give a freshly installed Debian, kept in .cache; don't change it."""
    base = CACHE / suite
    if not (base / "done").exists():
        shutil.rmtree(base, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                "mmdebstrap", "--mode=root", "--variant=minbase", f"--include={_PACKAGES}",
                suite, str(base), "http://deb.debian.org/debian",
            ],
            check=True,
        )  # fmt: skip
        (base / "done").touch()
    return base


class Container:
    """A copy of a bootstrapped Debian; no network reaches it.

    Args:
        base: what :func:`bootstrap` gave.
        folder: where the copy is put.
    """

    def __init__(self, base: Path, folder: Path) -> None:
        self.root = folder / "root"
        subprocess.run(["cp", "-a", str(base), str(self.root)], check=True)
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def chroot(self, command: str) -> str:
        """Run a shell command before it is booted, without a network; give its output."""
        mounted = f"mount -t proc proc /proc; {command}"
        done = subprocess.run(
            [
                "unshare", "--mount", "--pid", "--fork", "--net",
                "chroot", str(self.root), "sh", "-c", mounted,
            ],
            check=False, capture_output=True, text=True, env={"PATH": _PATH, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def __enter__(self) -> Self:
        command = (
            "mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec systemd-nspawn --boot --quiet"
            " --register=no --keep-unit --private-network --console=pipe"
            f" --machine=edgehands-test --directory='{self.root}'"
        )
        self._nspawn = subprocess.Popen(
            ["unshare", "--mount", "--cgroup", "sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        assert self.wait(self._find_leader, 30), "the container doesn't start"
        assert self.wait(lambda: self.run("systemctl is-active multi-user.target") == "active", 60)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._nspawn is not None
        self._nspawn.terminate()
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()

    def run(self, command: str) -> str:
        """Run a shell command inside the booted system; give its output, stripped."""
        done = subprocess.run(
            ["nsenter", "-t", str(self._leader), "-a", "/bin/sh", "-c", command],
            check=False, capture_output=True, text=True, env={"PATH": _PATH, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        return done.stdout.strip()

    def show(self, name: str) -> str:
        """Give a property of the service as systemd has it."""
        return self.run(f"systemctl show -p {name} --value edgehands")

    def wait(self, true: Callable[[], object], seconds: float) -> bool:
        """Wait until something holds; false when it still doesn't in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if true():
                return True
            time.sleep(0.2)
        return bool(true())

    def _find_leader(self) -> bool:
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        found = children.read_text().split()
        self._leader = int(found[0]) if found else 0
        return bool(found)
