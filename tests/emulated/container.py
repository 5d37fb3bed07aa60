"""A Debian in a folder, booted with the real systemd: no network reaches it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.emulated.debian import PATH
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from tests.emulated.debian import Chroot


class Container:
    """A system that is on while it is a context.

    Args:
        system: what is booted.

    Attributes:
        root: its files.
        leader: its first process, as it is called outside.
    """

    def __init__(self, system: Chroot) -> None:
        self.root = system.root
        self._nspawn: subprocess.Popen[bytes] | None = None
        self.leader = 0

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
        # nspawn's first child is a helper that soon ends: the leader is looked for each time.
        if not self.wait(lambda: self._find_leader() and self._is_up(), 90):
            self._nspawn.kill()
            self._nspawn.wait()
            raise AssertionError("the container doesn't start")
        return self

    def _is_up(self) -> bool:
        return self.run("systemctl is-active multi-user.target") == "active"

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
        """Run a shell command inside; give what it printed on stdout, stripped."""
        return self._inside(command).stdout.strip()

    def must(self, command: str) -> str:
        """Run a shell command that has to succeed; give all that it printed."""
        done = self._inside(command)
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{said}"
        return said

    def show(self, name: str) -> str:
        """Give a property of the service as systemd has it."""
        return self.run(f"systemctl show -p {name} --value edgehands")

    def wait(self, true: Callable[[], object], seconds: float) -> bool:
        """Wait until something holds; false when it still doesn't in time."""
        return wait_for(true, seconds, every=0.2)  # each look starts a process

    def _inside(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", "/bin/sh", "-c", command],
            check=False, capture_output=True, text=True, env={"PATH": PATH, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def _find_leader(self) -> bool:
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        found = children.read_text().split()
        self.leader = int(found[0]) if found else 0
        return bool(found)
