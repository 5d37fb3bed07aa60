"""Debians in folders, and the cores of Raspberry Pis as qemu-user emulates them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CACHE = ROOT / ".cache" / "emulated"
MIRROR = "http://deb.debian.org/debian"

# What a stock Raspberry Pi OS Lite has of what the package needs.
STOCK = "python3,python3-numpy,systemd,systemd-sysv,udev,dbus"

# Under qemu-user 7.2 a program sees the x86 machine's own /proc/cpuinfo, and LiteRT, which reads it
# to choose its code, then dies of a segmentation fault.
_CORE_LINES = """\
processor	: {number}
BogoMIPS	: 108.00
Features	: {features}
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: {variant}
CPU part	: {part}
CPU revision	: {revision}

"""


@dataclass(frozen=True)
class Core:
    """A processor core of a Raspberry Pi, as qemu-user emulates it.

    Attributes:
        name: qemu's word. Without one qemu offers instructions that no Pi has, and qemu 7.2 is
            wrong about those for int8: LiteRT's first convolution then gives nonsense.
        boards: that have it.
        part: with ``variant`` and ``revision`` how /proc/cpuinfo names it.
        features: what /proc/cpuinfo says it can.
    """

    name: str
    boards: str
    part: str
    variant: str
    revision: int
    features: str = "fp asimd evtstrm crc32 cpuid"

    @property
    def cpuinfo(self) -> str:
        """What /proc/cpuinfo says on such a board."""
        return "".join(
            _CORE_LINES.format(
                number=number,
                features=self.features,
                variant=self.variant,
                part=self.part,
                revision=self.revision,
            )
            for number in range(4)
        )


CORTEX_A53 = Core("cortex-a53", "Pi 3, Zero 2 W", "0xd03", "0x0", 4)
CORTEX_A72 = Core("cortex-a72", "Pi 4", "0xd08", "0x0", 3)
CORTEX_A76 = Core(
    "cortex-a76",
    "Pi 5",
    "0xd0b",
    "0x4",
    1,
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop"
    " asimddp",
)


def bootstrap(name: str, suite: str, *, packages: str = "", architecture: str = "") -> Path:
    """Give a freshly installed Debian, kept in .cache; don't change it.

    Args:
        name: of its folder.
        suite: ``bookworm`` or ``trixie``.
        packages: installed beside the smallest system there is, with commas.
        architecture: another than this machine's.
    """
    base = CACHE / name
    if not (base / "done").exists():
        shutil.rmtree(base, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        options = [f"--include={packages}"] if packages else []
        options += [f"--architectures={architecture}"] if architecture else []
        subprocess.run(
            [
                "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", *options,
                suite, str(base), MIRROR,
            ],
            check=True,
        )  # fmt: skip
        (base / "done").touch()
    return base
