"""Shared libraries made smaller, without the tools of a compiler."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_MAGIC = b"\x7fELF\x02\x01"
"""64 bits, little-endian: both architectures that packages are built for."""

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SHARED_LIBRARY = 3
_LOADED = 1


@dataclass
class _Segment:
    """One program header, and how far its bytes move towards the file's beginning."""

    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    in_file: int
    in_memory: int
    align: int
    moved: int = 0

    @property
    def end(self) -> int:
        return self.offset + self.in_file

    def packed(self) -> bytes:
        return _SEGMENT.pack(
            self.kind, self.flags, self.offset - self.moved, self.address, self.physical,
            self.in_file, self.in_memory, self.align,
        )  # fmt: skip


def stripped(library: bytes) -> bytes:
    """A shared library without what no loader reads: debugging data, symbols, section headers.

    What is loaded keeps its bytes and its addresses; it moves together in the file, as wheels have
    had parts appended behind their debugging data.

    Args:
        library: the file's bytes; what is no 64-bit shared library comes back unchanged.
    """
    if not library.startswith(_MAGIC):
        return library
    header = list(_HEADER.unpack_from(library))
    kind, place, size, count = header[1], header[5], header[9], header[10]
    if kind != _SHARED_LIBRARY or size != _SEGMENT.size:
        return library
    segments = [
        _Segment(*_SEGMENT.unpack_from(library, place + number * size)) for number in range(count)
    ]
    loaded = sorted((s for s in segments if s.kind == _LOADED), key=lambda s: s.offset)
    _move_together(loaded)
    for segment in segments:
        if segment.kind != _LOADED and segment.in_file:
            segment.moved = _moved(loaded, segment.offset)
    table = place - _moved(loaded, place)
    made = bytearray(max(s.end - s.moved for s in loaded))
    for segment in loaded:
        start = segment.offset - segment.moved
        made[start : start + segment.in_file] = library[segment.offset : segment.end]
    header[5] = table
    header[6] = header[12] = header[13] = 0  # no section headers
    _HEADER.pack_into(made, 0, *header)
    for number, segment in enumerate(segments):
        made[table + number * size : table + (number + 1) * size] = segment.packed()
    return bytes(made)


def _move_together(loaded: list[_Segment]) -> None:
    """Close the gaps between segments; place and address still differ by whole pages."""
    old_end = new_end = 0
    for segment in loaded:
        if segment.offset < old_end:  # two segments show the same bytes
            raise ValueError("segments overlap")
        align = max(segment.align, 1)
        start = new_end + (segment.address - new_end) % align
        segment.moved = max(segment.offset - start, 0)
        old_end, new_end = segment.end, segment.end - segment.moved


def _moved(loaded: list[_Segment], offset: int) -> int:
    for segment in loaded:
        if segment.offset <= offset < segment.end:
            return segment.moved
    raise ValueError(f"nothing is loaded from {offset}")
