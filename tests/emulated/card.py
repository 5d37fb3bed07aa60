"""A stock image laid out as Raspberry Pi OS's, of Debian's own arm64 packages, and its machine."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.emulated.debian import Chroot
from tools.common.waiting import wait_for
from tools.emulated.debian import CACHE, CORTEX_A72, STOCK, bootstrap

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_MIB = 1 << 20
_SECTOR = 512
_BOOT_AT, _BOOT_SIZE = 8 * _MIB, 512 * _MIB
_ROOT_AT, _ROOT_SIZE = _BOOT_AT + _BOOT_SIZE, 2048 * _MIB
_FAT32, _LINUX = 0x0C, 0x83

# The Pi's firmware is not emulated: its kernel comes from Debian, its devices from qemu.
_COMMAND_LINE = "console=ttyAMA0 root=LABEL=rootfs rootfstype=ext4 fsck.repair=yes rootwait\n"
_FSTAB = """\
LABEL=bootfs  /boot/firmware  vfat  defaults          0  2
LABEL=rootfs  /               ext4  defaults,noatime  0  1
"""
_NETWORK = "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n"

# What Raspberry Pi OS Trixie tells cloud-init (its 99_raspberry-pi.cfg), and that the boot
# partition has to be there first; the network is not cloud-init's here.
_CLOUD = """\
datasource_list: [NoCloud, None]
datasource:
  NoCloud:
    seedfrom: file:///boot/firmware
network: {config: disabled}
"""
_CLOUD_WAITS = "[Unit]\nRequiresMountsFor=/boot/firmware\n"

# The emulated board is some 20 to 100 times slower than a Pi 4: what systemd allows a Pi's devices
# and services to take it can't do. The unit's own limits are proved in test_service_boot.py.
_PATIENCE = "[Manager]\nDefaultTimeoutStartSec=3600\nDefaultDeviceTimeoutSec=3600\n"
_UNIT_PATIENCE = "[Service]\nTimeoutStartSec=3600\nWatchdogSec=600\n"

_RELEASED = {"bookworm": "2025-05-13", "trixie": "2025-11-24"}


def stock_image(suite: str) -> Path:
    """Give an image as somebody downloads it, kept in .cache; don't change it.

    Trixie has cloud-init, as Raspberry Pi OS has; Bookworm has not. Both have Trixie's kernel, as
    both have Raspberry Pi's own in Raspberry Pi OS.
    """
    image = CACHE / f"{_RELEASED[suite]}-{suite}-arm64.img"
    if not image.exists():
        trixie = bootstrap(
            "trixie-image",
            "trixie",
            packages=f"{STOCK},linux-image-arm64,kmod,cloud-init,systemd-resolved,sudo",
            architecture="arm64",
        )
        for name in ("vmlinuz", "initrd.img"):
            shutil.copy(trixie / name, CACHE / name)
        base = trixie
        if suite == "bookworm":
            base = bootstrap("bookworm-arm64", "bookworm", packages=STOCK, architecture="arm64")
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            system = Chroot(base, Path(folder), core=CORTEX_A72)
            if suite == "bookworm":
                install = "apt-get update -qq && apt-get install -qq --no-install-recommends kmod"
                system.must(install, network=True)
                modules = system.root / "usr" / "lib" / "modules"
                shutil.copytree(trixie / "usr" / "lib" / "modules", modules, symlinks=True)
            _set_up(system.root, cloud=suite == "trixie")
            part = image.with_suffix(".part")
            _write_disk(part, system.root, _boot_files(suite))
        part.rename(image)
    return image


def _set_up(root: Path, *, cloud: bool) -> None:
    """Add what an image maker adds."""
    (root / "boot" / "firmware").mkdir(parents=True, exist_ok=True)
    (root / "etc" / "fstab").write_text(_FSTAB)
    (root / "etc" / "hostname").write_text("raspberrypi\n")
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n127.0.1.1 raspberrypi\n")
    (root / "etc" / "systemd" / "network" / "80-dhcp.network").write_text(_NETWORK)
    wanted = root / "etc" / "systemd" / "system" / "multi-user.target.wants"
    wanted.mkdir(exist_ok=True)
    (wanted / "systemd-networkd.service").symlink_to(
        "/usr/lib/systemd/system/systemd-networkd.service"
    )
    etc = root / "etc" / "systemd"
    for folder, text in (
        (etc / "system.conf.d", _PATIENCE),
        (etc / "system" / "edgehands.service.d", _UNIT_PATIENCE),
    ):
        folder.mkdir()
        (folder / "emulator.conf").write_text(text)
    if cloud:
        (root / "etc" / "cloud" / "cloud.cfg.d" / "99_raspberry-pi.cfg").write_text(_CLOUD)
        for unit in ("cloud-init-main.service", "cloud-init-local.service"):
            folder = root / "etc" / "systemd" / "system" / f"{unit}.d"
            folder.mkdir()
            (folder / "boot-partition.conf").write_text(_CLOUD_WAITS)


def _boot_files(suite: str) -> dict[str, str]:
    """Give the files of the boot partition that say which system it is."""
    files = {
        "cmdline.txt": _COMMAND_LINE,
        "config.txt": "arm_64bit=1\n",
        "issue.txt": f"Raspberry Pi reference {_RELEASED[suite]}\n",
    }
    if suite == "trixie":
        # A host name, as a person chooses it in Imager.
        files["user-data"] = "#cloud-config\nhostname: kitchen\nmanage_etc_hosts: true\n"
        files["meta-data"] = "dsmode: local\ninstance_id: rpios-image\n"
    return files


def _write_disk(image: Path, root: Path, boot: dict[str, str]) -> None:
    """Write a FAT and an ext4 partition and their table, without a loop device."""
    fat, ext4 = image.with_suffix(".fat"), image.with_suffix(".ext4")
    for old in (fat, ext4, image):
        old.unlink(missing_ok=True)
    tools = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MTOOLS_SKIP_CHECK": "1"}
    subprocess.run(
        ["mkfs.vfat", "-F", "32", "-n", "bootfs", "-C", str(fat), str(_BOOT_SIZE // 1024)],
        env=tools, check=True, capture_output=True,
    )  # fmt: skip
    for name, text in boot.items():
        subprocess.run(
            ["mcopy", "-i", str(fat), "-", f"::{name}"], env=tools, input=text.encode(), check=True
        )
    with ext4.open("wb") as file:
        file.truncate(_ROOT_SIZE)
    subprocess.run(
        ["mkfs.ext4", "-q", "-L", "rootfs", "-d", str(root), str(ext4)], env=tools, check=True
    )
    with image.open("wb") as disk:
        disk.write(_partition_table())
        disk.truncate(_ROOT_AT + _ROOT_SIZE)
    for partition, place in ((fat, _BOOT_AT), (ext4, _ROOT_AT)):
        subprocess.run(
            [
                "dd", f"if={partition}", f"of={image}", "bs=1M", f"seek={place // _MIB}",
                "conv=notrunc,sparse",
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        partition.unlink()


def _partition_table() -> bytes:
    """Give the first sector: a classic table (MBR) of two partitions."""
    entries = b"".join(
        struct.pack("<B3xB3xII", 0, kind, start // _SECTOR, size // _SECTOR)
        for kind, start, size in (
            (_FAT32, _BOOT_AT, _BOOT_SIZE),
            (_LINUX, _ROOT_AT, _ROOT_SIZE),
        )
    )
    return bytes(446) + entries.ljust(64, b"\0") + b"\x55\xaa"


def boot_file(image: Path, name: str) -> str:
    """Give a text file of an image's boot partition; empty where there is none."""
    done = subprocess.run(
        ["mtype", "-i", f"{image}@@{_BOOT_AT}", f"::{name}"],
        check=False, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return done.stdout


def take_out(image: Path, folder: Path) -> None:
    """Copy the boot partition's files into a folder, as a card's drive shows them."""
    folder.mkdir()
    _mtools("mcopy", "-s", "-i", f"{image}@@{_BOOT_AT}", "::", str(folder))


def put_back(folder: Path, image: Path) -> None:
    """Copy them back."""
    names = [str(path) for path in folder.iterdir()]
    _mtools("mcopy", "-o", "-s", "-i", f"{image}@@{_BOOT_AT}", *names, "::")


def _mtools(*command: str) -> None:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr


class Board:
    """An emulated Cortex-A72 board with the card in it, switched on while it is a context.

    Args:
        image: the card; it is written to.
        console: the file that takes what appears on the screen.
    """

    def __init__(self, image: Path, console: Path) -> None:
        self._image, self._console = image, console
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._console.touch()
        self._process = subprocess.Popen(
            [
                "nice", "qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "2",
                "-m", "1024", "-display", "none", "-monitor", "none", "-no-reboot",
                "-serial", f"file:{self._console}",
                "-kernel", str(CACHE / "vmlinuz"),
                "-initrd", str(CACHE / "initrd.img"),
                # As the Pi's firmware does: the kernel gets the card's own line.
                "-append", boot_file(self._image, "cmdline.txt").strip(),
                "-drive", f"file={self._image},format=raw,if=virtio,cache=unsafe",
                "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
                "-device", "virtio-rng-pci",
            ],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()

    def is_on(self) -> bool:
        """Whether it runs; it goes out where a real one would start again."""
        assert self._process is not None
        return self._process.poll() is None

    def wait_until_off(self, seconds: float) -> bool:
        """Wait for the board to start again; false when it doesn't in time."""
        return wait_for(lambda: not self.is_on(), seconds, every=0.5)
