"""``edgehands track`` on what people have: cameras, mixed inputs, odd names; films as a result."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

from edgehands.cameras.inputs import Limits
from edgehands.cli.actions.track import TrackOptions, track
from edgehands.config import TrackingConfig
from edgehands.errors import UsageError
from tests.hands import frame
from tests.http_camera import HttpCamera

if TYPE_CHECKING:
    from pathlib import Path


def options(*inputs: object, **more: Any) -> TrackOptions:
    """What the command line makes of its words; the fake backend sees the drawn hands."""
    given: dict[str, Any] = {
        "lines": None,
        "overlay": None,
        "film": None,
        "limits": Limits(),
        "fps": None,
        "static": False,
        "sequence": False,
        "tracking": TrackingConfig(backend="fake"),
    }
    return TrackOptions(inputs=[os.fspath(i) for i in inputs], **{**given, **more})  # type: ignore[call-overload]


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_clip(path: Path, frames: int = 6) -> Path:
    """A film in which a hand moves to the right."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (640, 480))
    for i in range(frames):
        writer.write(frame((150 + 10 * i, 200)))
    writer.release()
    return path


def film(path: Path) -> tuple[str, list[np.ndarray[Any, Any]], list[float]]:
    """Codec, pictures and times of a film."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        name = container.streams.video[0].codec_context.name
    return name, [f.to_ndarray(format="rgb24") for f in frames], [float(f.time) for f in frames]


def test_ids_begin_anew_in_each_photograph(tmp_path: Path) -> None:
    """Two people's hands on two photographs are no one's second hand."""
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"{name}.png"), frame((300, 200), (100, 300)))
    assert track(options(tmp_path, lines=str(tmp_path / "out")))
    ids = [[hand["id"] for hand in line["hands"]] for line in lines_of(tmp_path / "out")]
    assert ids == [[1, 2], [1, 2]]


def test_sequence_of_a_clip_and_pictures(tmp_path: Path) -> None:
    """A clip before pictures must not end the run: its clock is another than theirs."""
    clip = write_clip(tmp_path / "clip.avi", 40)
    for i in range(3):
        cv2.imwrite(str(tmp_path / f"{i}.png"), frame((300 + 5 * i, 200)))
    pictures = [tmp_path / f"{i}.png" for i in range(3)]
    out = tmp_path / "out"
    assert track(options(clip, *pictures, clip, sequence=True, lines=str(out)))
    ids = [hand["id"] for line in lines_of(out) for hand in line["hands"]]
    assert len(ids) == 83
    assert len(set(ids[40:43])) == 1, "one hand is followed from picture to picture"
    assert len({ids[0], ids[40], ids[43]}) == 3, (
        "a clip's hand isn't that of the pictures behind it"
    )


def test_a_camera_for_some_frames_or_seconds(tmp_path: Path) -> None:
    """Who has no photograph at hand can try it with a camera, and it ends by itself."""
    assert track(options("fake:?fps=100", limits=Limits(frames=5), lines=str(tmp_path / "n")))
    assert len(lines_of(tmp_path / "n")) == 5
    assert track(options("fake:?fps=20", limits=Limits(seconds=0.5), lines=str(tmp_path / "s")))
    assert len(lines_of(tmp_path / "s")) == 10
    with HttpCamera() as camera:
        url = camera.url.replace("//", "//me:secret@")
        assert track(options(url, limits=Limits(frames=3), lines=str(tmp_path / "http")))
    assert len(lines_of(tmp_path / "http")) == 3
    assert "secret" not in (tmp_path / "http").read_text()


def test_film_of_everything(tmp_path: Path) -> None:
    """--video gives one film that plays everywhere, with the hands drawn on every frame."""
    clip = write_clip(tmp_path / "clip.avi")
    cv2.imwrite(str(tmp_path / "tall.png"), frame((100, 200))[:, :200])
    out = tmp_path / "film.mp4"
    assert track(options(clip, tmp_path / "tall.png", film=out))
    name, pictures, times = film(out)
    assert name == "h264"
    assert len(pictures) == 7
    assert all(picture.shape == (480, 640, 3) for picture in pictures)
    assert np.diff(times) == pytest.approx([1 / 30] * 6, abs=0.002)
    plain = frame((150, 200))[..., ::-1]
    assert np.abs(pictures[0].astype(int) - plain).max() > 100, "no hand is drawn"
    assert pictures[-1][:, :200].max() < 40, "a tall picture stands between black bars"


@pytest.mark.parametrize("name", ["film.mkv", "film.mov", "film.webm", "film.avi"])
def test_film_in_other_containers(tmp_path: Path, name: str) -> None:
    """Every ending that the help names gives a film of all frames."""
    assert track(options(write_clip(tmp_path / "clip.avi"), film=tmp_path / name))
    assert len(film(tmp_path / name)[1]) == 6


def test_film_that_cannot_be_written(tmp_path: Path) -> None:
    """A wrong ending and a missing folder are reported before an hour of tracking."""
    with pytest.raises(UsageError, match=r"name a file that ends in \.mp4"):
        track(options("demo:", film=tmp_path / "film.txt"))
    with pytest.raises(UsageError, match="no such folder"):
        track(options("demo:", film=tmp_path / "none" / "film.mp4"))


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    """Names from old disks are escaped in JSON, and crash neither reading nor writing."""
    picture, clip = (os.fsencode(tmp_path) + name for name in (b"/h\xff.jpg", b"/v\xff.avi"))
    write_clip(tmp_path / "v.avi", 3).rename(os.fsdecode(clip))
    cv2.imwrite(str(tmp_path / "h.jpg"), frame((300, 200)))
    (tmp_path / "h.jpg").rename(os.fsdecode(picture))
    cv2.imwrite(str(tmp_path / "z.jpg"), frame((300, 200)))
    inputs = (os.fsdecode(clip), os.fsdecode(picture), tmp_path / "z.jpg")
    out, drawn = tmp_path / "out", tmp_path / "drawn"
    assert track(options(*inputs, lines=str(out), overlay=drawn))
    sources = [line["source"] for line in lines_of(out)]
    assert sources == [f"{tmp_path}/v\\xff.avi"] * 3 + [
        f"{tmp_path}/h\\xff.jpg",
        f"{tmp_path}/z.jpg",
    ]
    assert sorted(os.fsencode(p.name) for p in drawn.iterdir()) == [
        *(b"h\xff.png", b"v\xff.mp4", b"z.png"),
    ]


def test_a_rate_for_files_without_times(tmp_path: Path) -> None:
    """rpicam-vid's raw MJPEG has no clock: --fps gives it one."""
    path = tmp_path / "raw.mjpeg"
    path.write_bytes(
        b"".join(cv2.imencode(".jpg", frame((200, 200)))[1].tobytes() for _ in range(4))
    )
    for fps, step in ((None, 1 / 30), (10.0, 0.1)):
        assert track(options(path, fps=fps, lines=str(tmp_path / "out")))
        times = [line["t_mono"] for line in lines_of(tmp_path / "out")]
        assert np.diff(times) == pytest.approx([step] * 3, abs=1e-4)


def test_what_a_folder_leaves_out_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason why a clip wasn't read is shown."""
    cv2.imwrite(str(tmp_path / "a.png"), frame((300, 200)))
    write_clip(tmp_path / "clip.avi", 1)
    (tmp_path / ".cache").mkdir()
    assert track(options(tmp_path))
    assert "left out of the folders: 1 hidden, 1 .avi" in " ".join(capsys.readouterr().err.split())
