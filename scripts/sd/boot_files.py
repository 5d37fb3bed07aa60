"""The boot partition: a folder, or the FAT partition inside an image file.

Plain Python from 3.9: people run this on the computer they have.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Protocol

_FAT_TYPES = (0x01, 0x04, 0x06, 0x0B, 0x0C, 0x0E)
_SECTOR = 512


class SdError(Exception):
    """Something that a person can put right; the message is one line."""


class BootFiles(Protocol):
    """The files of a boot partition, by path with ``/`` inside it."""

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None where there is no such file."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Write a file; its folder is made."""
        ...

    def copy_in(self, source: Path, path: str) -> None:
        """Copy a large file."""
        ...


class Folder:
    """A mounted boot partition."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise SdError(f'"{root}" is no folder: give the one that the card\'s "bootfs" shows as')
        self.root = root

    def read(self, path: str) -> bytes | None:
        """See :class:`BootFiles`."""
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes) -> None:
        """See :class:`BootFiles`. Bytes: Windows must not change the ends of lines."""
        target = self.root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.write(content)
                file.flush()
                # The card is pulled out soon after.
                os.fsync(file.fileno())
        except OSError as error:
            raise SdError(f'"{target}" can\'t be written: {error.strerror}') from None

    def copy_in(self, source: Path, path: str) -> None:
        """See :class:`BootFiles`."""
        free = shutil.disk_usage(self.root).free
        size = source.stat().st_size
        if size > free and self.read(path) is None:
            raise SdError(
                f'"{self.root}" has {free // 2**20} MB free, {size // 2**20} MB are needed:'
                " is it the card's bootfs?"
            )
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as read, target.open("wb") as write:
            shutil.copyfileobj(read, write, 1 << 20)
            write.flush()
            os.fsync(write.fileno())


class Image:
    """The FAT partition of an image file, through mtools: no root, no loop device."""

    def __init__(self, image: Path) -> None:
        if shutil.which("mcopy") is None:
            raise SdError("mtools isn't here: apt install mtools (macOS: brew install mtools)")
        self._where = f"{image}@@{fat_offset(image)}"

    def read(self, path: str) -> bytes | None:
        """See :class:`BootFiles`."""
        done = self._mtools("mtype", f"::{path}")
        if done.returncode == 0:
            return done.stdout
        if self._mtools("mdir", "-b", "::").returncode:
            raise SdError(f"the image's boot partition can't be read: {_last(done.stderr)}")
        return None

    def write(self, path: str, content: bytes) -> None:
        """See :class:`BootFiles`."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "file"
            source.write_bytes(content)
            self.copy_in(source, path)

    def copy_in(self, source: Path, path: str) -> None:
        """See :class:`BootFiles`."""
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "::" + "/".join(parts[:depth])
            if self._mtools("mdir", "-b", folder).returncode:
                self._must("mmd", folder)
        self._must("mcopy", "-o", str(source), f"::{path}")

    def _must(self, command: str, *arguments: str) -> None:
        done = self._mtools(command, *arguments)
        if done.returncode:
            raise SdError(f"{command} {arguments[-1]}: {_last(done.stderr)}")

    def _mtools(self, command: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [command, "-i", self._where, *arguments],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "MTOOLS_SKIP_CHECK": "1"},
        )


def fat_offset(image: Path) -> int:
    """Where the first FAT partition begins, bytes; from the partition table (MBR) of the image."""
    with image.open("rb") as file:
        sector = file.read(_SECTOR)
    if len(sector) == _SECTOR and sector[510:] == b"\x55\xaa":
        for entry in range(446, 510, 16):
            kind = sector[entry + 4]
            (start,) = struct.unpack_from("<I", sector, entry + 8)
            if kind in _FAT_TYPES and start:
                return int(start) * _SECTOR
    raise SdError(
        f'"{image}" has no FAT partition: give an image of Raspberry Pi OS (.img, .img.xz)'
    )


def _last(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no reason given"
