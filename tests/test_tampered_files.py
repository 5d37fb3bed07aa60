"""Model files and taught gestures that somebody else has written: refused in one line, at once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgehands import HandTracker, TrackingConfig
from edgehands.config import MqttConfig
from edgehands.errors import BrokerError, GestureError, ModelCorrupt, ModelNotFound
from edgehands.gestures.library import GestureLibrary
from edgehands.gestures.taught_file import MAX_GESTURES, read_gestures
from edgehands.model_store import ModelStore
from edgehands.mqtt.broker.credentials import password_of
from tests.hands import open_hand
from tests.test_cli import one_line, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PIECES = (
    *(b"null", b"[", b"]", b'"', b"1e999", b"-1", b"\xff", b"9" * 5000, b'"\\ud800"', b"[]", b"{}"),
    *(b"0", b'"../x"', b"[" * 4000, b'"\\u0000"', b'"/dev/zero"', b'""', b"true"),
)


def damaged(random: Random, raw: bytes) -> bytes:
    """A JSON file with a value or two replaced."""
    for _ in range(random.randint(1, 2)):
        places = list(re.finditer(rb'"[^"]*"|-?\d[\d.e-]*|\[|\]', raw))
        place = random.choice(places)
        raw = raw[: place.start()] + random.choice(_PIECES) + raw[place.end() :]
    return raw


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with the released models, to be tampered with."""
    folder = tmp_path / "models"
    folder.mkdir()
    for file in ModelStore().folder.iterdir():
        if file.suffix in {".json", ".tflite"}:
            (folder / file.name).symlink_to(file)
    (folder / "manifest.json").unlink()
    shutil.copy(ModelStore().folder / "manifest.json", folder)
    return folder


def test_any_damage_to_the_manifest_is_refused_or_harmless(models: Path) -> None:
    """A manifest nested too deeply, or a NUL in a name, ended in a traceback."""
    manifest = models / "manifest.json"
    raw = manifest.read_bytes()
    random = Random(3)  # noqa: S311
    refused = 0
    for _ in range(400):
        manifest.write_bytes(damaged(random, raw))
        try:
            store = ModelStore(models)
            for task in ("palm_detection", "hand_landmark"):
                spec = store.find(task, "lite", "auto", "cpu")
                assert store.verify(spec).parent == models
        except (ModelCorrupt, ModelNotFound) as error:
            refused += 1
            assert str(error).isprintable()  # noqa: PT017 - both outcomes are right
    assert refused > 100


def test_a_manifest_names_no_file_elsewhere(models: Path) -> None:
    """A path in it would have any file of the system read, or /dev/zero without end."""
    manifest = models / "manifest.json"
    known = json.loads(manifest.read_text())
    for name in ("/dev/zero", "../models/x.tflite", "..", "", "pipe"):
        os.mkfifo(models / "pipe") if name == "pipe" else None
        known["models"][0]["file"] = name
        manifest.write_text(json.dumps(known))
        store = ModelStore(models)
        with pytest.raises((ModelCorrupt, ModelNotFound)):
            store.verify(next(iter(store)))


@pytest.mark.parametrize("damage", ["cut", "bits", "empty", "other"])
def test_a_damaged_model_is_named_even_where_its_sum_was_changed_too(
    models: Path, damage: str
) -> None:
    """Whoever swaps a model must be told which; a tracker that sees nonsense says nothing."""
    manifest = models / "manifest.json"
    known = json.loads(manifest.read_text())
    wanted = ModelStore(models).find("hand_landmark", "lite", "auto", "cpu")
    spec = next(s for s in known["models"] if s["file"] == wanted.file)
    file = models / wanted.file
    raw = bytearray(file.read_bytes())
    match damage:
        case "cut":
            raw = raw[: len(raw) // 2]
        case "bits":
            raw[4:8] = b"XXXX"  # its magic number
        case "empty":
            raw.clear()
        case _:
            other = ModelStore(models).find("palm_detection", "lite", "auto", "cpu")
            raw[:] = (models / other.file).read_bytes()
    file.unlink()
    file.write_bytes(raw)
    config = TrackingConfig(model="lite", backend="cpu")
    with pytest.raises(ModelCorrupt, match=re.escape(wanted.file)):
        HandTracker(config, store=ModelStore(models))
    spec["sha256"] = hashlib.sha256(raw).hexdigest()
    manifest.write_text(json.dumps(known))
    with pytest.raises(ModelCorrupt, match=re.escape(wanted.file)):
        HandTracker(config, store=ModelStore(models))


def taught(count: int = 1, **changes: object) -> bytes:
    """A file of taught gestures."""
    points = np.round(open_hand() * 100 - open_hand()[0] * 100, 1).tolist()
    gestures = [
        {"name": f"mine{i}", "taught": "2026-01-31", "examples": [points] * 3, **changes}
        for i in range(count)
    ]
    file = {"format": "edgehands taught gestures", "version": 1, "gestures": gestures}
    return json.dumps(file).encode()


def test_any_damage_to_taught_gestures_is_refused_or_harmless(tmp_path: Path) -> None:
    """A file of the service's own must not end the service, whoever wrote it."""
    path = tmp_path / "taught.json"
    random = Random(4)  # noqa: S311
    path.write_bytes(taught())
    assert len(read_gestures(path)) == 1
    refused = 0
    for _ in range(400):
        path.write_bytes(damaged(random, taught()))
        try:
            library = GestureLibrary(path)
            assert np.isfinite(library.taught.distances(np.zeros(60, np.float32))).all()
        except GestureError as error:
            refused += 1
            assert str(error).isprintable()  # noqa: PT017 - both outcomes are right
    assert refused > 200


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: taught(MAX_GESTURES + 1), "201 gestures"),
        (lambda: taught(taught="\x1b[2J"), "is no day"),
        (lambda: taught(taught="x" * 10_000), "is no day"),
        (lambda: taught(name="fist"), "built in"),
        (lambda: taught(name="\x1b]0;x"), "gesture name"),
        (lambda: b"[" * 100_000, "damaged"),
        (lambda: b" " * 25_000_000, "damaged"),
    ],
)
def test_what_no_teaching_writes_is_refused(
    content: Callable[[], bytes], said: str, tmp_path: Path
) -> None:
    """Thousands of gestures would slow each frame; a day could hold a terminal's orders."""
    path = tmp_path / "taught.json"
    path.write_bytes(content())
    with pytest.raises(GestureError, match=said) as caught:
        read_gestures(path)
    assert str(caught.value).isprintable()


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """The service waited for ever for a pipe in the place of a password or of gestures."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(GestureError, match="no regular file"):
        read_gestures(pipe)
    with pytest.raises(BrokerError, match="no regular file"):
        password_of(MqttConfig(password_file=str(pipe)))


HOSTILE_NAMES = (
    *("", " ", "../x", "/etc/passwd", "a/b", "A", "é", "x" * 33, "-x", "_x", "none", "fist"),
    *(
        "\x1b[2J",
        "a\nb",
        "a\x00b"[:1] + "\u202e",
        "[red]x[/]",
        "$(id)",
        "\ud800",
        "..",
        "con.",
        "a b",
    ),
)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_gesture_s_name_is_plain_or_refused(name: str, tmp_path: Path) -> None:
    """A name becomes a topic's payload, a file's key and a line on terminals."""
    library = GestureLibrary(tmp_path / "taught.json")
    for attempt in (lambda: library.check(name), lambda: library.teach(name, ())):
        with pytest.raises(GestureError) as caught:
            attempt()
        assert str(caught.value).isprintable()
    with pytest.raises(GestureError):
        library.remove(name)
    assert list(tmp_path.iterdir()) == []


def test_hostile_names_on_the_command_line_are_one_line(tmp_path: Path) -> None:
    """Brackets in a file's name were taken for rich's markup, and ended in a traceback."""
    file = tmp_path / "[red]x[" / "bold] x.json"
    file.parent.mkdir()
    file.write_bytes(taught())
    done = run("gestures", "list", "--file", file)
    assert done.returncode == 0, done.stderr
    assert "mine0" in done.stdout
    done = run("gestures", "remove", "\x1b[2J[/x]", "--file", file)
    assert done.returncode == 1
    assert one_line(done.stderr).isprintable()
    (tmp_path / "[").mkdir()
    done = run("gestures", "export", tmp_path / "[" / "y].json", "--file", file)
    assert done.returncode == 0, done.stderr
    assert "[/y].json" in done.stderr.replace("\n", "")
