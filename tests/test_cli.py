"""The command line as users meet it: started as a process, judged by output and exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

import edgehands
from edgehands.model_store import ModelStore
from tests.hands import frame

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

VERBS = ("run", "track", "watch", "bench", "check", "cameras", "models", "homeassistant")


def run(
    *words: object, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """``edgehands WORDS…`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from edgehands.cli import main; main()", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **(env or {})},
    )


def save(path: Path, image: NDArray[Any]) -> Path:
    """Write an RGB, grey or 16-bit image."""
    cv2.imwrite(str(path), image)
    return path


def one_line(stderr: str) -> str:
    """The only line on stderr, apart from the summary and the runtime's own greeting."""
    lines = [line for line in stderr.splitlines() if line.startswith("edgehands: ")]
    assert len(lines) == 1, stderr
    assert "Traceback" not in stderr
    return lines[0]


def test_version_and_help_name_every_verb() -> None:
    """A newcomer's first words must lead somewhere."""
    assert run("--version").stdout.strip() == f"edgehands {edgehands.__version__}"
    listing = run("--help").stdout
    for verb in VERBS:
        assert verb in listing
        shown = run(verb, "--help")
        assert shown.returncode == 0
        assert "--" in shown.stdout


def test_wrong_usage_is_exit_2() -> None:
    """Scripts distinguish wrong usage from failure by the exit code."""
    assert run("nonsense").returncode == 2
    assert run("track").returncode == 2
    assert run("run", "--nonsense").returncode == 2
    both = run("track", "x", "--static", "--sequence")
    assert both.returncode == 2
    assert "exclude each other" in one_line(both.stderr)


def test_track_prints_the_payload(tmp_path: Path) -> None:
    """Programs read one JSON line a frame, in the same form as MQTT's."""
    save(tmp_path / "b.png", frame((100, 100), (400, 300)))
    save(tmp_path / "a.png", frame())
    done = run("track", tmp_path, "--json", "-", "--backend", "fake")
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["source"], second["source"]) == (str(tmp_path / "a.png"), str(tmp_path / "b.png"))
    assert first["hands"] == []
    assert second["schema"] == 1
    assert (second["width"], second["height"], second["frame"]) == (640, 480, 0)
    assert [hand["handedness"] for hand in second["hands"]] == ["right", "right"]
    assert len(second["hands"][0]["landmarks"]) == len(second["hands"][0]["world"]) == 21
    xs = sorted(hand["landmarks"][9][0] for hand in second["hands"])
    assert xs == pytest.approx([100 / 640, 400 / 640], abs=0.02)


def test_track_follows_hands_in_a_video(tmp_path: Path) -> None:
    """In a video an id is a hand; a JSON file and an overlay video are written."""
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 30, (640, 480))
    for i in range(12):
        writer.write(frame((150 + 10 * i, 200)))
    writer.release()
    out, drawn = tmp_path / "out.jsonl", tmp_path / "drawn.mp4"
    done = run("track", clip, "--json", out, "--overlay", drawn, "--backend", "fake")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(12))
    assert {hand["id"] for line in lines for hand in line["hands"]} == {1}
    assert cv2.VideoCapture(str(drawn)).get(cv2.CAP_PROP_FRAME_COUNT) == 12
    alone = run("track", clip, "--static", "--json", "-", "--backend", "fake")
    ids = [hand["id"] for line in alone.stdout.splitlines() for hand in json.loads(line)["hands"]]
    assert ids == list(range(1, 13))


def swiping_film(path: Path) -> Path:
    """A film in which a hand rests, swipes to the right, rests, and stays to the end."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (640, 480))
    way = [0.0] * 15 + [3 * u * u - 2 * u**3 for u in np.linspace(0, 1, 9)] + [1.0] * 15
    for part in way:
        writer.write(frame((180 + 200 * part, 240)))
    writer.release()
    return path


def test_track_tells_what_happens_in_a_film(tmp_path: Path) -> None:
    """Whoever tries swipes on a film must see them, as programs and as people do."""
    clip = swiping_film(tmp_path / "clip.avi")
    done = run("track", clip, "--json", "-", "--backend", "fake")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    events = [(line["frame"], event) for line in lines for event in line["events"]]
    kinds = [event["event_type"] for _, event in events]
    assert kinds == ["gesture_started", "swipe_right", "gesture_ended"]
    assert [event["id"] for _, event in events] == ["1", "2", "3"]
    assert 15 < events[1][0] < 35
    assert events[1][1]["dx"] == pytest.approx(200 / 640, abs=0.05)
    # The hand is there to the end: what the end of the film ends stands with its last frame.
    assert events[2][0] == len(lines) - 1 == 38
    words = run("track", clip, "--backend", "fake").stdout.splitlines()
    assert "swipe_right by hand 1" in words[events[1][0]]
    assert "right hand 1 (0.99), open_palm, wrist at" in words[10]
    alone = run("track", clip, "--static", "--json", "-", "--backend", "fake")
    assert not any(json.loads(line)["events"] for line in alone.stdout.splitlines())


def test_overlay_keeps_folders_apart(tmp_path: Path) -> None:
    """Two photos of one name in two folders must not overwrite each other's picture."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save(tmp_path / name / "x.jpg", frame((300, 200)))
    done = run("track", tmp_path / "one", tmp_path / "two", "--overlay", tmp_path / "out",
               "--backend", "fake")  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("one", "two"):
        drawn = cv2.imread(str(tmp_path / "out" / name / "x.png"))
        original = cv2.imread(str(tmp_path / name / "x.jpg"))
        assert drawn is not None
        assert np.abs(drawn.astype(int) - original).max() > 100


@pytest.mark.parametrize("kind", ["empty", "truncated", "text", "missing", "folder", "directory"])
def test_bad_inputs_are_named_and_the_rest_goes_on(tmp_path: Path, kind: str) -> None:
    """One bad file in a thousand must neither end the run nor go unnoticed."""
    bad = tmp_path / "bad.jpg"
    good = save(tmp_path / "good.jpg", frame((300, 200)))
    if kind == "empty":
        bad.touch()
    elif kind == "truncated":
        bad.write_bytes(good.read_bytes()[:600])
    elif kind == "text":
        bad.write_text("not a picture\n")
    elif kind == "folder":
        bad.mkdir()
    elif kind == "directory":
        bad = tmp_path / "no" / "such" / "dir"
    done = run("track", bad, good, "--json", "-", "--backend", "fake")
    assert done.returncode == 1
    assert str(bad) in one_line(done.stderr)
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("kind", ["one pixel", "grey", "16 bit", "rgba", "8000 pixels"])
def test_odd_images_are_images(tmp_path: Path, kind: str) -> None:
    """Whatever a camera or an editor writes is read."""
    picture = frame((300, 200))
    images: dict[str, NDArray[Any]] = {
        "one pixel": picture[:1, :1],
        "grey": picture[:, :, 0],
        "16 bit": picture.astype(np.uint16) * 257,
        "rgba": cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA),
        "8000 pixels": cv2.resize(picture, (8000, 6000), interpolation=cv2.INTER_NEAREST),
    }
    image = images[kind]
    path = save(tmp_path / "odd.png", image)
    done = run("track", path, "--json", "-", "--backend", "fake")
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    assert (line["width"], line["height"]) == (image.shape[1], image.shape[0])
    assert len(line["hands"]) == (0 if kind == "one pixel" else 1)


def test_folder_with_other_files(tmp_path: Path) -> None:
    """A holiday folder has more in it than pictures."""
    save(tmp_path / "a.jpg", frame((300, 200)))
    (tmp_path / "notes.txt").write_text("hello")
    done = run("track", tmp_path, "--backend", "fake")
    assert done.returncode == 0
    assert "left out of the folders: 1 .txt" in done.stderr
    assert "right hand 1" in done.stdout


def test_overlay_that_does_not_fit(tmp_path: Path) -> None:
    """A wrong target must be said before the work, not after."""
    a, b = (save(tmp_path / f"{name}.png", frame()) for name in "ab")
    many = run("track", a, b, "--overlay", tmp_path / "out.png", "--backend", "fake")
    assert many.returncode == 2
    assert "one file for 2 inputs: name a folder" in one_line(many.stderr)
    video = run("track", a, "--overlay", tmp_path / "out.mp4", "--backend", "fake")
    assert video.returncode == 2
    assert "kind image needs" in one_line(video.stderr)
    (tmp_path / "file").touch()
    inside = run("track", a, "--overlay", tmp_path / "file" / "out", "--backend", "fake")
    assert inside.returncode == 2
    assert "name a folder that can be written" in one_line(inside.stderr)


def test_damaged_model_is_one_line(tmp_path: Path) -> None:
    """A worn-out card shows itself as a message, not as wrong hands."""
    folder = tmp_path / "models"
    store = ModelStore()
    shutil.copytree(store.folder, folder)
    spec = store.find("hand_landmark", "full", "auto", "cpu")
    data = bytearray((folder / spec.file).read_bytes())
    data[1000] ^= 1
    (folder / spec.file).write_bytes(data)
    env = {"EDGEHANDS_MODELS": str(folder)}
    picture = save(tmp_path / "a.png", frame())
    tracked = run("track", picture, env=env)
    assert tracked.returncode == 1
    assert "the file is damaged" in one_line(tracked.stderr)
    listed = run("models", "--json", env=env)
    assert listed.returncode == 1
    faults = [m["file"] for m in json.loads(listed.stdout)["models"] if m["error"]]
    assert faults == [spec.file]


def test_models_are_listed() -> None:
    """The manifest's defaults can be read by a program."""
    done = run("models", "--json")
    assert done.returncode == 0
    models = json.loads(done.stdout)["models"]
    assert sum("cpu" in m["default_for"] for m in models) == 4
    lines = run("models", env={"COLUMNS": "80"}).stdout.splitlines()
    for model in models:
        (line,) = (line for line in lines if line.startswith(model["file"]))
        assert line.split()[-1] == "good"


def test_bench_measures(tmp_path: Path) -> None:
    """The figures of a report must be there and must be of this run."""
    # A hand that moves: one that stands still isn't read again.
    for number in range(4):
        save(tmp_path / f"{number}.png", frame((300 + 8 * number, 200)))
    done = run("bench", f"dir:{tmp_path}", "--frames", "20", "--backend", "fake", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["frames"] == 20
    assert report["with_hands"] == 1
    assert 0 < report["palm_share"] < 1
    assert set(report["stages"]) == {"palm", "landmarks", "outside", "track", "encode"}
    assert report["stages"]["track"]["p95"] >= report["stages"]["track"]["p50"] > 0
    assert report["peak_mb"] > 10
    missing = run("bench", "file:nothing.mp4")
    assert missing.returncode == 1
    assert "nothing.mp4" in one_line(missing.stderr)


def test_check_shows_and_refuses(tmp_path: Path) -> None:
    """A typing error in the one text file must be found before the service is."""
    good = tmp_path / "good.toml"
    good.write_text('[mqtt]\nurl = "mqtt://broker"\npassword = "hunter2"\n')
    done = run("check", "--config", good)
    assert done.returncode == 0, done.stderr
    assert "mqtt://broker" in done.stdout
    assert "hunter2" not in done.stdout
    bad = tmp_path / "bad.toml"
    bad.write_text("[tracking]\nmax_hand = 3\n")
    refused = run("check", "--config", bad)
    assert refused.returncode == 2
    assert "max_hands" in one_line(refused.stderr)


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    """`edgehands track … | head -1` must end quietly."""
    save(tmp_path / "a.png", frame((300, 200)))
    words = [sys.executable, "-c", "from edgehands.cli import main; main()", "track",
             *[str(tmp_path / "a.png")] * 60, "--json", "-", "--backend", "fake"]  # fmt: skip
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_service_carries_no_tables_and_no_web_server() -> None:
    """The process that runs for years must not hold what only people's terminals need."""
    code = (
        "import sys, edgehands.service.__main__\n"
        "print([m for m in ('typer', 'rich', 'click', 'starlette', 'uvicorn', 'amqtt')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_check_names_every_mistake(tmp_path: Path) -> None:
    """Without it: README would promise what the command doesn't do."""
    file = tmp_path / "edgehands.toml"
    file.write_text("[tracking]\nmax_hands = 12\n[camra]\n")
    done = run("check", "--config", file)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert "tracking.max_hands = 12" in lines[0]
    assert "unknown table camra" in lines[1]
