"""Gestures as users meet them: in ``track --json``, taught before the camera and over MQTT."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edgehands.synthetic import random_scene, render_scene
from tests.test_cli import one_line, run
from tests.test_service_process import Asker, service
from tools.common.mosquitto import Listener, Mosquitto
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = (71, 72, 74, 75, 76)
"""Scenes in which the hand is found and its shape is read."""


def film_of(path: Path, shape: str, *, hold: int = 24) -> Path:
    """A film in which five people hold a shape into the camera, one after the other.

    Between two of them the picture is empty: a hand doesn't turn into another one in mid-air.
    """
    nobody = np.full((480, 640, 3), 110, np.uint8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (640, 480))
    for seed in SEEDS:
        image = render_scene(random_scene(seed, gesture=shape, view="palm")).image
        for _ in range(hold):
            writer.write(image[..., ::-1])
        for _ in range(8):
            writer.write(nobody)
    writer.release()
    return path


@pytest.fixture(scope="module")
def rock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film of a rock sign."""
    return film_of(tmp_path_factory.mktemp("films") / "rock.avi", "rock")


def hands_in(stdout: str) -> list[dict[str, Any]]:
    """All hands of JSON lines."""
    return [hand for line in stdout.splitlines() for hand in json.loads(line)["hands"]]


def test_track_says_gesture_and_pose_as_mqtt_does(rock: Path, tmp_path: Path) -> None:
    """A program that was made with files must work unchanged with what a device publishes."""
    picture = tmp_path / "victory.png"
    image = render_scene(random_scene(71, gesture="victory", view="palm")).image
    cv2.imwrite(str(picture), image[..., ::-1])
    (hand,) = hands_in(run("track", picture, "--json", "-").stdout)
    assert hand["gesture"]["name"] == "victory"
    assert 0.5 < hand["gesture"]["score"] <= 1.0
    assert set(hand["pose"]) == {
        *("wrist", "palm", "quaternion", "palm_normal", "pointing", "confidence")
    }
    assert 0.1 < hand["pose"]["wrist"][2] < 3.0
    followed = hands_in(run("track", rock, "--json", "-").stdout)
    named = [hand["gesture"]["name"] for hand in followed]
    # As in a device's stream a shape counts from its third frame on.
    assert named[0] == "none"
    assert named.count("rock") > 0.8 * len(named)


def test_gestures_and_pose_are_switched_off_apart(tmp_path: Path) -> None:
    """Users who need only landmarks must not pay for more, nor receive it."""
    picture = tmp_path / "victory.png"
    image = render_scene(random_scene(71, gesture="victory", view="palm")).image
    cv2.imwrite(str(picture), image[..., ::-1])
    for off, kept in (("GESTURES", "pose"), ("POSE", "gesture")):
        env = {f"EDGEHANDS_{off}__ENABLED": "false"}
        (hand,) = hands_in(run("track", picture, "--json", "-", env=env).stdout)
        assert {"gesture", "pose"} & set(hand) == {kept}


def test_a_shape_is_taught_before_the_camera(rock: Path, tmp_path: Path) -> None:
    """The owner holds a hand into the camera five times, and the sign has a name."""
    taught = tmp_path / "taught.json"
    done = run("gestures", "teach", "my_rock", "--source", f"file:{rock}", "--file", taught)
    assert done.returncode == 0, done.stderr
    assert "5 of 5" in done.stderr
    (gesture,) = json.loads(run("gestures", "list", "--file", taught, "--json").stdout)["gestures"]
    assert (gesture["name"], gesture["examples"]) == ("my_rock", 5)
    env = {"EDGEHANDS_GESTURES__TAUGHT_FILE": str(taught)}
    named = [
        hand["gesture"]["name"]
        for hand in hands_in(run("track", rock, "--json", "-", env=env).stdout)
    ]
    assert named.count("my_rock") > 0.8 * len(named)


def test_a_camera_that_shows_too_little_says_so_in_one_line(tmp_path: Path) -> None:
    """Half a lesson must not be kept as a whole one."""
    short = film_of(tmp_path / "short.avi", "rock", hold=2)
    taught = tmp_path / "taught.json"
    done = run("gestures", "teach", "my_rock", "--source", f"file:{short}", "--file", taught)
    assert done.returncode == 1
    assert "of 5" not in one_line(done.stderr)
    assert "examples found, 5 are wanted" in one_line(done.stderr)
    assert not taught.exists()


@pytest.mark.broker
def test_a_shape_is_taught_over_mqtt_while_the_service_runs(
    broker: Mosquitto, rock: Path, tmp_path: Path
) -> None:
    """The device hangs under a ceiling: its owner teaches it from a phone."""
    log = tmp_path / "log"
    env = {
        "EDGEHANDS_NODE__NAME": "pi",
        "EDGEHANDS_CAMERA__LOOP": "true",
        "EDGEHANDS_TRACKING__BACKEND": "cpu",
        "STATE_DIRECTORY": str(tmp_path),
    }
    arguments = ("--source", f"file:{rock}", "--mqtt", broker.url)
    with Listener(broker.port) as listener, service(*arguments, log=log, **env):
        assert wait_for(lambda: listener.on("/hands"), 20), log.read_text()
        asker = Asker(broker, listener)
        answer = asker.ask("gestures", 20, action="teach", name="my_rock")
        assert answer["status"] == "ok", answer
        assert answer["data"]["examples"] == 5
        assert wait_for(
            lambda: any(b"my_rock" in listener.on(f"gesture/{side}") for side in ("left", "right")),
            10,
        ), log.read_text()
        listed = asker.ask("gestures", action="list")["data"]["gestures"]
        assert [(g["name"], g["examples"]) for g in listed] == [("my_rock", 5)]
        refused = asker.ask("gestures", 2, action="teach", name="my_rock")
        assert "taught already" in refused["error"]
        assert asker.ask("gestures", action="remove", name="my_rock")["status"] == "ok"
    library = json.loads((tmp_path / "taught_gestures.json").read_text())
    assert library["gestures"] == []
