"""The verb that writes synthetic hands."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from pathlib import Path


def synth(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``edgehands synth`` as a user does."""
    command = [sys.executable, "-c", "from edgehands.cli import main; main()", "synth", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_stills_come_from_the_seed(tmp_path: Path) -> None:
    """Two people with one seed must be able to talk about the same picture."""
    options = ["--count", "1", "--seed", "5", "--gesture", "fist", "--size", "160x120"]
    for folder in ("a", "b"):
        assert synth(str(tmp_path / folder), *options).returncode == 0
    first, second = ((tmp_path / f / "000000.png").read_bytes() for f in ("a", "b"))
    assert first == second
    truth = json.loads((tmp_path / "a" / "truth.jsonl").read_text())
    assert truth["hands"][0]["gesture"] == "fist"
    assert truth["camera"]["width"] == 160


def test_a_clip_is_written_as_a_video(tmp_path: Path) -> None:
    """A user's own program is tested with a film and its truth."""
    target = tmp_path / "far.avi"
    assert synth(str(target), "--clip", "slow_15fps", "--size", "96x72").returncode == 0
    video = cv2.VideoCapture(str(target))
    assert video.get(cv2.CAP_PROP_FPS) == 15
    assert len(target.with_suffix(".jsonl").read_text().splitlines()) == 75


def test_mistakes_are_one_line_and_exit_2(tmp_path: Path) -> None:
    """A traceback for a typo drives people away."""
    for arguments in (
        [str(tmp_path / "x"), "--gesture", "okay"],
        [str(tmp_path / "x.mp4"), "--clip", "nope"],
        [str(tmp_path / "x"), "--size", "big"],
        [str(tmp_path / "x"), "--hand", "both"],
        [str(tmp_path / "x"), "--photos", str(tmp_path / "none")],
        [],
    ):
        answer = synth(*arguments)
        assert answer.returncode == 2
        assert len(answer.stderr.strip().splitlines()) == 1
        assert "give" in answer.stderr


def test_the_clips_can_be_listed() -> None:
    """Nobody knows the clips' names by heart."""
    answer = synth("--list")
    assert answer.returncode == 0
    assert len(answer.stdout.splitlines()) >= 12
    assert "crossing" in answer.stdout
