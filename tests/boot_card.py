"""A boot partition as an image has it, and the program that prepares it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CMDLINE = "console=serial0,115200 console=tty1 root=PARTUUID=1234-02 rootfstype=ext4 rootwait\n"


def card(folder: Path, system: str) -> Path:
    """Lay out a boot partition as an image of that system has it."""
    boot = folder / "bootfs"
    boot.mkdir()
    (boot / "cmdline.txt").write_text(CMDLINE)
    (boot / "config.txt").write_text("arm_64bit=1\n")
    date = {"trixie": "2025-11-24", "bookworm": "2024-11-19"}[system]
    (boot / "issue.txt").write_text(f"Raspberry Pi reference {date}\nGenerated using pi-gen\n")
    if system == "trixie":
        (boot / "user-data").write_text("#cloud-config\n# nothing set\n")
        (boot / "meta-data").write_text("instance-id: rpios-image\n")
    return boot


def prepare(boot: Path, package: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/prepare_sd."""
    return subprocess.run(
        [
            sys.executable,
            str(ROOT / "scripts" / "prepare_sd"),
            str(boot),
            "--deb",
            str(package),
            *more,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
