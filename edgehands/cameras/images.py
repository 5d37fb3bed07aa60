"""Image files to RGB pictures, through Pillow; or one line with the error.

Pillow determines a file's type, size, pages and EXIF orientation, and decodes everything but
ordinary JPEG: only :mod:`edgehands.cameras.jpeg` notices missing data in one.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import mmap
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import cv2
import numpy as np

from edgehands.cameras.jpeg import decode_jpeg
from edgehands.cameras.limits import MAX_IMAGE_BYTES, check_file, check_size, shown
from edgehands.errors import SourceError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL import Image

log = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib"),
        *(".tif", ".tiff", ".tga", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k"),
        *(".heic", ".heif", ".hif", ".avif"),
    }
)
"""The types searched for in folders. A file named directly is identified by its content."""
RAW_MJPEG_SUFFIXES = frozenset({".mjpeg", ".mjpg"})

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "AVIF", "HEIF")
_ANIMATED = frozenset({"GIF", "PNG", "WEBP"})
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture of an image file.

    Attributes:
        image: (H, W, 3) uint8 RGB, contiguous, upright.
        t: seconds since the file's first picture; 0 for pages, which have no time.
    """

    image: NDArray[np.uint8]
    t: float = 0.0


class ImageFile:
    """An image file that was opened, but not yet decoded.

    A context manager.

    Attributes:
        format: ``JPEG``, ``PNG``, ``WEBP`` …, as Pillow names it.
        pages: number of pictures: 1, or a TIFF's pages, or an animation's frames.
        animated: whether these are timed frames, of a GIF, PNG or WebP.
        fps: frames a second of an animation, according to its first frame.

    Raises:
        SourceNotFound: There is no such file.
        SourceError: It is empty, not an image, above the limits, or may not be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self.name = shown(path)
        data = read_bytes(path)
        self._data = data
        self._image = _open(data, path)
        try:
            self.format = str(self._image.format)
            check_size(path, *self._image.size)
            # The second picture of an MPO is the other eye's, a preview or a gain map; that of a
            # HEIF file another photograph, or the same in different light.
            several = self.format in _ANIMATED or self.format == "TIFF"
            with _damage_named(path, self.format):
                self.pages = int(getattr(self._image, "n_frames", 1)) if several else 1
        except BaseException:
            self._image.close()
            raise
        self.animated = self.pages > 1 and self.format in _ANIMATED
        self.fps = 1 / self._duration()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._image.close()

    def pictures(self) -> Iterator[Picture]:
        """Decode one picture after the other.

        Grey becomes RGB, 16 bits are reduced to the upper 8, transparency is dropped, and the EXIF
        orientation is applied.

        Raises:
            SourceError: The file is truncated or damaged, or has an unknown pixel format. Pictures
                before the damage were returned.
        """
        t = 0.0
        for number in range(self.pages):
            with _damage_named(self._path, self.format):
                if number:
                    self._image.seek(number)
                    check_size(self._path, *self._image.size)
                image = self._pixels()
            yield Picture(image, t)
            t += self._duration() if self.animated else 0.0

    def _duration(self) -> float:
        """Duration of the current frame, seconds."""
        duration = float(self._image.info.get("duration") or 0) / 1000
        # Browsers' rule for files without a duration, or with one too short to display.
        return duration if 0.01 < duration < 3600 else 0.1

    def _pixels(self) -> NDArray[np.uint8]:
        image = self._image
        if self.format in {"JPEG", "MPO"} and image.mode in {"RGB", "L"}:
            pixels = decode_jpeg(self._data)
            if pixels is None:
                raise SourceError(f"{self.name}: the JPEG is cut off or damaged: copy it again")
        else:
            image.load()
            pixels = _eight_bits(image, self.name)
        if self.format == "TIFF":
            return pixels  # Pillow rotates it on loading; old versions don't report that
        # Only checked now: other plugins may rotate too, and then report it; and in a PNG it may
        # follow the pixels.
        orientation = image.getexif().get(0x0112, 1)
        return _upright(pixels, int(orientation) if isinstance(orientation, int) else 1)


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read an image file's first picture; its content matters, not its name.

    Returns:
        (H, W, 3) uint8 RGB, contiguous.

    Raises:
        SourceNotFound: There is no such file.
        SourceError: It is empty, truncated, damaged, not an image, above the limits, or may not be
            read.
    """
    with ImageFile(path) as file:
        return next(file.pictures()).image


def read_bytes(path: str | os.PathLike[str], limit: int = MAX_IMAGE_BYTES) -> bytes:
    """Read a whole regular file.

    Raises:
        SourceNotFound: There is no such file.
        SourceError: It is empty, not a regular file, above the limit, or may not be read.
    """
    check_file(path, limit)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"{shown(path)}: {error.strerror or error}") from None


def is_image(path: Path) -> bool:
    """Tell an image from a video by its first bytes; by its name if they are inconclusive.

    A JPEG directly followed by another is raw MJPEG, a video without a container, unless its header
    says that they are parts of one photograph.

    Raises:
        SourceError: The file can't be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(32)
            if start[:3] == b"\xff\xd8\xff":
                if path.suffix.lower() in RAW_MJPEG_SUFFIXES:
                    return False
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    return data.find(b"\xff\xd9\xff\xd8\xff") < 0 or _is_multi_picture(data[:65536])
    except OSError as error:
        raise SourceError(f"{shown(path)}: {error.strerror or error}") from None
    if start[4:8] == b"ftyp":  # ISO 14496-12: MP4, MOV, HEIF and AVIF identify themselves here
        return start[8:12] in _HEIF_BRANDS or start[8:12] in {b"avif", b"avis"}
    known = (
        start[:8] == b"\x89PNG\r\n\x1a\n"
        or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")
        or start[:4] in {b"II*\0", b"MM\0*", b"GIF8", b"\xff\x4f\xff\x51"}
        or start[:12] == b"\0\0\0\x0cjP  \r\n\x87\n"
        or (start[:2] == b"BM" and start[6:10] == bytes(4))
    )
    return known or path.suffix.lower() in IMAGE_SUFFIXES


def _is_multi_picture(data: bytes) -> bool:
    """Whether an APP2 segment of CIPA DC-007 lists several pictures of one photograph."""
    return b"MPF\0" in data


def _open(data: bytes, path: str | os.PathLike[str]) -> Image.Image:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - a camera's service does without

    formats: tuple[str, ...] = _FORMATS
    if Path(path).suffix.lower() == ".tga":  # TGA has no signature: only the name identifies it
        formats = (*_FORMATS, "TGA")
    _register_heif()
    name = shown(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # bombs and damaged EXIF: both are checked here
            return Image.open(io.BytesIO(data), formats=_available(formats))
    except Image.DecompressionBombError:
        raise SourceError(
            f"{name}: more pixels than the limit of 120 million: scale it down"
        ) from None
    except UnidentifiedImageError:
        brand = data[8:12] if data[4:8] == b"ftyp" else b""
        if brand in _HEIF_BRANDS:
            raise SourceError(
                f"{name}: HEIC needs one more package: pip install pillow-heif"
            ) from None
        if brand in {b"avif", b"avis"}:
            raise SourceError(
                f"{name}: AVIF needs Pillow 11.3 or newer: pip install -U pillow"
            ) from None
        raise SourceError(
            f"{name}: not an image that can be read (JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, "
            "AVIF), or cut off in its header"
        ) from None
    except (OSError, ValueError, SyntaxError, MemoryError, *_PARSING) as error:
        raise SourceError(f"{name}: damaged: {_reason(error)}: copy it again") from None


_PARSING = (struct.error, IndexError, KeyError, TypeError, AttributeError, ArithmeticError)
"""Raised by Pillow's parsers on damaged headers, besides OSError and ValueError."""


@contextlib.contextmanager
def _damage_named(path: str | os.PathLike[str], kind: str) -> Iterator[None]:
    """Convert Pillow's errors on damage into one line naming the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SourceError:
        raise
    except (OSError, ValueError, SyntaxError, MemoryError, EOFError, *_PARSING) as error:
        raise SourceError(
            f"{shown(path)}: the {kind} is cut off or damaged ({_reason(error)}): copy it again"
        ) from None


def _reason(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _available(formats: tuple[str, ...]) -> tuple[str, ...]:
    from PIL import Image  # noqa: PLC0415

    Image.init()
    return tuple(name for name in formats if name in Image.OPEN)


@functools.cache
def _register_heif() -> None:
    """Let Pillow read HEIC if the plugin is installed."""
    with contextlib.suppress(ImportError):
        import pillow_heif  # noqa: PLC0415

        pillow_heif.register_heif_opener()


def _eight_bits(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """The pixels of any Pillow mode as (H, W, 3) uint8."""
    if image.mode.startswith("I"):  # 16 bits of grey, in "I" of older releases as 32
        grey = np.asarray(image)
        grey = np.clip(grey.astype(np.int32) >> 8, 0, 255).astype(np.uint8)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)
    if image.mode == "F":
        raise SourceError(f"{name}: floating-point pixels: save it as an 8-bit image")
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return np.array(rgb, np.uint8)


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Apply EXIF's orientation (tag 0x0112), 1 to 8."""
    image: Any = pixels
    if orientation in {5, 6, 7, 8}:
        image = cv2.transpose(image)
    if orientation in {2, 3, 6, 7}:
        image = cv2.flip(image, 1)
    if orientation in {3, 4, 7, 8}:
        image = cv2.flip(image, 0)
    return np.ascontiguousarray(image, np.uint8)
