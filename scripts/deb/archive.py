"""A Debian package from values: the same input gives the same bytes, on any system.

A ``.deb`` is an ``ar`` archive of ``debian-binary``, ``control.tar`` and ``data.tar``; see deb(5).
The data are compressed by xz, whose output has been the same for years; wheels inside are stored.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

DIRECTORY_MODE = 0o755


@dataclass(frozen=True)
class Entry:
    """One file of the package.

    Attributes:
        path: where it is installed, without the leading slash.
        content: its bytes.
        mode: its rights.
        link: where it points to, for a symbolic link; it has no content then.
        conffile: a person may change it; dpkg then asks before it is replaced.
    """

    path: str
    content: bytes = b""
    mode: int = 0o644
    link: str = ""
    conffile: bool = False


def write_deb(  # noqa: PLR0913 - two by name
    out: BinaryIO,
    control: str,
    scripts: Iterable[Entry],
    files: Sequence[Entry],
    *,
    epoch: int,
    preset: int = 6,
    x86: bool = False,
) -> None:
    """Write a package.

    Args:
        out: where to.
        control: the control file; ``Installed-Size`` is added.
        scripts: maintainer scripts and triggers.
        files: what is installed; folders are made as needed.
        epoch: time of change of everything in it, seconds since 1970.
        preset: xz's effort, 0 to 9: 9 takes 64 MB to unpack, too much for the smallest Pis.
        x86: it holds x86-64 programs: their jumps are packed better. Python's xz has no such filter
            for ARM's.
    """
    ordered = sorted(files, key=lambda entry: entry.path)
    size = sum(len(entry.content) // 1024 + 1 for entry in ordered)
    sums = "".join(
        f"{hashlib.md5(entry.content, usedforsecurity=False).hexdigest()}  {entry.path}\n"
        for entry in ordered
        if not entry.link and not entry.conffile
    )
    conffiles = "".join(f"/{entry.path}\n" for entry in ordered if entry.conffile)
    about = [
        Entry("control", f"{control.rstrip()}\nInstalled-Size: {size}\n".encode()),
        Entry("md5sums", sums.encode()),
        *scripts,
    ]
    if conffiles:
        about.append(Entry("conffiles", conffiles.encode()))
    out.write(b"!<arch>\n")
    _member(out, "debian-binary", b"2.0\n", epoch)
    _member(out, "control.tar", _tar(sorted(about, key=lambda entry: entry.path), epoch), epoch)
    filters: list[dict[str, int]] = [{"id": lzma.FILTER_LZMA2, "preset": preset}]
    if x86:
        filters.insert(0, {"id": lzma.FILTER_X86})
    _member(out, "data.tar.xz", lzma.compress(_tar(ordered, epoch), filters=filters), epoch)


def _member(out: BinaryIO, name: str, content: bytes, epoch: int) -> None:
    out.write(f"{name:<16}{epoch:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
    out.write(content)
    if len(content) % 2:
        out.write(b"\n")


def _tar(entries: Sequence[Entry], epoch: int) -> bytes:
    raw = io.BytesIO()
    made: set[str] = set()
    # Pythons differ in the format they take by default.
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(_info("./", epoch, tarfile.DIRTYPE, DIRECTORY_MODE))
        for entry in entries:
            parents = entry.path.split("/")[:-1]
            for depth in range(1, len(parents) + 1):
                folder = "/".join(parents[:depth])
                if folder not in made:
                    made.add(folder)
                    tar.addfile(_info(f"./{folder}/", epoch, tarfile.DIRTYPE, DIRECTORY_MODE))
            kind = tarfile.SYMTYPE if entry.link else tarfile.REGTYPE
            info = _info(f"./{entry.path}", epoch, kind, 0o777 if entry.link else entry.mode)
            info.linkname = entry.link
            info.size = len(entry.content)
            tar.addfile(info, io.BytesIO(entry.content))
    return raw.getvalue()


def _info(name: str, epoch: int, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mtime, info.type, info.mode = epoch, kind, mode
    info.uname = info.gname = "root"
    return info
