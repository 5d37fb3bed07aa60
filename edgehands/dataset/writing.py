"""Adds pictures to a folder such that a power cut loses at most the last one."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import msgspec
import numpy as np

from edgehands.atomic import replace_file, sync_folder
from edgehands.closing import Closing
from edgehands.dataset.files import FRAMES, HEADER, read_frames, read_header, whole_bytes
from edgehands.dataset.format import RecordedFrame
from edgehands.dataset.thumbnails import write_thumbnail
from edgehands.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edgehands.dataset.format import Dataset, Reason, RecordedHand
    from edgehands.hand import Frame

Format = Literal["jpg", "png"]

JPEG_QUALITY = 95

_encoder = msgspec.json.Encoder()


class DatasetWriter(Closing):
    """A folder to add pictures to. A context manager.

    A picture is written completely before the line that names it, and both are on the disk before
    :meth:`add` returns.

    Args:
        folder: new, empty, or a data set to be continued.
        header: describes the recording; only written into a new folder.
        image_format: of the pictures.

    Raises:
        DatasetError: the folder holds something else, another process is adding to it, or it can't
            be written.
    """

    def __init__(self, folder: Path, header: Dataset, image_format: Format = "jpg") -> None:
        self.folder = folder
        self._format = image_format
        try:
            self._prepare(folder, header)
            self._lines = os.open(folder / FRAMES, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise DatasetError(
                f"{folder}: {error.strerror or error}: name a folder that can be written"
            ) from None
        try:
            fcntl.flock(self._lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
            frames = read_frames(folder)
            os.ftruncate(self._lines, whole_bytes(folder / FRAMES))
        except BlockingIOError:
            os.close(self._lines)
            raise DatasetError(
                f"{folder}: another process is recording into it: name another folder"
            ) from None
        except BaseException:
            os.close(self._lines)
            raise
        self.count = len(frames)
        self._next = max((_number(frame.file) for frame in frames), default=0) + 1

    def _prepare(self, folder: Path, header: Dataset) -> None:
        if folder.exists() and not folder.is_dir():
            raise DatasetError(f"{folder}: a file, not a folder: name another")
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
        if (folder / HEADER).exists():
            if read_header(folder).faces != header.faces:
                raise DatasetError(
                    f"{folder}: recorded with another --faces: continue it with the same, "
                    "or name another folder"
                )
        elif any(folder.iterdir()):
            raise DatasetError(
                f"{folder}: not empty, and no data set: name a new folder; nothing was changed"
            )
        else:
            folder.chmod(0o700)
            replace_file(folder / HEADER, msgspec.json.format(_encoder.encode(header)) + b"\n")
        for name in ("images", "annotations"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder)

    def add(
        self,
        frame: Frame,
        hands: Sequence[RecordedHand] = (),
        *,
        why: Sequence[Reason] = (),
        depth: NDArray[np.uint16] | None = None,
        encoded: tuple[bytes, str] | None = None,
    ) -> RecordedFrame:
        """Store a frame and the tracker's result.

        Args:
            frame: its image is stored.
            hands: what was reported.
            why: the reasons for keeping it.
            depth: (H, W) millimetres, 0 = unknown, of the image's size or smaller.
            encoded: a JPEG or PNG file's bytes and its ending, to be stored unchanged instead of
                ``frame.image``, which they encode.

        Raises:
            DatasetError: the disk is full, or can't be written for another reason; what was stored
                before is intact.
        """
        height, width = frame.image.shape[:2]
        stem = f"{self._next:06d}"
        data, ending = encoded or (encode_image(frame.image, self._format), self._format)
        record = RecordedFrame(
            file=f"images/{stem}.{ending}",
            width=int(width),
            height=int(height),
            seq=frame.seq,
            t=round(frame.t_wall, 3),
            t_mono=round(frame.t_mono, 6),
            depth=f"depth/{stem}.png" if depth is not None else "",
            source=Path(frame.source).name,
            why=list(why),
            hands=list(hands),
        )
        try:
            replace_file(self.folder / record.file, data)
            if depth is not None:
                (self.folder / "depth").mkdir(mode=0o700, exist_ok=True)
                replace_file(self.folder / record.depth, encode_depth(depth))
            self._append(_encoder.encode(record) + b"\n")
        except OSError as error:
            raise DatasetError(
                f"{self.folder}: {error.strerror or error} after {self.count} pictures, which are "
                "kept: make room, and record into the same folder again"
            ) from None
        self._next += 1
        self.count += 1
        write_thumbnail(self.folder, record.file, frame.image)
        return record

    def _append(self, line: bytes) -> None:
        before = os.fstat(self._lines).st_size
        try:
            rest = line
            while rest:
                rest = rest[os.write(self._lines, rest) :]
            os.fsync(self._lines)
        except OSError:
            os.ftruncate(self._lines, before)
            raise

    def close(self) -> None:
        """Release the folder for other recordings."""
        if self._lines >= 0:
            os.close(self._lines)
            self._lines = -1


def encode_image(image: NDArray[np.uint8], image_format: Format) -> bytes:
    """A JPEG or PNG file of an (H, W, 3) uint8 RGB image."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if image_format == "jpg" else []
    good, data = cv2.imencode(f".{image_format}", bgr, options)
    if not good:
        raise DatasetError(f"an image of shape {image.shape} can't be stored as {image_format}")
    return data.tobytes()


def encode_depth(depth: NDArray[np.uint16]) -> bytes:
    """A 16-bit PNG file of (H, W) millimetres."""
    if depth.dtype != np.uint16 or depth.ndim != 2:
        raise DatasetError(f"depth is {depth.dtype} {depth.shape}: 16-bit millimetres are wanted")
    good, data = cv2.imencode(".png", depth)
    if not good:
        raise DatasetError(f"depth of shape {depth.shape} can't be stored as PNG")
    return data.tobytes()


def _number(file: str) -> int:
    digits = file.removeprefix("images/").partition(".")[0]
    return int(digits) if digits.isdecimal() else 0
