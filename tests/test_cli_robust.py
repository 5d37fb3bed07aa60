"""What users and disks do to the command line: one line each time, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.hands import frame
from tests.preview_node import write_clip
from tests.test_cli import one_line, run, save

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")  # noqa: PTH110


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture in which the fake backend sees a hand."""
    return save(tmp_path / "photo.png", frame((300, 240)))


def test_a_full_disk_is_told_with_the_file(photo: Path) -> None:
    """A traceback was all that a full disk brought, after "1 frame, 1 hand"."""
    done = run("track", "--backend", "fake", "--json", "/dev/full", photo)
    assert "--json /dev/full: No space left on device" in one_line(done.stderr)
    assert done.returncode == 1
    assert "1 frame" not in done.stderr


def test_a_full_stdout_is_told(photo: Path) -> None:
    """Without it: a script that fills a disk would go on as if all were written."""
    words = ["track", "--backend", "fake", "--json", "-", str(photo)]
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-c", "from edgehands.cli import main; main()", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert "No space left on device" in one_line(done.stderr)
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("synth", "/proc/nope", "--count", "1"), "/proc/nope"),
        (("track", "--json", "/proc/nope/x", "PHOTO"), "/proc/nope/x"),
        (("check", "--config", "PIPE"), "no regular file"),
        (("run", "--config", "PIPE"), "no regular file"),
    ],
)
def test_a_path_that_is_no_good_is_named(
    words: tuple[str, ...], said: str, photo: Path, tmp_path: Path
) -> None:
    """A traceback names everything but the mistake; a pipe was waited for without end."""
    os.mkfifo(tmp_path / "pipe")
    named = {"PHOTO": str(photo), "PIPE": str(tmp_path / "pipe")}
    done = run(*(named.get(word, word) for word in words), env={"HOME": str(tmp_path)})
    assert said in one_line(done.stderr)
    assert done.returncode in {1, 2}


def test_debug_may_stand_before_the_verb() -> None:
    """`edgehands --debug run` said that there is no such verb."""
    done = run("--debug", "run", "--config", "/nowhere.toml")
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("give the path of a configuration file")
    assert "Traceback" in done.stderr


def test_a_sequence_may_begin_with_a_clip(photo: Path, tmp_path: Path) -> None:
    """The photo's time was before the clip's, and the rest of the inputs was lost."""
    clip = write_clip(tmp_path / "clip.avi")
    words = ("track", "--backend", "fake", "--sequence", "--json", "-")
    done = run(*words, clip, photo, photo, clip, photo)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 123
