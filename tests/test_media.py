"""A part of the table in docs/cameras.md, made and read again; tools/media_table.py is all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from edgehands import HandTracker, TrackingConfig
from tools.media import files as media
from tools.media.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


FILMS = (
    *("MP4, H.264, interlaced", "MP4, H.264, pixels 1.5 times as wide", "MKV, FFV1"),
    *("MP4, H.264, BT.709", "MP4, H.264, variable rate", "AVI, DV (camcorders)", "AVI, H.264"),
    *("AVI, MJPEG whose pixel format changes", "AVI, uncompressed, bottom up"),
    *("MP4, display matrix: mirrored (selfies)", "MP4, display matrix: mirrored and by 90"),
    *("MP4, display matrix: by 270", "raw H.264 (rpicam-vid)", "raw MJPEG (rpicam-vid)"),
)
"""Those that OpenCV saw wrongly, and one of each container that is met most."""

PICTURES = [row for row in ROWS if row.make and row.what[:3] not in {"MP4", "MKV", "AVI"}]


@pytest.fixture(scope="module")
def pictures() -> list[NDArray[np.uint8]]:
    """The truth."""
    pictures: list[NDArray[np.uint8]] = media.truth()
    return pictures


@pytest.fixture(scope="module")
def tracker() -> Iterator[HandTracker]:
    """Finds the hand."""
    with HandTracker(TrackingConfig(static_image=True, backend="cpu")) as made:
        yield made


@pytest.mark.parametrize("row", [r for r in ROWS if r.what in FILMS], ids=lambda row: row.what)
def test_films(
    row: Any, tmp_path: Path, pictures: list[NDArray[np.uint8]], tracker: HandTracker
) -> None:
    """Whatever wrote a film, its pictures, sides, number of frames and times are the truth's."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed: apt-get install ffmpeg")
    assert media.judge(row, media.encode(row, tmp_path, pictures), pictures, tracker).faults == ()


@pytest.mark.parametrize("row", PICTURES, ids=lambda row: row.what)
def test_pictures(
    row: Any, tmp_path: Path, pictures: list[NDArray[np.uint8]], tracker: HandTracker
) -> None:
    """Whatever wrote a photograph or an animation, it is seen upright and whole."""
    assert media.judge(row, media.encode(row, tmp_path, pictures), pictures, tracker).faults == ()


def test_the_parts_exist() -> None:
    """A renamed row must not fall out of the tests."""
    assert set(FILMS) <= {row.what for row in ROWS}
    assert len(ROWS) >= 60


def test_damaged_files_through_track() -> None:
    """Whatever happened to files, each gives frames or one line, and the run goes on."""
    done = subprocess.run(
        [sys.executable, "-m", "tools", "fuzz-media", "--files", "60", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    # On a busy machine a pause says nothing; the script's own limit is for a quiet one.
    wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert "60 files: " in done.stdout, done.stderr
    assert [line for line in wrong if "silent for" not in line] == []
