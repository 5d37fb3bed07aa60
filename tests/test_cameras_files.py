"""Folders and videos, played at once or in real time, and the inputs of ``track``."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgehands.cameras import (
    CameraSettings,
    Source,
    SourceFailure,
    count_frames,
    find_inputs,
    iter_frames,
    open_source,
    opening,
)
from edgehands.cameras.files import ImageSource, list_folder, natural_key
from edgehands.cameras.pacing import Clock
from edgehands.cameras.video import VideoSource
from edgehands.errors import SourceError, SourceNotFound, UsageError
from edgehands.hand import Frame

SHADES = (10, 60, 110, 160, 210)


class ManualClock(Clock):
    """A clock that stands still except when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Give the time that was slept so far."""
        return self.now

    def wall(self) -> float:
        """Run beside the monotonic clock."""
        return self.now + 1.7e9

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        assert seconds >= 0
        self.now += seconds


def write_image(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((48, 64, 3), shade, np.uint8))


def write_video(path: Path, frames: int = 20, fps: float = 20.0, fourcc: str = "MJPG") -> None:
    """Frame n is grey with shade 12 n (lossy coding moves it by 4), so that tests can tell."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*fourcc), fps, (64, 48))
    assert writer.isOpened()
    for n in range(frames):
        writer.write(np.full((48, 64, 3), min(12 * n, 255), np.uint8))
    writer.release()


def shade_of(frame: Frame) -> int:
    return round(float(frame.image.mean()))


def number_of(frame: Frame) -> int:
    return round(float(frame.image.mean()) / 12)


def read_all(source: Source, timeout: float = 1.0) -> list[Frame]:
    frames: list[Frame] = []
    for _ in range(1000):
        if source.finished:
            return frames
        frame = source.read(timeout)
        if frame is not None:
            frames.append(frame)
    raise AssertionError("the source never finished")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five images whose names sort otherwise than their numbers, one of them in a subfolder."""
    names = ("img1.png", "img2.png", "img10.png", "IMG11.png", "sub/a.png")
    for name, shade in zip(names, SHADES, strict=True):
        write_image(tmp_path / name, shade)
    return tmp_path


def test_folder_in_natural_order(folder: Path) -> None:
    """img2 comes before img10: a sequence stays a sequence."""
    with open_source(f"dir:{folder}", realtime=False) as source:
        frames = read_all(source)
    assert [shade_of(f) for f in frames] == list(SHADES)
    assert [f.seq for f in frames] == [0, 1, 2, 3, 4]
    assert frames[0].source == str(folder / "img1.png")
    assert all(f.image.flags.c_contiguous for f in frames)


def test_natural_order_of_odd_names() -> None:
    """Digits of other scripts, leading zeros and equal keys sort without an error."""
    names = ["a²", "a2", "a02", "٣", "10", "9", "", "A2", "a2b10", "a2b9"]
    ordered = [str(p) for p in sorted((Path(n) for n in names), key=natural_key)]
    assert ordered.index("9") < ordered.index("10")
    assert ordered.index("a2b9") < ordered.index("a2b10")


def test_other_files_are_skipped_and_counted(folder: Path) -> None:
    """A folder as people have it: notes, hidden files, a video beside the photos."""
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.png").write_bytes(b"x")
    write_image(folder / ".thumbnails" / "t.png", 1)
    write_video(folder / "clip.avi", 2)
    listing = list_folder(folder)
    assert len(listing.images) == 5
    assert sorted(path.name for path in listing.left_out) == [
        *(".hidden.png", ".thumbnails", "clip.avi", "notes.txt"),
    ]
    with open_source(str(folder), realtime=False) as source:
        assert source.describe().detail == "5 images; left out: 2 hidden, 1 .avi, 1 .txt"


def test_empty_folder(tmp_path: Path) -> None:
    """Nothing to do is reported, not treated as success."""
    with pytest.raises(SourceError, match="no image in it"):
        open_source(f"dir:{tmp_path}", realtime=False)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SourceError, match="1 other files"):
        open_source(str(tmp_path), realtime=True)


def test_missing_folder_and_file(tmp_path: Path) -> None:
    """A mistyped path is named, and the exit is an error."""
    for uri in (f"dir:{tmp_path}/no", f"file:{tmp_path}/no.mp4", f"{tmp_path}/no.jpg"):
        for realtime in (False, True):
            with pytest.raises(SourceNotFound, match="no such file") as caught:
                open_source(uri, realtime=realtime)
            assert isinstance(caught.value, FileNotFoundError)


def test_file_given_as_folder(folder: Path) -> None:
    """dir: with a file behind it is a mistake that is named."""
    with pytest.raises(SourceError, match="not a folder"):
        open_source(f"dir:{folder}/img1.png", realtime=False)


def test_bad_image_among_good_ones(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One damaged photo must not cost the rest of the folder."""
    (folder / "img2.png").write_bytes(b"")
    (folder / "sub/a.png").write_bytes(b"no image")
    with open_source(str(folder), realtime=False) as source:
        frames = read_all(source)
    assert [shade_of(f) for f in frames] == [10, 110, 160]
    assert "img2.png: empty file" in caplog.text
    assert len(caplog.records) == 2


def test_only_bad_images(tmp_path: Path) -> None:
    """A folder of which nothing can be read is an error, in real time too, even in a loop."""
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"no image")
    for realtime in (False, True):
        with (
            open_source(str(tmp_path), CameraSettings(loop=True), realtime=realtime) as source,
            pytest.raises(SourceError, match=r"b\.png: not an image"),
        ):
            read_all(source)


def test_single_image(folder: Path) -> None:
    """One photo is one frame, and the caller knows at once that it was the last."""
    with open_source(str(folder / "img2.png"), realtime=False) as source:
        frame = source.read(0)
        assert frame is not None
        assert shade_of(frame) == 60
        assert source.finished
        assert source.read(0) is None
        assert source.describe().kind == "image"
        assert (source.describe().width, source.describe().height) == (64, 48)


def live_folder(
    folder: Path, clock: Clock, *, loop: bool = False, seconds: float = 0.1
) -> ImageSource:
    settings = CameraSettings(fps=20, image_seconds=seconds, loop=loop)
    source = open_source(str(folder), settings, realtime=True)
    assert isinstance(source, ImageSource)
    source._clock = clock
    source._pacer._clock = clock
    return source


def test_folder_in_real_time_is_shown_like_a_camera(folder: Path) -> None:
    """The service sees each photo for a while at a camera's rate, so that tracking can settle."""
    clock = ManualClock()
    with live_folder(folder, clock) as source:
        frames = read_all(source)
    assert [shade_of(f) for f in frames] == [s for s in SHADES for _ in range(2)]
    assert np.diff([f.t_mono for f in frames]) == pytest.approx(0.05)
    assert frames[3].t_wall - frames[3].t_mono == pytest.approx(1.7e9)
    assert source.dropped == 0


def test_folder_in_real_time_loops(folder: Path) -> None:
    """A demonstration that runs all day begins again at its end."""
    clock = ManualClock()
    with live_folder(folder, clock, loop=True) as source:
        frames = [source.read(1) for _ in range(24)]
    assert [shade_of(f) for f in frames if f] == ([s for s in SHADES for _ in range(2)] * 3)[:24]


def test_slow_reader_of_a_live_folder_drops_frames(folder: Path) -> None:
    """Whoever is too slow gets the picture of now, and the drops are counted."""
    clock = ManualClock()
    with live_folder(folder, clock, seconds=0.2) as source:
        first = source.read(1)
        clock.now += 0.175
        late = source.read(1)
        assert first is not None
        assert late is not None
        assert source.dropped == 2
        assert late.t_mono == pytest.approx(first.t_mono + 0.15)


def test_live_read_keeps_its_timeout(folder: Path) -> None:
    """A loop that feeds a watchdog gets control back in time."""
    clock = ManualClock()
    with live_folder(folder, clock) as source:
        assert source.read(0.01) is not None
        before = clock.now
        assert source.read(0.01) is None
        assert clock.now == pytest.approx(before + 0.01)
        assert not source.finished


@pytest.mark.parametrize(
    ("fourcc", "name"), [("MJPG", "a.avi"), ("mp4v", "a.mp4"), ("FFV1", "a.mkv")]
)
def test_video_as_fast_as_possible(tmp_path: Path, fourcc: str, name: str) -> None:
    """Every frame once, in order, with the video's own times: two runs agree exactly."""
    write_video(tmp_path / name, fourcc=fourcc)
    runs = []
    for _ in range(2):
        with open_source(f"file:{tmp_path / name}", realtime=False) as source:
            runs.append(read_all(source))
            assert source.dropped == 0
    for frames in runs:
        assert [f.seq for f in frames] == list(range(20))
        assert [number_of(f) for f in frames] == list(range(20))
        assert [f.t_mono for f in frames] == pytest.approx([n / 20 for n in range(20)])
    assert [f.t_wall for f in runs[0]] == [f.t_wall for f in runs[1]]
    assert all(f.image.flags.c_contiguous and f.image.dtype == np.uint8 for f in runs[0])


def test_video_describes_itself(tmp_path: Path) -> None:
    """`info` and the progress bar know size, rate and length before the first frame."""
    write_video(tmp_path / "a.avi")
    with open_source(
        str(tmp_path / "a.avi"), CameraSettings(rotation=90), realtime=False
    ) as source:
        info = source.describe()
        frame = source.read(0)
    assert (info.kind, info.width, info.height, info.fps) == ("video", 48, 64, 20.0)
    assert info.detail == "20 frames"
    assert frame is not None
    assert frame.image.shape == (64, 48, 3)


def live_video(path: Path, clock: Clock, *, loop: bool = False) -> VideoSource:
    return VideoSource(path, CameraSettings(loop=loop), realtime=True, clock=clock)


def test_video_in_real_time(tmp_path: Path) -> None:
    """A clip stands in for a camera: its frames come when they are due, none is lost."""
    write_video(tmp_path / "a.avi")
    clock = ManualClock()
    with live_video(tmp_path / "a.avi", clock) as source:
        frames = read_all(source)
    assert len(frames) == 20
    assert np.diff([f.t_mono for f in frames]) == pytest.approx(0.05)
    assert clock.now == pytest.approx(1000 + 19 * 0.05)


def test_slow_reader_of_a_live_video_drops_frames(tmp_path: Path) -> None:
    """A tracker slower than the clip stays in step with it instead of falling behind."""
    write_video(tmp_path / "a.avi")
    clock = ManualClock()
    with live_video(tmp_path / "a.avi", clock) as source:
        shades = []
        while not source.finished:
            frame = source.read(1)
            if frame is not None:
                shades.append(number_of(frame))
                clock.now += 0.12
    assert shades[:4] == [0, 2, 4, 7]
    assert source.dropped == 20 - len(shades)


def test_long_break_of_the_reader_skips_nothing(tmp_path: Path) -> None:
    """After a pause (suspend, debugger) the clip goes on instead of racing to its end."""
    write_video(tmp_path / "a.avi")
    clock = ManualClock()
    with live_video(tmp_path / "a.avi", clock) as source:
        assert source.read(1) is not None
        clock.now += 60
        frames = read_all(source)
    assert len(frames) == 19
    assert source.dropped == 0


def test_video_loops_in_real_time(tmp_path: Path) -> None:
    """The demo's clip repeats indefinitely; its timestamps never go backwards."""
    write_video(tmp_path / "a.avi", frames=5)
    clock = ManualClock()
    with live_video(tmp_path / "a.avi", clock, loop=True) as source:
        frames = [source.read(1) for _ in range(17)]
    given = [f for f in frames if f is not None]
    assert [number_of(f) for f in given] == [n % 5 for n in range(17)]
    assert np.diff([f.t_mono for f in given]) == pytest.approx(0.05)
    assert [f.seq for f in given] == list(range(17))


def test_loop_without_real_time_ends(tmp_path: Path) -> None:
    """`track` on a clip ends even when the configuration asks for a loop."""
    write_video(tmp_path / "a.avi", frames=5)
    with open_source(str(tmp_path / "a.avi"), CameraSettings(loop=True), realtime=False) as source:
        assert len(read_all(source)) == 5


def test_portrait_video_of_a_phone(tmp_path: Path) -> None:
    """Phones store upright videos lying down with a turn in the header: hands must stand."""
    path = tmp_path / "a.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20, (64, 48))
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:16, :16] = 250
    for _ in range(3):
        writer.write(picture)
    writer.release()
    data = bytearray(path.read_bytes())
    matrix = data.find(b"tkhd") + 44  # ISO 14496-12: the track header's transformation
    assert struct.unpack_from(">i", data, matrix)[0] == 0x10000
    struct.pack_into(">9i", data, matrix, 0, 0x10000, 0, -0x10000, 0, 0, 48 << 16, 0, 1 << 30)
    path.write_bytes(bytes(data))
    with open_source(str(path), realtime=False) as source:
        frame = source.read(0)
        assert (source.describe().width, source.describe().height) == (48, 64)
    assert frame is not None
    assert frame.image.shape == (64, 48, 3)
    assert frame.image[5, 43].min() > 200
    assert frame.image[5, 5].max() < 50


def test_playlist_does_not_reach_for_the_network(tmp_path: Path) -> None:
    """A file that names another machine is refused, not followed."""
    (tmp_path / "a.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:5,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(SourceError, match="not a video that can be read"):
        open_source(str(tmp_path / "a.m3u8"), realtime=False)


@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])
def test_video_that_ends_early(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """A recording cut off by a power failure gives what it holds, and says that more was meant."""
    path = tmp_path / name
    write_video(path, fourcc="MJPG" if name == "a.avi" else "FFV1")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with open_source(str(path), realtime=False) as source:
        frames = read_all(source)
    assert 3 <= len(frames) < 20
    assert "ends after" in caplog.text
    assert "the file is cut off" in caplog.text


def test_whole_video_gives_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A warning on sound files would teach people to overlook it."""
    write_video(tmp_path / "a.avi")
    with open_source(str(tmp_path / "a.avi"), realtime=False) as source:
        read_all(source)
    assert caplog.records == []


def test_unreadable_videos(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An MP4 without its index, an empty file, a text: one line each, naming the file."""
    write_video(tmp_path / "cut.mp4", fourcc="mp4v")
    whole = (tmp_path / "cut.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("hello " * 100)
    for name in ("cut", "empty", "text"):
        for realtime in (False, True):
            with pytest.raises(SourceError) as caught:
                open_source(f"file:{tmp_path}/{name}.mp4", realtime=realtime)
            assert f"{name}.mp4: " in str(caught.value)
            assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_rotation_and_mirroring(tmp_path: Path) -> None:
    """A camera that hangs upside down or sideways is put right, in this order: turn, mirror."""
    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 0] = (30, 20, 10)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    # Where the marked top-left pixel goes: row, column.
    wanted = {
        (0, False): (0, 0),
        (90, False): (0, 3),
        (180, False): (3, 5),
        (270, False): (5, 0),
        (0, True): (0, 5),
        (90, True): (0, 0),
    }
    for (rotation, mirrored), place in wanted.items():
        settings = CameraSettings(rotation=rotation, mirrored=mirrored)  # type: ignore[arg-type]
        with open_source(str(tmp_path / "a.png"), settings, realtime=False) as source:
            frame = source.read(0)
        assert frame is not None
        assert frame.image.flags.c_contiguous
        assert tuple(frame.image[place]) == (10, 20, 30)
        assert int(frame.image.sum()) == 60


def test_track_reports_bad_inputs_and_goes_on(folder: Path, tmp_path: Path) -> None:
    """`track` over many inputs gives every good frame and names every bad file."""
    write_video(folder / "clip.avi", 3)
    (folder / "img10.png").write_bytes(b"")
    (folder / "bad.mp4").write_text("x" * 100)
    (folder / "void").mkdir()
    names: list[str | Path] = [
        str(folder / "img1.png"),
        str(folder / "nothing.jpg"),
        str(folder / "bad.mp4"),
        f"file:{folder / 'clip.avi'}",
        str(folder / "void"),
        folder,
    ]
    found = find_inputs(names)
    assert [f.source for f in found.failures] == [names[1], names[4]]
    items = list(iter_frames(found))
    frames = [Path(i.source).name for i in items if isinstance(i, Frame)]
    failures = [i for i in items if isinstance(i, SourceFailure)]
    assert frames == ["img1.png", *["clip.avi"] * 3, "img1.png", "img2.png", "IMG11.png", "a.png"]
    assert len(failures) == 4
    assert {Path(f.source).name for f in failures} == {
        *("nothing.jpg", "void", "bad.mp4", "img10.png"),
    }
    assert len(found.left_out) == 2
    assert [count_frames(f) for f in found.files[:3]] == [1, 0, 3]


def test_track_frames_say_where_they_belong(folder: Path) -> None:
    """Images count from 0 each (they have nothing to do with each other), a video's frames on."""
    write_video(folder / "clip.avi", 3)
    found = find_inputs([folder / "clip.avi", folder / "img1.png"])
    assert [f.kind for f in found.files] == ["video", "image"]
    frames = [i for i in iter_frames(found) if isinstance(i, Frame)]
    assert [f.seq for f in frames] == [0, 1, 2, 0]
    assert frames[-1].t_wall == (folder / "img1.png").stat().st_mtime


def test_demo_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clip in the package repeats indefinitely in a live run, and is read once otherwise."""
    monkeypatch.setattr(opening, "DATA", tmp_path)
    for realtime in (False, True):
        with pytest.raises(SourceNotFound, match="install edgehands again"):
            open_source("demo:", realtime=realtime)
    write_video(tmp_path / "demo.mp4", frames=3, fps=100, fourcc="mp4v")
    (tmp_path / "demo.json").write_text("{}")
    with open_source("demo:", realtime=False) as source:
        assert len(read_all(source)) == 3
    with open_source("demo:", realtime=True) as source:
        given = [source.read(1) for _ in range(8)]
        assert not source.finished
        assert source.describe().uri == "demo:"
    assert sum(frame is not None for frame in given) == 8


@pytest.mark.parametrize(
    "uri",
    ["", "dir:", "file:", "usb:0", "webcam", "fake:?speed=3", "fake:?vanish=x", "fake:?fps=-1"],
)
def test_uri_that_makes_no_sense(uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A mistyped source is refused at once with the forms that work, whatever kind of run it is."""
    monkeypatch.chdir(tmp_path)
    for realtime in (False, True):
        with pytest.raises((UsageError, SourceNotFound)) as caught:
            open_source(uri, realtime=realtime)
        assert "\n" not in str(caught.value)


def test_unknown_scheme_names_the_valid_ones() -> None:
    """Whoever guesses the form reads the right ones."""
    with pytest.raises(UsageError, match=r"v4l2:/dev/video0, rtsp://"):
        open_source("usb:0", realtime=True)


def test_path_with_a_colon_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file called 'take:2.png' is opened, not taken for a kind of source."""
    write_image(tmp_path / "take:2.png", 60)
    monkeypatch.chdir(tmp_path)
    with open_source("take:2.png", realtime=False) as source:
        assert len(read_all(source)) == 1


def test_damaged_frames_inside_a_video(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A scratch in the middle of a recording costs some frames, not the rest or the process."""
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (64, 48))
    rng = np.random.default_rng(4)
    for _ in range(30):
        writer.write(rng.integers(0, 256, (48, 64, 3), np.uint8))
    writer.release()
    data = bytearray(path.read_bytes())
    third = len(data) // 3
    for at in rng.integers(third, 2 * third, 200):
        data[at] = int(rng.integers(0, 256))
    path.write_bytes(bytes(data))
    with open_source(str(path), realtime=False) as source:
        frames = read_all(source)
    assert frames[-1].t_mono == pytest.approx(29 / 20)
    # The ten frames of the middle third got some twenty wrong bytes each.
    assert 18 <= len(frames) <= 20
    assert f"{30 - len(frames)} damaged frames" in caplog.text
    assert all(b.t_mono > a.t_mono for a, b in itertools.pairwise(frames))
