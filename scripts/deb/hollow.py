"""A shared library that others are linked with and nothing calls, as a shell without its code.

OpenCV is linked with an FFmpeg of its own and PyAV's FFmpeg with encoders; edgehands plays films
through PyAV and encodes with neither. A library that is gone would keep both from being loaded.
The other shell has no symbols either: it leads to libraries of the system that have them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_VERDEF = struct.Struct("<HHHHIII")
_VERDAUX = struct.Struct("<II")

_RETURN_ZERO = {62: b"\x31\xc0\xc3", 183: b"\x00\x00\x80\xd2\xc0\x03\x5f\xd6"}
"""By ELF's number of the machine: x86-64, AArch64."""

_DYNSYM, _DYNAMIC, _VERSIONS, _FUNCTION, _OBJECT = 11, 6, 0x6FFFFFFD, 2, 1
_NEEDED, _SONAME = 1, 14
_ABSOLUTE = 0xFFF1
_PAGE = 0x10000
"""The largest page of either architecture."""


@dataclass(frozen=True)
class _Exported:
    """A symbol that others may use."""

    name: bytes
    kind: int
    binding: int
    size: int


@dataclass(frozen=True)
class _Library:
    machine: int
    soname: bytes
    version: bytes
    symbols: tuple[_Exported, ...]


def hollow(library: bytes) -> bytes:
    """A library of the same name and symbols: functions return 0, data are zeros.

    Args:
        library: the file's bytes, with section headers.

    Raises:
        ValueError: it exports what can't be stood in for.
    """
    return _written(_read(library))


def forwarding(library: bytes, needed: Sequence[bytes]) -> bytes:
    """A library of the same name without symbols of its own: the loader finds them in others.

    Args:
        library: the file's bytes, with section headers.
        needed: names of the libraries that have its symbols, without versions.
    """
    sections = _Sections(library)
    return _written(_Library(sections.machine, _soname(sections), b"", ()), needed)


class _Sections:
    """The sections of a library, with the tables of strings that they refer to."""

    def __init__(self, library: bytes) -> None:
        header = _HEADER.unpack_from(library)
        self.machine = header[2]
        self._library = library
        self._all = [
            _SECTION.unpack_from(library, header[6] + number * _SECTION.size)
            for number in range(header[12])
        ]

    def find(self, kind: int) -> tuple[bytes, bytes] | None:
        """Content of the first section of a kind and its strings; None where there is none."""
        for section in self._all:
            if section[1] == kind:
                return self._content(section), self._content(self._all[section[6]])
        return None

    def must(self, kind: int) -> tuple[bytes, bytes]:
        """The same, of a section that every library has."""
        found = self.find(kind)
        if found is None:
            raise ValueError(f"no section of kind {kind}")
        return found

    def _content(self, section: tuple[int, ...]) -> bytes:
        return self._library[section[4] : section[4] + section[5]]


def _string(table: bytes, offset: int) -> bytes:
    return table[offset : table.index(b"\0", offset)]


def _read(library: bytes) -> _Library:
    sections = _Sections(library)
    return _Library(
        sections.machine, _soname(sections), _version(sections), tuple(_symbols(sections))
    )


def _soname(sections: _Sections) -> bytes:
    table, names = sections.must(_DYNAMIC)
    return _string(names, dict(struct.iter_unpack("<QQ", table))[_SONAME])


def _symbols(sections: _Sections) -> Iterator[_Exported]:
    table, names = sections.must(_DYNSYM)
    for place, info, _, section, _, size in _SYMBOL.iter_unpack(table):
        name, kind, binding = _string(names, place), info & 15, info >> 4
        # Absolute ones are the names of versions; C++'s are the library's own affair.
        if section in (0, _ABSOLUTE) or not binding or name.startswith(b"_Z"):
            continue
        if kind not in (0, _FUNCTION, _OBJECT):
            raise ValueError(f"symbol {name!r} of kind {kind}")
        yield _Exported(name, kind, binding, size)


def _version(sections: _Sections) -> bytes:
    """The one version of a library's symbols; empty where they have none."""
    found = sections.find(_VERSIONS)
    if found is None:
        return b""
    table, strings = found
    defined, place, following = [], 0, 1
    while following:
        _, flags, _, _, _, aux, following = _VERDEF.unpack_from(table, place)
        if not flags & 1:  # the first one is the library's own name
            defined.append(_string(strings, _VERDAUX.unpack_from(table, place + aux)[0]))
        place += following
    if len(defined) != 1:
        raise ValueError(f"versions {defined}")
    return defined[0]


def _elf_hash(name: bytes) -> int:
    value = 0
    for byte in name:
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high & 0xFFFFFFFF
    return value


def _written(library: _Library, needed: Sequence[bytes] = ()) -> bytes:
    strings = bytearray(b"\0")

    def text(value: bytes) -> int:
        place = len(strings)
        strings.extend(value + b"\0")
        return place

    soname = text(library.soname)
    version = text(library.version) if library.version else 0
    names = [text(symbol.name) for symbol in library.symbols]
    others = [text(name) for name in needed]
    count = len(library.symbols) + 1

    # Everything that is read lies in one segment, in this order; what is written in another.
    place = _HEADER.size + 4 * _SEGMENT.size
    places = {}
    sizes = {
        "hash": 4 * (3 + count),
        "symbols": _SYMBOL.size * count,
        "versions": 2 * count if version else 0,
        "defined": 2 * (_VERDEF.size + _VERDAUX.size) if version else 0,
        "strings": len(strings),
        "code": 16,
    }
    for part, size in sizes.items():
        place = -(-place // 16) * 16
        places[part] = place
        place += size
    end = place
    dynamic_place = -(-end // 16) * 16
    base = -(-end // _PAGE) * _PAGE + _PAGE  # address of the second segment, less its place
    tags: list[tuple[int, int]] = [
        *((_NEEDED, name) for name in others),
        (_SONAME, soname), (4, places["hash"]), (5, places["strings"]),
        (6, places["symbols"]), (10, len(strings)), (11, _SYMBOL.size),
    ]  # fmt: skip
    if version:
        tags += [(0x6FFFFFF0, places["versions"]), (0x6FFFFFFC, places["defined"]),
                 (0x6FFFFFFD, 2)]  # fmt: skip
    tags.append((0, 0))
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags)
    data = base + dynamic_place + -(-len(dynamic) // 64) * 64

    symbols = bytearray(_SYMBOL.size)
    for name, symbol in zip(names, library.symbols, strict=True):
        if symbol.kind == _OBJECT:
            address, data = data, data + -(-max(symbol.size, 1) // 64) * 64
        else:
            address = places["code"]
        symbols += _SYMBOL.pack(name, symbol.binding << 4 | symbol.kind, 0, 1, address, symbol.size)
    # One bucket: each name is looked for once.
    chain = [0, *range(2, count), 0][:count] if count > 1 else [0]
    table = struct.pack(f"<III{count}I", 1, count, 1 if count > 1 else 0, *chain)
    defined = b""
    if version:
        first = _VERDEF.pack(1, 1, 1, 1, _elf_hash(library.soname), 20, 28)
        second = _VERDEF.pack(1, 0, 2, 1, _elf_hash(library.version), 20, 0)
        defined = first + _VERDAUX.pack(soname, 0) + second + _VERDAUX.pack(version, 0)

    made = bytearray(dynamic_place + len(dynamic))
    contents = {
        "hash": table, "symbols": bytes(symbols), "defined": defined, "strings": bytes(strings),
        "versions": struct.pack("<H", 0) + struct.pack("<H", 2) * (count - 1) if version else b"",
        "code": _RETURN_ZERO[library.machine],
    }  # fmt: skip
    for part, content in contents.items():
        made[places[part] : places[part] + len(content)] = content
    made[dynamic_place:] = dynamic
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    _HEADER.pack_into(
        made, 0, ident, 3, library.machine, 1, 0, _HEADER.size, 0, 0, _HEADER.size,
        _SEGMENT.size, 4, 64, 0, 0,
    )  # fmt: skip
    address = base + dynamic_place
    segments = (
        (1, 5, 0, 0, 0, end, end, _PAGE),
        (1, 6, dynamic_place, address, address, len(dynamic), data - address, _PAGE),
        (2, 6, dynamic_place, address, address, len(dynamic), len(dynamic), 8),
        (0x6474E551, 6, 0, 0, 0, 0, 0, 16),  # no executable stack
    )
    for number, segment in enumerate(segments):
        _SEGMENT.pack_into(made, _HEADER.size + number * _SEGMENT.size, *segment)
    return bytes(made)
