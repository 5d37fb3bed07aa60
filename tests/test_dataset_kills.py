"""Nothing that was shown as saved is lost, whenever a process dies: a few kills of many.

``python3 -m tools kill-annotation`` does two hundred.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the page's server isn't installed: edgehands[preview]")

from edgehands.atomic import replace_file
from tools.common.datasets import make_folder, reported
from tools.common.kills import (
    Work,
    annotate_until_killed,
    check_answers,
    check_recording,
    record_until_killed,
)

KILLS = 8


def test_answers_outlive_the_server(tmp_path: Path) -> None:
    """Without it: an annotator's last minutes, or a whole file, would be gone with the server."""
    folder = tmp_path / "set"
    make_folder(folder, [[reported()]] * 4)
    work, rng = Work(), random.Random(1)  # noqa: S311
    for _ in range(KILLS):
        annotate_until_killed(folder, work, rng)
        check_answers(folder, work)
    assert sum(revision for revision, _ in work.shown.values()) > KILLS


def test_a_recording_outlives_a_pulled_plug(tmp_path: Path) -> None:
    """Without it: one pulled plug would make an hour's recording unreadable."""
    rng, count = random.Random(2), 0  # noqa: S311
    for _ in range(KILLS):
        record_until_killed(tmp_path / "set", rng)
        count = check_recording(tmp_path / "set", count)
    assert count > KILLS


def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it: after a power cut a file could have its new name and no content."""
    steps: list[str] = []
    sync, rename = os.fsync, Path.replace

    def synced(handle: int) -> None:
        steps.append("folder" if Path(f"/proc/self/fd/{handle}").is_dir() else "file")
        sync(handle)

    def renamed(self: Path, target: Path) -> Path:
        steps.append("name")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    replace_file(tmp_path / "answer.json", b"{}")
    assert steps == ["file", "name", "folder"]
