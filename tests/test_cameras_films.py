"""Films as cameras, phones and editors write them, made here after reports of what went wrong."""

from __future__ import annotations

import gc
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from edgehands.cameras import CameraSettings, limits, open_source
from edgehands.cameras.av_film import AvFilm
from edgehands.cameras.decoding import square_pixels, turned, turned_size
from edgehands.cameras.images import ImageFile, is_image, read_image
from edgehands.cameras.opening import demo_clip
from edgehands.errors import SourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.hand import Frame


def shaded(number: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """A grey picture, (H, W, 3), whose upper left quarter is brighter."""
    image = np.full((height, width, 3), 12 * number, np.uint8)
    image[: height // 2, : width // 2] += 60
    return image


def jpeg(number: int) -> bytes:
    return cv2.imencode(".jpg", shaded(number))[1].tobytes()


def frames_of(path: Path, **more: Any) -> list[Frame]:
    with open_source(str(path), CameraSettings(**more), realtime=False) as source:
        frames = []
        while not source.finished:
            frame = source.read(0)
            if frame is not None:
                frames.append(frame)
        return frames


def write_film(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flv1" if path.suffix == ".flv" else "mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(shaded(1), format="rgb24")))
        container.mux(stream.encode(None))


def test_raw_mjpeg_is_a_film(tmp_path: Path) -> None:
    """rpicam-vid's MJPEG begins like a photograph: 17 of 18 frames must not be lost silently."""
    (tmp_path / "a.jpg").write_bytes(b"".join(map(jpeg, range(10))))
    (tmp_path / "b.mjpeg").write_bytes(jpeg(3))
    frames = frames_of(tmp_path / "a.jpg", fps=20)
    assert [round(float(f.image[40, 40, 0]) / 12) for f in frames] == list(range(10))
    assert np.diff([f.t_mono for f in frames]) == pytest.approx([0.05] * 9)
    assert len(frames_of(tmp_path / "b.mjpeg")) == 1


def test_options_are_the_containers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: PyAV 14 to 16 crash on FLV and MPEG-PS, whose streams show up late."""
    given: list[str] = []
    opened = av.open

    def noting(file: Any, **more: Any) -> Any:
        given.extend(more)
        return opened(file, **more)

    write_film(tmp_path / "a.flv")
    monkeypatch.setattr(av, "open", noting)
    assert frames_of(tmp_path / "a.flv")
    assert "container_options" in given
    assert "options" not in given


def test_photograph_with_a_second_one_inside(tmp_path: Path) -> None:
    """Phones put a preview or a map of brightness behind a photograph: it is one photograph."""
    first, second = (Image.fromarray(shaded(n)) for n in (3, 15))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    assert is_image(tmp_path / "a.jpg")
    assert abs(float(read_image(tmp_path / "a.jpg")[40, 40, 0]) - 36) < 3
    assert len(frames_of(tmp_path / "a.jpg")) == 1


def test_jpeg_with_a_hole_is_refused(tmp_path: Path) -> None:
    """Everything behind lost bytes is shifted: half of the rows would be wrong."""
    noise = np.random.default_rng(1).integers(0, 256, (100, 100, 3), np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(data[:4000] + data[5000:])
    with pytest.raises(SourceError, match="the JPEG is cut off or damaged"):
        read_image(tmp_path / "a.jpg")


def test_every_page_and_frame_counts(tmp_path: Path) -> None:
    """One frame of ninety, silently, is what others give of an animation."""
    first, *rest = (Image.fromarray(shaded(n)) for n in range(5))
    durations = [100, 50, 100, 50, 100]
    first.save(tmp_path / "a.tif", "TIFF", save_all=True, append_images=rest)
    first.save(tmp_path / "a.gif", "GIF", save_all=True, append_images=rest, duration=durations)
    assert [f.seq for f in frames_of(tmp_path / "a.tif")] == [0, 1, 2, 3, 4]
    times = [f.t_mono for f in frames_of(tmp_path / "a.gif")]
    assert times == pytest.approx([0, 0.1, 0.15, 0.25, 0.3])


def test_whole_film_whose_header_counts_fields(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ffmpeg -c copy writes AVI with twice the rate and half the frames: nothing is missing."""
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=60)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for n in range(10):
            frame = av.VideoFrame.from_ndarray(shaded(n), format="rgb24")
            frame.pts = 2 * n
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frames = frames_of(tmp_path / "a.avi")
    assert np.diff([f.t_mono for f in frames]) == pytest.approx([1 / 30] * 9, abs=2e-6)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("matrix", "corner"),
    [
        ((1, 0, 0, 1), (0, 0)), ((0, 1, -1, 0), (0, -1)), ((-1, 0, 0, -1), (-1, -1)),
        ((0, -1, 1, 0), (-1, 0)), ((-1, 0, 0, 1), (0, -1)), ((1, 0, 0, -1), (-1, 0)),
        ((0, 1, 1, 0), (0, 0)), ((0, -1, -1, 0), (-1, -1)),
    ],
)  # fmt: skip
def test_display_matrices(matrix: tuple[int, int, int, int], corner: tuple[int, int]) -> None:
    """A selfie's matrix mirrors; taken for a turn, it makes every right hand a left one."""
    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 0] = 9
    shown = turned(image, matrix)
    assert shown[corner].max() == 9
    assert (shown.shape[1], shown.shape[0]) == turned_size(6, 4, matrix)


def test_pixels_that_are_not_square() -> None:
    """World landmarks are off by centimetres where wide pixels are taken for square ones."""
    assert square_pixels(720, 576, Fraction(16, 15)) == (768, 576)
    assert square_pixels(720, 480, Fraction(8, 9)) == (720, 540)
    for nothing in (None, Fraction(1), Fraction(0), Fraction(1, 5000), Fraction(5000)):
        assert square_pixels(720, 576, nothing) == (720, 576)
    assert square_pixels(30000, 100, Fraction(2)) == (30000, 100), "larger than OpenCV can sample"


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile secret.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:5,\nsecret.mp4\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 9 RTP/AVP 26\nc=IN IP4 127.0.0.1\n",
    ],
)
def test_lists_of_other_files_are_refused(tmp_path: Path, text: str) -> None:
    """A file that somebody sent must not make edgehands open another, or the network."""
    write_film(tmp_path / "secret.mp4")
    (tmp_path / "list.mp4").write_text(text)
    with pytest.raises(SourceError, match="not a video that can be read"):
        open_source(str(tmp_path / "list.mp4"), realtime=False)


def test_film_of_giant_pictures_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes that ask for gigabytes would end the service by its memory limit."""
    write_film(tmp_path / "a.mp4")
    monkeypatch.setattr(limits, "MAX_IMAGE_PIXELS", 3000)
    with pytest.raises(SourceError, match=r"64x48 pixels, the limit is"):
        open_source(str(tmp_path / "a.mp4"), realtime=False)


def test_heic_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing plugin is named, instead of calling the photograph damaged."""
    pytest.importorskip("pillow_heif").register_heif_opener()
    Image.fromarray(shaded(3)).save(tmp_path / "a.heic", "HEIF")
    with ImageFile(tmp_path / "a.heic") as file:
        assert file.format == "HEIF"
    monkeypatch.delitem(Image.OPEN, "HEIF")
    with pytest.raises(SourceError, match="pip install pillow-heif"):
        read_image(tmp_path / "a.heic")


def test_film_of_an_unknown_codec(tmp_path: Path) -> None:
    """A codec unknown to FFmpeg is reported as such, in one line."""
    write_film(tmp_path / "a.mkv")
    data = (tmp_path / "a.mkv").read_bytes()
    assert b"V_MPEG4/ISO/ASP" in data
    (tmp_path / "a.mkv").write_bytes(data.replace(b"V_MPEG4/ISO/ASP", b"V_OTHER/ISO/ASP"))
    with pytest.raises(SourceError, match="doesn't know its codec"):
        open_source(str(tmp_path / "a.mkv"), realtime=False)


def test_frames_of_a_film_do_not_stay_in_memory() -> None:
    """A film took 100 MB more after ten seconds, which a small Pi hasn't got."""

    def resident_mb() -> float:
        status = Path("/proc/self/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    before = 0.0
    film = AvFilm(demo_clip(), fps=None, default_fps=30.0, threads=1)
    try:
        gc.disable()
        for number in range(180):
            assert film.grab() is not None
            assert film.retrieve() is not None
            if number == 20:
                before = resident_mb()
        grown = resident_mb() - before
    finally:
        gc.enable()
        film.close()
    # 160 frames of 0.46 MB.
    assert grown < 25
