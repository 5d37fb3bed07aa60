"""Image files of every kind and in every state of decay."""

from __future__ import annotations

import os
import struct
import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edgehands.cameras.images import read_image
from edgehands.cameras.limits import MAX_IMAGE_PIXELS
from edgehands.errors import SourceError, SourceNotFound
from edgehands.geometry.constants import LONGEST_SIDE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LOSSLESS = (".png", ".bmp", ".tiff")
ALL = (*LOSSLESS, ".jpg", ".webp")


def rgb_picture(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    """Red to the right, green downwards, a blue corner at the top left: no two sides alike."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 250, width, dtype=np.uint8)
    image[..., 1] = np.linspace(0, 250, height, dtype=np.uint8)[:, None]
    image[: max(height // 4, 1), : max(width // 4, 1), 2] = 255
    return image


def encode(suffix: str, image: NDArray[np.uint8] | NDArray[np.uint16], *options: int) -> bytes:
    """Encode RGB, RGBA or grey as a file's bytes."""
    if image.ndim == 3:
        code = cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        image = cv2.cvtColor(image, code)  # type: ignore[assignment]
    ok, data = cv2.imencode(suffix, image, list(options))
    assert ok
    return data.tobytes()


def with_exif_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Put an EXIF segment that holds only the orientation into a JPEG."""
    tiff = b"MM\0*" + struct.pack(">IH", 8, 1)
    tiff += struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack(">I", 0)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def huge_png(width: int, height: int) -> bytes:
    """Make a small, well-formed PNG whose header promises a picture of any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_colours_come_in_rgb_order(tmp_path: Path, suffix: str) -> None:
    """Swapped red and blue would cost the models their accuracy without any error."""
    picture = rgb_picture()
    (tmp_path / f"a{suffix}").write_bytes(encode(suffix, picture))
    image = read_image(tmp_path / f"a{suffix}")
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, picture)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_come_close(tmp_path: Path, suffix: str) -> None:
    """A photo as phones and the web store it must open, with its colours where they were."""
    picture = rgb_picture(200, 300)
    (tmp_path / f"a{suffix}").write_bytes(encode(suffix, picture))
    image = read_image(tmp_path / f"a{suffix}")
    assert np.abs(image.astype(int) - picture).mean() < 6


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".jpg"])
def test_grey_becomes_rgb(tmp_path: Path, suffix: str) -> None:
    """A grey image would otherwise reach the models with a missing dimension."""
    grey = rgb_picture()[..., 0].copy()
    (tmp_path / f"a{suffix}").write_bytes(encode(suffix, grey))
    image = read_image(tmp_path / f"a{suffix}")
    assert image.shape == (40, 60, 3)
    assert np.abs(image.astype(int) - grey[..., None]).max() < 4


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_keep_their_brightness(tmp_path: Path, suffix: str, channels: int) -> None:
    """A 16-bit image that is clipped or taken by its low bytes would be noise."""
    deep = rgb_picture()[..., 0].astype(np.uint16) * 257
    if channels == 3:
        deep = rgb_picture().astype(np.uint16) * 257
    (tmp_path / f"a{suffix}").write_bytes(encode(suffix, deep))
    image = read_image(tmp_path / f"a{suffix}")
    assert image.dtype == np.uint8
    wanted = rgb_picture() if channels == 3 else rgb_picture()[..., :1]
    assert np.abs(image.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_transparency_is_dropped(tmp_path: Path, suffix: str) -> None:
    """A screenshot with an alpha channel must open like any other image."""
    picture = np.dstack([rgb_picture(), np.full((40, 60), 255, np.uint8)])
    (tmp_path / f"a{suffix}").write_bytes(encode(suffix, picture))
    np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}"), rgb_picture())


@pytest.mark.parametrize("suffix", ALL)
def test_one_pixel(tmp_path: Path, suffix: str) -> None:
    """The smallest image must not trip the reader."""
    (tmp_path / f"a{suffix}").write_bytes(encode(suffix, np.full((1, 1, 3), 200, np.uint8)))
    assert read_image(tmp_path / f"a{suffix}").shape == (1, 1, 3)


def test_eight_thousand_pixels(tmp_path: Path) -> None:
    """A large scan or panorama is an ordinary input, not a bomb."""
    big = np.zeros((8000, 8000, 3), np.uint8)
    big[:, 4000:, 0] = 200
    cv2.imwrite(str(tmp_path / "big.jpg"), big)
    del big
    image = read_image(tmp_path / "big.jpg")
    assert image.shape == (8000, 8000, 3)
    assert image[10, 7000, 2] > 150  # written as BGR: blue


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda p: p),
        (2, lambda p: p[:, ::-1]),
        (3, lambda p: p[::-1, ::-1]),
        (4, lambda p: p[::-1]),
        (5, lambda p: p.transpose(1, 0, 2)),
        (6, lambda p: np.rot90(p, -1)),
        (7, lambda p: p[::-1, ::-1].transpose(1, 0, 2)),
        (8, np.rot90),
    ],
)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, turned: object) -> None:
    """A phone's upright photo is stored lying down: its hands would point sideways."""
    assert callable(turned)
    picture = rgb_picture(200, 304)
    jpeg = encode(".jpg", picture, cv2.IMWRITE_JPEG_QUALITY, 95)
    (tmp_path / "a.jpg").write_bytes(with_exif_orientation(jpeg, orientation))
    image = read_image(tmp_path / "a.jpg")
    wanted = turned(picture)
    assert image.shape == wanted.shape
    assert np.abs(image.astype(int) - wanted).mean() < 6


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    """A PNG that somebody called .jpg opens all the same."""
    (tmp_path / "a.jpg").write_bytes(encode(".png", rgb_picture()))
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), rgb_picture())


def test_any_file_name(tmp_path: Path) -> None:
    """Names with blanks, accents, percent signs and undecodable bytes are just names."""
    for name in ("a b.png", "häßlich.png", "%03d.png", "a?b#c.png", os.fsdecode(b"\xff.png")):
        (tmp_path / name).write_bytes(encode(".png", rgb_picture()))
        assert read_image(tmp_path / name).shape == (40, 60, 3)


def assert_refused(path: Path, *words: str) -> None:
    """The error is one line, names the file, and says these words."""
    with pytest.raises(SourceError) as caught:
        read_image(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    for word in words:
        assert word in text


def test_empty_file(tmp_path: Path) -> None:
    """A photo that was never written (full card) is named, not met with a decoder's riddle."""
    (tmp_path / "a.jpg").touch()
    assert_refused(tmp_path / "a.jpg", "empty")


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.97])
def test_truncated_file(
    tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    """Half a photo, half of it grey, would silently be tracked as if nothing were missing."""
    rng = np.random.default_rng(1)
    data = encode(suffix, rng.integers(0, 255, (200, 300, 3), np.uint8))
    (tmp_path / f"a{suffix}").write_bytes(data[: int(len(data) * share)])
    assert_refused(tmp_path / f"a{suffix}")
    assert capfd.readouterr().err == ""


def test_thumbnail_does_not_hide_a_truncated_jpeg(tmp_path: Path) -> None:
    """The end mark of a camera's embedded thumbnail isn't the photo's."""
    thumbnail = b"Exif\0\0" + encode(".jpg", rgb_picture(20, 20))
    jpeg = encode(".jpg", rgb_picture(200, 300))
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + segment + jpeg[2 : len(jpeg) // 2])
    assert_refused(tmp_path / "a.jpg", "cut off")


@pytest.mark.parametrize("suffix", ALL)
def test_damaged_file(tmp_path: Path, suffix: str) -> None:
    """Random damage gives a picture or a one-line error: never a crash, never another type."""
    rng = np.random.default_rng(2)
    good = np.frombuffer(encode(suffix, rgb_picture()), np.uint8)
    for _ in range(200):
        data = good.copy()
        where = rng.integers(0, data.size, 3)
        data[where] = rng.integers(0, 256, 3)
        (tmp_path / "a").write_bytes(data.tobytes())
        outcome: NDArray[np.uint8] | SourceError
        try:
            outcome = read_image(tmp_path / "a")
        except SourceError as error:
            outcome = error
        if isinstance(outcome, SourceError):
            assert "\n" not in str(outcome)
        else:
            assert outcome.ndim == 3
            assert outcome.dtype == np.uint8


def test_no_image(tmp_path: Path) -> None:
    """A text file called .png is distinguished from a damaged image."""
    (tmp_path / "a.png").write_text("hello, this is no image at all")
    assert_refused(tmp_path / "a.png", "not an image")


def test_missing_file(tmp_path: Path) -> None:
    """A mistyped path says so."""
    with pytest.raises(SourceNotFound, match="no such file"):
        read_image(tmp_path / "a.png")


def test_file_without_permission_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is permission: the user looks at the right place."""
    (tmp_path / "a.png").write_bytes(encode(".png", rgb_picture()))

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))  # root would be let through

    monkeypatch.setattr(type(tmp_path), "read_bytes", refuse)
    assert_refused(tmp_path / "a.png", "Permission denied")


def test_device_and_pipe_are_no_images(tmp_path: Path) -> None:
    """Reading a pipe or /dev/zero would hang or fill the memory."""
    os.mkfifo(tmp_path / "a.png")
    assert_refused(tmp_path / "a.png", "not a regular file")


@pytest.mark.parametrize("size", [(100_000, 100_000), (11_000, 11_000)])
def test_decompression_bomb_is_refused_unread(tmp_path: Path, size: tuple[int, int]) -> None:
    """A kilobyte that unpacks to gigabytes would end the service by its memory limit."""
    assert size[0] * size[1] > MAX_IMAGE_PIXELS
    (tmp_path / "a.png").write_bytes(huge_png(*size))
    assert_refused(tmp_path / "a.png", "pixels", "120 million")


def test_a_picture_too_long_for_opencv_is_refused(tmp_path: Path) -> None:
    """Few pixels, but sampling it would end in a traceback of OpenCV's."""
    (tmp_path / "a.png").write_bytes(huge_png(LONGEST_SIDE + 1, 10))
    assert_refused(tmp_path / "a.png", f"{LONGEST_SIDE + 1}x10", f"{LONGEST_SIDE} a side")


def test_header_without_pixels_is_refused(tmp_path: Path) -> None:
    """A picture of no size at all is damage."""
    (tmp_path / "a.png").write_bytes(huge_png(0, 10))
    assert_refused(tmp_path / "a.png", "cut off in its header")
