"""A real Home Assistant finds the device, shows what it sees, switches it, and forgets it."""

from __future__ import annotations

import json
import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from paho.mqtt import publish

from edgehands.gestures.static import GESTURES
from edgehands.mqtt.contract.messages import EventMessage, encode
from edgehands.mqtt.homeassistant.entities import MOVEMENTS
from tests.chromium import ARGUMENTS, CHROMIUM
from tests.test_cli import run
from tests.test_service_process import service
from tools.common.mosquitto import PROGRAM as BROKER
from tools.common.mosquitto import Listener, Mosquitto
from tools.common.waiting import wait_for

pytest.importorskip("websockets", reason="websockets isn't installed: edgehands[preview]")

from tests.home_assistant import PROGRAM, HomeAssistant, Talk

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

pytestmark = [pytest.mark.broker, pytest.mark.home_assistant]

ROOT = Path(__file__).resolve().parents[1]
PREFIX = "edgehands_kitchen"
OCCUPANCY = f"binary_sensor.{PREFIX}_hand"
COUNT = f"sensor.{PREFIX}_hands"
LEFT, RIGHT = f"sensor.{PREFIX}_gesture_left", f"sensor.{PREFIX}_gesture_right"
EVENT = f"event.{PREFIX}_event"
SWITCH = f"switch.{PREFIX}_tracking"
FPS = f"sensor.{PREFIX}_frame_rate"
LATENCY = f"sensor.{PREFIX}_latency"
TEMPERATURE = f"sensor.{PREFIX}_processor_temperature"
PROBLEM = f"binary_sensor.{PREFIX}_camera_problem"
HANDS_NUMBER, RATE_NUMBER = f"number.{PREFIX}_most_hands", f"number.{PREFIX}_rate_limit"
SMOOTHING = f"switch.{PREFIX}_smoothing"
MODEL, PRECISION = f"select.{PREFIX}_model", f"select.{PREFIX}_precision"
RESTART = f"button.{PREFIX}_restart_camera"
TAKE_PICTURE, PICTURE = f"button.{PREFIX}_take_a_picture", f"image.{PREFIX}_picture"
SETTINGS = {HANDS_NUMBER, RATE_NUMBER, SMOOTHING, MODEL, PRECISION, RESTART}
ENTITIES = {
    *(OCCUPANCY, COUNT, LEFT, RIGHT, EVENT, SWITCH, FPS, LATENCY, TEMPERATURE, PROBLEM),
    *SETTINGS,
    *(TAKE_PICTURE, PICTURE),
}
OF_THE_CAMERA = {OCCUPANCY, COUNT, LEFT, RIGHT, EVENT}

PAGE = "http://kitchen.local:8765"

LOOP_S = 240.0
"""The demo's clip takes 26 s: a hand comes, makes gestures and goes. A busy machine tracks too few
frames of it to name each gesture, so it may play some times."""

PATIENCE_S = 20.0
"""Home Assistant on a busy machine."""


FROM_BLUEPRINTS = f"""
alias: From the gesture blueprint
use_blueprint:
  path: edgehands/gesture_action.yaml
  input:
    gesture_sensor: {RIGHT}
    gesture: open_palm
    when_shown:
      - event: edgehands_test
---
alias: From the swipe blueprint
use_blueprint:
  path: edgehands/swipe_dim.yaml
  input:
    hand_events: {EVENT}
    light:
      entity_id: light.kitchen
"""
"""One YAML document for each automation."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """One broker for all tests of this file."""
    assert BROKER is not None, "mosquitto is not installed: apt-get install mosquitto"
    with Mosquitto(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture(scope="module")
def home(broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAssistant]:
    """One Home Assistant, connected to the broker."""
    assert PROGRAM.exists(), "Home Assistant isn't installed: scripts/test --home-assistant"
    guide = (ROOT / "docs" / "home-assistant.md").read_text()
    automation = guide.partition("```yaml\n")[2].partition("```")[0]
    blueprints = ROOT / "examples" / "home-assistant"
    with HomeAssistant(
        tmp_path_factory.mktemp("home"), automation, FROM_BLUEPRINTS, blueprints=blueprints
    ) as home:
        home.add_broker(broker.port)
        yield home


class Node:
    """The service on the demo's clip: started, killed, started again."""

    def __init__(self, broker: Mosquitto, folder: Path) -> None:
        self._broker, self._log, self._state = broker, folder / "log", folder / "state"
        self._stack = ExitStack()

    def start(self) -> subprocess.Popen[bytes]:
        """Start it; the models are real."""
        env = {
            # What is set here must not change the next test, nor the settings of who runs it.
            "STATE_DIRECTORY": str(self._state),
            "EDGEHANDS_NODE__NAME": "kitchen",
            "EDGEHANDS_CAMERA__LOOP": "true",
            "EDGEHANDS_CAMERA__FPS": "15",
            "EDGEHANDS_TRACKING__BACKEND": "cpu",
            "EDGEHANDS_TRACKING__MODEL": "lite",
            "EDGEHANDS_PREVIEW__IMAGES": "true",
            "EDGEHANDS_PREVIEW__URL": PAGE,
        }
        arguments = ("--source", "demo:", "--mqtt", self._broker.url)
        return self._stack.enter_context(service(*arguments, log=self._log, **env))

    def end(self) -> None:
        """Kill it, if it still runs."""
        self._stack.close()


@pytest.fixture
def node(broker: Mosquitto, home: HomeAssistant, tmp_path: Path) -> Iterator[Node]:
    """A running node that Home Assistant has found."""
    node = Node(broker, tmp_path)
    node.start()
    try:
        assert wait_for(lambda: home.state(FPS) not in {"", "unknown", "unavailable"}, 60), (
            home.log.read_text()
        )
        yield node
    finally:
        node.end()


@pytest.fixture
def talk(home: HomeAssistant) -> Iterator[Talk]:
    """A conversation with Home Assistant."""
    with home.listen() as talk:
        yield talk


def devices(talk: Talk) -> list[dict[str, Any]]:
    """What Home Assistant has in its register of devices of ours."""
    found = talk.ask("config/device_registry/list")
    return [device for device in found if device["manufacturer"] == "edgehands"]


def test_every_entity_is_there_and_says_what_it_is(
    home: HomeAssistant, node: Node, talk: Talk
) -> None:
    """Without it: the device would be missing, nameless, or without its entities."""
    (device,) = devices(talk)
    assert (device["name"], device["model"]) == ("edgehands kitchen", "Hand tracker")
    registered = {
        entity["entity_id"]: entity
        for entity in talk.ask("config/entity_registry/list")
        if entity["device_id"] == device["id"]
    }
    assert set(registered) == ENTITIES
    diagnostic = {name for name, entity in registered.items() if entity["entity_category"]}
    assert diagnostic == {FPS, LATENCY, TEMPERATURE, PROBLEM, *SETTINGS}
    assert device["configuration_url"] == PAGE
    states = home.states()
    assert states[OCCUPANCY]["attributes"]["device_class"] == "occupancy"
    assert float(states[FPS]["state"]) > 1
    assert states[FPS]["attributes"]["unit_of_measurement"] == "fps"
    assert float(states[LATENCY]["state"]) > 0
    assert states[LATENCY]["attributes"]["unit_of_measurement"] == "ms"
    assert states[TEMPERATURE]["attributes"]["unit_of_measurement"] == "°C"
    # A PC in a test may have no thermometer.
    assert re.fullmatch(r"[0-9.]+|unknown", states[TEMPERATURE]["state"])


def test_states_follow_what_is_seen(home: HomeAssistant, node: Node, talk: Talk) -> None:
    """Without it: a lamp that should follow a hand would stay as it is."""
    gestures = {LEFT: set[str](), RIGHT: set[str]()}

    def all_seen() -> bool:
        for side, names in gestures.items():
            names.update(talk.seen(side))
        named = (gestures[LEFT] | gestures[RIGHT]) - {"none"}
        return {"on", "off"} <= set(talk.seen(OCCUPANCY)) and len(named) >= 2

    assert wait_for(all_seen, LOOP_S), (gestures, talk.seen(OCCUPANCY))
    assert {"0", "1"} <= set(talk.seen(COUNT))

    def kinds() -> set[str]:
        events = [change for change in list(talk.changes) if change.entity == EVENT]
        assert all(isinstance(change.attributes["hand_id"], int) for change in events)
        return {change.attributes["event_type"] for change in events}

    assert wait_for(lambda: {"hand_appeared", "hand_lost", "gesture_started"} <= kinds(), LOOP_S)


def test_the_switch_switches(
    broker: Mosquitto, home: HomeAssistant, node: Node, talk: Talk
) -> None:
    """Without it: users couldn't stop the camera from Home Assistant."""
    with Listener(broker.port) as listener:
        assert home.state(SWITCH) == "on"
        home.call("switch", "turn_off", SWITCH)
        assert wait_for(lambda: listener.last("main/enabled") == b"OFF", PATIENCE_S)
        assert wait_for(lambda: listener.last("main/status") == b"disabled", PATIENCE_S)
        assert wait_for(lambda: home.state(SWITCH) == "off", PATIENCE_S)
        assert wait_for(lambda: home.state(OCCUPANCY) == "unavailable", PATIENCE_S)
        assert float(home.state(FPS)) >= 0  # the device itself is still there
        home.call("switch", "turn_on", SWITCH)
        assert wait_for(lambda: listener.last("main/enabled") == b"ON", PATIENCE_S)
        assert wait_for(lambda: home.state(OCCUPANCY) in {"on", "off"}, PATIENCE_S)


def test_settings_can_be_set_and_buttons_pressed(
    broker: Mosquitto, home: HomeAssistant, node: Node
) -> None:
    """Without it: numbers, lists and buttons would be there and do nothing."""
    assert wait_for(lambda: home.state(HANDS_NUMBER) == "2", PATIENCE_S)
    with Listener(broker.port) as listener:

        def setting(name: str) -> object:
            return json.loads(listener.last("main/settings") or b"{}").get(name)

        home.call("number", "set_value", HANDS_NUMBER, value=1)
        assert wait_for(lambda: home.state(HANDS_NUMBER) == "1", PATIENCE_S)
        assert wait_for(lambda: setting("max_hands") == 1, PATIENCE_S)
        home.call("number", "set_value", RATE_NUMBER, value=15)
        assert wait_for(lambda: float(home.state(RATE_NUMBER)) == 15, PATIENCE_S)
        home.call("switch", "turn_off", SMOOTHING)
        assert wait_for(lambda: home.state(SMOOTHING) == "off", PATIENCE_S)
        assert home.states()[MODEL]["attributes"]["options"] == ["lite", "full"]
        home.call("select", "select_option", MODEL, option="full")
        assert wait_for(lambda: home.state(MODEL) == "full", PATIENCE_S)
        assert wait_for(lambda: setting("model") == "full", PATIENCE_S)
        home.call("select", "select_option", PRECISION, option="float")
        assert wait_for(lambda: home.state(PRECISION) == "float", PATIENCE_S)
        home.call("button", "press", RESTART)
        assert wait_for(lambda: listener.on("response/restart_camera"), PATIENCE_S)
        before = home.state(PICTURE)
        home.call("button", "press", TAKE_PICTURE)
        assert wait_for(lambda: home.state(PICTURE) not in {before, "unknown"}, PATIENCE_S)


def test_gestures_and_movements_are_triggers_of_the_device(
    home: HomeAssistant, node: Node, talk: Talk
) -> None:
    """Without it: who clicks an automation together would have to write a template."""
    (device,) = devices(talk)
    triggers = talk.ask("device_automation/trigger/list", device_id=device["id"])
    ours = {(t["type"], t["subtype"]) for t in triggers if t["domain"] == "mqtt"}
    assert {("gesture", "thumbs_up"), ("movement", "swipe_left")} <= ours
    assert len(ours) == len(GESTURES) + len(MOVEMENTS)
    (palm,) = [t for t in triggers if t.get("subtype") == "open_palm"]
    # As its dialogue does: what it lists as "platform" is written as "trigger".
    trigger = {key: palm[key] for key in palm if key not in {"platform", "metadata"}}
    trigger["trigger"] = palm.get("platform", "device")
    home.post(
        "/api/config/automation/config/1",
        {"alias": "By the device", "triggers": [trigger], "actions": [{"event": "edgehands_test"}]},
    )
    name = "automation.by_the_device"
    assert wait_for(lambda: home.state(name) == "on", PATIENCE_S)
    assert wait_for(lambda: home.states()[name]["attributes"]["last_triggered"], LOOP_S)


def test_a_node_that_dies_is_shown_so_and_comes_back(home: HomeAssistant, node: Node) -> None:
    """Without it: a dead device would go on saying that a hand is there."""
    node.end()
    assert wait_for(
        lambda: {home.state(entity) for entity in ENTITIES} == {"unavailable"}, PATIENCE_S
    )
    node.start()
    assert wait_for(lambda: home.state(OCCUPANCY) in {"on", "off"}, 60)
    assert wait_for(lambda: home.state(SWITCH) == "on", PATIENCE_S)


def test_a_restart_of_home_assistant_changes_nothing(
    broker: Mosquitto, home: HomeAssistant, node: Node
) -> None:
    """Without it: after an update of Home Assistant the device could be missing."""
    with Listener(broker.port) as listener:
        home.stop()
        before = len(listener.on("edgehands-kitchen/config"))
        assert before == 1  # the retained one
        home.start()
        assert wait_for(lambda: b"online" in listener.on("homeassistant/status"), 30)
        # Sent again in answer to its birth message.
        assert wait_for(lambda: len(listener.on("edgehands-kitchen/config")) == 2, PATIENCE_S)
    assert wait_for(lambda: home.state(OCCUPANCY) in {"on", "off"}, PATIENCE_S)
    assert wait_for(lambda: home.state(FPS) not in {"unknown", "unavailable"}, PATIENCE_S)
    with home.listen() as talk:
        assert len(devices(talk)) == 1


AUTOMATIONS = (
    "automation.lamp_on_by_a_swipe",
    "automation.from_the_gesture_blueprint",
    "automation.from_the_swipe_blueprint",
)


@pytest.mark.parametrize("name", AUTOMATIONS)
def test_automations_of_the_guide_run(
    broker: Mosquitto, home: HomeAssistant, node: Node, name: str
) -> None:
    """Without it: for users who copy one, swipes wouldn't work."""
    assert home.state(name) == "on"
    # The film shows gestures, but nobody in it swipes as somebody does who means it.
    swipe = EventMessage(event_type="swipe_right", hand_id=1, id="test-1", t=1.0)
    topic = "edgehands/kitchen/camera/main/event"
    publish.single(topic, encode(swipe), qos=1, hostname="127.0.0.1", port=broker.port)
    assert wait_for(lambda: home.states()[name]["attributes"]["last_triggered"], LOOP_S)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
def test_its_page_shows_the_device(home: HomeAssistant, node: Node, talk: Talk) -> None:
    """Without it: what the API says might not be what a person sees.

    With EDGEHANDS_SCREENSHOT=FILE.png the picture is kept.
    """
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    (device,) = devices(talk)
    assert wait_for(lambda: home.state(OCCUPANCY) == "on", LOOP_S)
    tokens = {**home.tokens, "hassUrl": home.url, "clientId": f"{home.url}/", "expires": 2**53}
    with sync_playwright() as runtime:
        arguments = [*ARGUMENTS]
        browser = runtime.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 1180})
        page.set_default_timeout(60_000)
        page.add_init_script(
            f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))});"
        )
        page.goto(f"{home.url}/config/devices/device/{device['id']}")
        page.get_by_text("Processor temperature").first.wait_for()
        page.get_by_text("Gesture right").first.wait_for()
        page.get_by_text("Detected").first.wait_for()
        page.get_by_text("open_palm").first.wait_for(timeout=LOOP_S * 1000)
        if kept := os.environ.get("EDGEHANDS_SCREENSHOT"):
            page.screenshot(path=kept)
        browser.close()


def test_the_command_takes_the_device_away(
    broker: Mosquitto, home: HomeAssistant, node: Node, talk: Talk
) -> None:
    """Without it: a discarded device would stay in Home Assistant forever."""
    node.end()
    assert len(devices(talk)) == 1
    done = run("homeassistant", "remove", "--mqtt", broker.url, "--node", "kitchen")
    assert done.returncode == 0, done.stderr
    assert wait_for(lambda: not devices(talk), PATIENCE_S)
    assert not ENTITIES & set(home.states())


def test_home_assistant_complains_of_nothing(home: HomeAssistant) -> None:
    """Without it: its log would tell every owner that the device does something wrong."""
    wrong = [
        line
        for line in home.log.read_text().splitlines()
        if re.search(r"WARNING|ERROR", line) and re.search(r"mqtt|edgehands", line)
    ]
    assert not wrong
