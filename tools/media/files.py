"""Every kind of film and picture that edgehands is tried with: how each is made, and judged.

The truth is twelve pictures of a drawn right hand before a background of which no two sides are
alike, with a grey patch that gets brighter from one to the next. Debian's ffmpeg or Pillow encodes
them; what edgehands reads is compared with them.
"""

from __future__ import annotations

import struct
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from edgehands import Handedness
from edgehands.cameras import CameraSettings, InputFile
from edgehands.cameras.images import is_image
from edgehands.cameras.inputs import OpenInput
from edgehands.synthetic import random_scene, render_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands import HandTracker

WIDTH, HEIGHT, FPS, COUNT = 352, 288, 25, 12
PATCH = (slice(-40, -8), slice(8, 40))
"""Rows and columns of the patch that tells the number of a frame."""

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "16")


@dataclass(frozen=True)
class Row:
    """One kind of file.

    Attributes:
        what: for people: container, codec, what is special.
        suffix: of the file.
        options: ffmpeg's, between its input and the file; empty where ``make`` makes the file.
        make: writes the file by other means.
        least: PSNR that the encoding allows, dB.
        frames: how many are to come out.
        times: of each, seconds; empty = evenly spaced.
        tick: how exactly the container keeps times, seconds.
        size: of the stored and shown picture, where it isn't the truth's.
        handling: what edgehands does with it, for the table.
    """

    what: str
    suffix: str
    options: tuple[str, ...] = ()
    make: Callable[[Path, Sequence[NDArray[np.uint8]]], None] | None = None
    least: float = 27.0
    frames: int = COUNT
    times: tuple[float, ...] = ()
    tick: float = 0.0011
    size: tuple[int, int] | None = None
    handling: str = "film"


@dataclass(frozen=True)
class Outcome:
    """What came out of one file.

    Attributes:
        psnr: of the worst frame, dB.
        order: whether the frames came in their order.
        right: whether it is a right hand, where there is one.
        frames: how many came.
        late: largest error of a time, seconds.
        faults: what isn't as it should be, in words; empty = nothing.
    """

    psnr: float = 0.0
    order: bool = False
    right: bool = False
    frames: int = 0
    late: float = 0.0
    faults: tuple[str, ...] = field(default=())


def truth() -> list[NDArray[np.uint8]]:
    """The twelve pictures, (HEIGHT, WIDTH, 3) uint8 RGB."""
    scene = random_scene(
        7, gesture="open_palm", handedness=Handedness.RIGHT, view="palm", size=(704, 576)
    )
    image = render_scene(scene).image
    hand = np.asarray(cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    hand[:24] = (190, 60, 50)
    hand[:, -24:] = (50, 120, 190)
    pictures = []
    for n in range(COUNT):
        picture = hand.copy()
        picture[PATCH] = 20 + 18 * n
        pictures.append(picture)
    return pictures


def encode(row: Row, folder: Path, pictures: Sequence[NDArray[np.uint8]]) -> Path:
    """Make a row's file.

    Raises:
        RuntimeError: this ffmpeg can't.
    """
    path = folder / f"media{row.suffix}"
    if row.make is not None:
        row.make(path, pictures)
        return path
    ffmpeg(path, pictures, row.options)
    return path


def ffmpeg(path: Path, pictures: Sequence[NDArray[np.uint8]], options: Sequence[str]) -> None:
    """Encode pictures of one size."""
    height, width = pictures[0].shape[:2]
    done = subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"),
            *("-video_size", f"{width}x{height}", "-framerate", str(FPS), "-i", "-"),
            *options,
            str(path),
        ],
        input=b"".join(np.ascontiguousarray(p).tobytes() for p in pictures),
        capture_output=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace").strip().splitlines()[0])


def judge(
    row: Row, path: Path, pictures: Sequence[NDArray[np.uint8]], tracker: HandTracker
) -> Outcome:
    """Read a row's file as ``edgehands track`` does, and compare."""
    file = InputFile(path, "image" if is_image(path) else "video")
    with OpenInput(file, CameraSettings(fps=FPS)) as opened:
        frames = list(opened)
    width, height = row.size or (WIDTH, HEIGHT)
    faults: list[str] = []
    if len(frames) != row.frames:
        faults.append(f"{len(frames)} frames instead of {row.frames}")
    wanted = row.times or tuple(n / FPS for n in range(row.frames))
    late = max((abs(f.t_mono - t) for f, t in zip(frames, wanted, strict=False)), default=9.0)
    psnrs, order = [], True
    for frame, true in zip(frames, pictures, strict=False):
        expected = cv2.resize(true, (width, height), interpolation=cv2.INTER_AREA)
        if frame.image.shape != expected.shape:
            shape = frame.image.shape
            return Outcome(faults=(f"{shape[1]}x{shape[0]} instead of {width}x{height}",))
        error = np.mean((frame.image.astype(np.float64) - expected) ** 2)
        psnrs.append(99.0 if error == 0 else min(10 * np.log10(255**2 / error), 99.0))
        patch = np.abs(frame.image[PATCH].mean() - expected[PATCH].mean())
        order = order and bool(patch < 9)
    psnr = float(min(psnrs, default=0.0))
    hands = tracker.process(frames[len(frames) // 2].image) if frames else ()
    right = [hand.handedness for hand in hands] == [Handedness.RIGHT]
    if psnr < row.least:
        faults.append(f"PSNR {psnr:.1f} dB, at least {row.least:g} is wanted")
    if not order:
        faults.append("frames out of order")
    if not right:
        faults.append("no right hand: " + (str(hands[0].handedness) if hands else "nothing"))
    if row.handling != "pages" and late > row.tick:
        faults.append(f"times off by {late * 1000:.0f} ms")
    return Outcome(psnr, order, right, len(frames), late, tuple(faults))


def mirrored(path: Path, pictures: Sequence[NDArray[np.uint8]], matrix: Any) -> None:
    """Write an MP4 whose display matrix turns and mirrors what is stored into the truth."""
    a, b, c, d = matrix
    stored = []
    for picture in pictures:
        image: Any = picture
        # The inverse, step by step in the opposite order.
        first, second = (a, d) if a or d else (c, b)
        if second < 0:
            image = image[::-1]
        if first < 0:
            image = image[:, ::-1]
        if not a:
            image = image.transpose(1, 0, 2)
        stored.append(np.ascontiguousarray(image))
    ffmpeg(path, stored, (*X264, "-pix_fmt", "yuv420p"))
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 44  # ISO 14496-12: the track header's transformation
    one = 0x10000
    struct.pack_into(">9i", data, at, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))


def changing_format(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
    """Write MJPEG whose pixel format changes behind the sixth frame, as trail cameras do."""
    raw = b""
    for part, form in ((pictures[:6], "yuvj422p"), (pictures[6:], "yuvj420p")):
        piece = path.with_suffix(".mjpeg")
        ffmpeg(piece, part, ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", form))
        raw += piece.read_bytes()
    piece.write_bytes(raw)
    subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-y", "-f", "mjpeg", "-framerate", str(FPS)),
            *("-i", str(piece), "-c", "copy", str(path)),
        ],
        check=True,
        timeout=60,
    )


def pillow(form: str, mode: str = "RGB", **more: Any) -> Callable[[Path, Sequence[Any]], None]:
    """Give a writer of the first picture through Pillow."""

    def write(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
        Image.fromarray(pictures[0]).convert(mode).save(path, form, **more)

    return write


def animation(form: str, **more: Any) -> Callable[[Path, Sequence[Any]], None]:
    """Give a writer of all pictures, 40 ms each, through Pillow."""

    def write(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
        first, *rest = [Image.fromarray(p) for p in pictures]
        first.save(path, form, save_all=True, append_images=rest, duration=40, loop=0, **more)

    return write


def turned_photo(form: str, orientation: int) -> Callable[[Path, Sequence[Any]], None]:
    """Give a writer of a photograph that EXIF's orientation puts upright."""

    def write(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
        image: Any = pictures[0]
        if orientation in {3, 4, 7, 8}:
            image = image[::-1]
        if orientation in {2, 3, 6, 7}:
            image = image[:, ::-1]
        if orientation in {5, 6, 7, 8}:
            image = image.transpose(1, 0, 2)
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(np.ascontiguousarray(image)).save(path, form, exif=exif, quality=95)

    return write


def heic(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
    """Write a HEIC photograph, as iPhones do (theirs are of tiles)."""
    import pillow_heif  # noqa: PLC0415

    pillow_heif.register_heif_opener()
    Image.fromarray(pictures[0]).save(path, "HEIF", quality=95)


def padded_jpeg(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
    """Write a JPEG with bytes between its segments, as Logitech's cameras do."""
    pillow("JPEG", quality=95)(path, pictures)
    data = path.read_bytes()
    at = data.index(b"\xff\xdb")
    path.write_bytes(data[:at] + b"\0\0" + data[at:])


def sixteen_bits(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
    """Write 16 bits a channel through OpenCV: Pillow can't."""
    deep = cv2.cvtColor(pictures[0], cv2.COLOR_RGB2BGR).astype(np.uint16) * 257
    cv2.imwrite(str(path), deep)
