"""The configuration file: precedence, and error messages."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Protocol

import pytest

from edgehands.config import (
    DEFAULT_PATHS,
    CameraConfig,
    Config,
    MqttConfig,
    NodeConfig,
    Secret,
    TrackingConfig,
    digest,
    explain,
    load,
    load_with_origins,
    paths_for,
)
from edgehands.errors import ConfigError


class Writer(Protocol):
    """Writes a configuration file and gives its path."""

    def __call__(self, text: str, name: str = "edgehands.toml") -> Path:  # noqa: D102
        ...


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """A writer into the test's own folder."""

    def writer(text: str, name: str = "edgehands.toml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return writer


def test_without_any_file_the_defaults_hold() -> None:
    """Without it: a fresh installation would not start."""
    config = load([], env={})
    assert config == Config()
    assert config.node.name
    assert config.mqtt.url == "mqtt://localhost:1883"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tracking]\nmax_hands = inf\n", "max_hands = inf is outside 1 to 8"),
        ("[tracking]\nmax_hands = nan\n", "max_hands = nan is outside 1 to 8"),
        (f"[tracking]\nmax_hands = {10**400}\n", "is outside 1 to 8"),
        ('[tracking]\nmodel = "a\\nb"\n', r'model = "a\nb" is not one of'),
        ('[tracking]\n"a\\nb" = 1\n', r"unknown key tracking.a\nb"),
        (f"[{'x' * 100_000}]\na = 1\n", "unknown table xxx"),
    ],
)
def test_strange_values_are_named_in_one_line(write: Writer, text: str, said: str) -> None:
    """Without it: a slip of the finger would end in a traceback, or in pages of text."""
    with pytest.raises(ConfigError) as raised:
        load([write(text)], env={})
    line = str(raised.value)
    assert said in line
    assert line.isprintable()
    assert len(line) <= 1003


def test_later_places_win_key_by_key(write: Writer) -> None:
    """Without it: the file on the card would wipe out what the image maker set."""
    first = write('[tracking]\nmax_hands = 1\nmodel = "lite"\n[node]\nname = "a"\n', "1.toml")
    second = write('[tracking]\nmax_hands = 3\n[node]\nname = "b"\n', "2.toml")
    loaded = load_with_origins(
        [first, second],
        env={"EDGEHANDS_TRACKING__MAX_HANDS": "4", "EDGEHANDS_NODE__NAME": "c"},
        options={"node.name": "d", "mqtt.url": None},
    )
    config = loaded.config
    assert (config.tracking.model, config.tracking.max_hands, config.node.name) == ("lite", 4, "d")
    assert loaded.origins == {
        "tracking.model": str(first),
        "tracking.max_hands": "EDGEHANDS_TRACKING__MAX_HANDS",
        "node.name": "option",
    }


def test_the_environment_holds_every_kind_of_value() -> None:
    """Without it: a container could not be configured."""
    config = load(
        [],
        env={
            "EDGEHANDS_TRACKING__SMOOTHING": "false",
            "EDGEHANDS_CAMERA__ROTATION": "180",
            "EDGEHANDS_CAMERA__FPS": "12.5",
            "EDGEHANDS_MQTT__PASSWORD": "0123",
            "EDGEHANDS_MODELS": "/elsewhere",
            "HOME": "/root",
        },
    )
    assert config.tracking.smoothing is False
    assert (config.camera.rotation, config.camera.fps) == (180, 12.5)
    assert config.mqtt.password == Secret("0123")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[tracking]\nmax_hand = 1", 'unknown key tracking.max_hand: did you mean "max_hands"?'),
        ("[traking]\nmax_hands = 1", 'unknown table traking: did you mean "tracking"?'),
        ("[zzz]\n", "unknown table zzz: known are node, camera"),
        ("tracking = 1", "tracking = 1 is not a table: write [tracking]"),
        ("[tracking]\nmax_hands = 9", "tracking.max_hands = 9 is outside 1 to 8: set one"),
        ("[tracking]\nmax_hands = 2.5", "tracking.max_hands = 2.5 is not a whole number"),
        ("[tracking]\nmax_hands = true", "tracking.max_hands = True is not a whole number"),
        ('[tracking]\nmax_hands = "two"', 'tracking.max_hands = "two" is not a whole number'),
        ('[tracking]\nmodel = "huge"', 'tracking.model = "huge" is not one of lite, full'),
        ("[camera]\nrotation = 45", "camera.rotation = 45 is not one of 0, 90, 180, 270"),
        ("[camera]\nfps = nan", "camera.fps = nan is outside 1 to 240"),
        ("[camera]\nsource = 3", "camera.source = 3 is not text in quotes"),
        ('[camera]\nsource = ""', 'camera.source = "" names nothing'),
        ("[tracking]\nsmoothing = 1", "tracking.smoothing = 1 is not true or false"),
        ('[mqtt]\nurl = "http://hub"', "unknown scheme: use mqtt, mqtts (TLS), ws or wss"),
        ('[mqtt]\nurl = "mqtt://hub:99999"', "write mqtt://host:1883"),
        ('[mqtt]\nurl = "mqtt://"', "names no host"),
        ('[mqtt]\nurl = "mqtt://hub/path"', "has a path"),
        ('[mqtt]\nprefix = "a//b"', "can't be part of a topic"),
        ('[node]\nname = "living room"', "can't be part of a topic"),
        ('[node]\nname = "+"', "can't be part of a topic"),
        ('[mqtt]\ntls_ca = "x.crt"', "is not TLS, but mqtt.tls_* settings are given"),
        ('[mqtt]\nurl = "mqtts://h"\ntls_key = "k"', "has no certificate: set mqtt.tls_cert too"),
        ('[mqtt]\npassword = "a"\npassword_file = "b"', "both set, one is allowed"),
        ("[tracking\n", "is not valid TOML"),
        ("[tracking]\nmax_hands = 1\nmax_hands = 2", "is not valid TOML"),
    ],
)
def test_a_mistake_is_named_in_one_line_with_its_file(
    write: Writer, text: str, expected: str
) -> None:
    """Without it: the owner would search the file for what is wrong."""
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load([path], env={})
    message = str(caught.value)
    assert expected in message
    assert "\n" not in message
    assert message.startswith(str(path))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("EDGEHANDS_TRACKING_MAX_HANDS", "1", "write EDGEHANDS_TRACKING__MAX_HANDS"),
        ("EDGEHANDS_TRACKING__MAXHANDS", "1", 'did you mean "max_hands"?'),
        ("EDGEHANDS_TRACKIN__MAX_HANDS", "1", 'did you mean "tracking"?'),
        ("EDGEHANDS_TRACKING__MAX_HANDS", "many", "is not a whole number"),
        ("EDGEHANDS_TRACKING__MAX_HANDS", "99", "is outside 1 to 8"),
        ("EDGEHANDS_CAMERA__ROTATION", "91", "is not one of 0, 90, 180, 270"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    name: str, value: str, expected: str
) -> None:
    """Without it: a typo in a unit file would be ignored in silence."""
    with pytest.raises(ConfigError, match=name) as caught:
        load([], env={name: value})
    assert expected in str(caught.value)


def test_a_file_saved_by_windows_is_read(tmp_path: Path) -> None:
    """Without it: the card edited with Notepad would not start."""
    path = tmp_path / "edgehands.toml"
    path.write_bytes('\ufeff[node]\r\nname = "pi"\r\n'.encode())
    assert load([path], env={}).node.name == "pi"


@pytest.mark.parametrize("raw", [b"\xff\xfe[\x00n\x00", b"\xfe\xff", b"\x80"])
def test_a_file_in_another_encoding_is_named(tmp_path: Path, raw: bytes) -> None:
    """Without it: a traceback would stand where 'save it as UTF-8' helps."""
    path = tmp_path / "edgehands.toml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError, match="not UTF-8"):
        load([path], env={})


def test_a_huge_or_deeply_nested_file_is_refused(write: Writer) -> None:
    """Without it: a wrong file could exhaust a small computer."""
    with pytest.raises(ConfigError, match="larger than 1 MB"):
        load([write("#" * 2_000_000)], env={})
    with pytest.raises(ConfigError):
        load([write("a = " + "[" * 100_000)], env={})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"[camera]\nwidth = {'9' * 5000}\n", "more than 4000 digits"),
        (f"[camera]\nwidth = 0x{'f' * 5000}\n", "more than 4000 digits"),
        (f"[camera]\nwidth = 0x{'f' * 3900}\n", "a number of more than 20 digits is outside"),
        (f"[camera]\nwidth = -{'9' * 300}\n", "a number of more than 20 digits is outside"),
        ("a." * 20_000 + "a = 1\n", "key of more than 16 parts"),
        ("[" + "a." * 20_000 + "a]\n", "key of more than 16 parts"),
        ("[camera]\nx = {" + "a." * 20_000 + "a = 1}\n", "key of more than 16 parts"),
        ('"' + '"."' * 20_000 + '" = 1\n', "key of more than 16 parts"),
        ("a . " * 20_000 + "a = 1\n", "key of more than 16 parts"),
    ],
)
def test_a_file_made_to_take_long_is_refused_at_once(write: Writer, text: str, said: str) -> None:
    """One line on the card kept a device from starting for 45 seconds, or ended in a traceback."""
    with pytest.raises(ConfigError, match=said):
        load([write(text)], env={})


def test_dots_and_digits_in_text_are_no_key_and_no_number(write: Writer) -> None:
    """The limits of keys and numbers must not refuse a source's long name."""
    source = "dir:" + "a.b/" * 40 + "1" * 5000 + "# no comment"
    text = f'[camera] # {"a." * 30}\nsource = \'{source}\'\nname = """{"a." * 20}"""\n'
    assert load([write(text)], env={}).camera.source == source


def test_a_configuration_that_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe without a writer blocked the service forever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, Path("/dev/zero"), tmp_path / "x" / "y", Path("a\0b")):
        with pytest.raises(ConfigError) as caught:
            load([path], env={})
        assert str(path).split("\0", maxsplit=1)[0] in str(caught.value)
    assert load([Path("/dev/null")], env={}) == Config()


def test_a_mistake_in_toml_names_its_place(write: Writer) -> None:
    """'Not valid TOML' alone would leave a person to search the file."""
    cases = {
        "[camera]\nfps = fast\n": "line 2, column 7: a value is a number, true, false or text",
        '[camera]\nname = "x\n': "line 2, column 10: text needs a closing quote",
        '[camera]\nname = "a" "b"\n': "line 2, column 12: one setting a line",
        "[camera\n": "line 1, column 8: a table's name needs a closing ]",
        "[camera]\nfps\n": "line 2, column 4: a key needs = and a value",
        '[camera]\nsource = "C:\\clips"\n': "is written",
    }
    for text, said in cases.items():
        with pytest.raises(ConfigError) as caught:
            load([write(text)], env={})
        assert said in str(caught.value), text


def test_only_the_two_usual_files_may_be_missing(tmp_path: Path) -> None:
    """Without it: a typo after --config would start the service with the defaults."""
    assert Path("/boot/firmware/edgehands.toml") in DEFAULT_PATHS
    assert load(env={}) is not None
    with pytest.raises(ConfigError, match="doesn't exist"):
        load([tmp_path / "nowhere.toml"], env={})
    with pytest.raises(ConfigError, match="is a folder: give"):
        load([tmp_path], env={})


def test_no_secret_is_ever_shown(write: Writer) -> None:
    """Without it: the broker's password would stand in logs, in `check` and in `info`."""
    path = write('[mqtt]\nurl = "mqtt://bob:geheim@hub"\n')
    config = load([path], env={})
    assert (config.mqtt.username, config.mqtt.password) == ("bob", Secret("geheim"))
    assert config.mqtt.url == "mqtt://hub:1883"
    shown = [repr(config), str(config), explain(config), digest(config), f"{config.mqtt.password}"]
    assert "geheim" not in "".join(shown)
    assert 'password = "***"' in explain(config)
    for bad in ('url = "http://bob:geheim@hub"', 'url = "mqtt://b:geheim@hub:x"', "password = 5"):
        with pytest.raises(ConfigError) as caught:
            load([write(f"[mqtt]\n{bad}\n")], env={})
        assert "geheim" not in str(caught.value)
        assert "5" not in str(caught.value).replace(str(path), "")


def test_a_password_of_a_later_place_replaces_a_password_file_of_an_earlier(write: Writer) -> None:
    """Without it: the image's default password file could not be overridden on the card."""
    first = write('[mqtt]\npassword_file = "/etc/secret"\n', "1.toml")
    second = write('[mqtt]\npassword = "x"\n', "2.toml")
    mqtt = load([first, second], env={}).mqtt
    assert (mqtt.password, mqtt.password_file) == (Secret("x"), "")
    assert load([second, first], env={}).mqtt.password is None


def test_what_explain_prints_can_be_read_again(write: Writer) -> None:
    """Without it: `edgehands check > edgehands.toml` would not be a way to begin."""
    config = load([], env={}, options={"tracking.max_hands": 3, "camera.source": 'a"\\\t'})
    assert load([write(explain(config))], env={}) == config


def test_the_digest_follows_every_setting_but_the_password() -> None:
    """Without it: users couldn't check whether two devices run the same configuration."""
    base = Config()
    assert digest(base) == digest(Config())
    assert digest(Config(tracking=TrackingConfig(max_hands=1))) != digest(base)
    with_password = Config(mqtt=MqttConfig(password=Secret("a")))
    assert digest(with_password) == digest(Config(mqtt=MqttConfig(password=Secret("b"))))


def test_settings_given_in_python_are_checked_too() -> None:
    """Without it: TrackingConfig(max_hands=99) would fail deep inside the tracker."""
    with pytest.raises(ConfigError, match="outside 1 to 8"):
        TrackingConfig(max_hands=99)
    with pytest.raises(ConfigError, match="not one of"):
        CameraConfig(rotation=45)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="not a whole number"):
        CameraConfig(width="wide")  # type: ignore[arg-type]
    assert CameraConfig(fps=30).fps == 30.0


def test_the_host_name_becomes_a_valid_node_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: a machine called ``pi.local`` or ``büro`` could not publish."""
    for host, expected in (("pi.local", "pi"), ("büro", "b-ro"), ("", "edgehands")):
        monkeypatch.setattr("socket.gethostname", lambda host=host: host)
        assert NodeConfig().name == expected


def test_urls_of_every_kind_are_understood() -> None:
    """Without it: IPv6 brokers and WebSockets would be out of reach."""
    cases = {
        "hub": ("mqtt", "hub", 1883, ""),
        "mqtts://hub": ("mqtts", "hub", 8883, ""),
        "ws://hub": ("ws", "hub", 80, "/mqtt"),
        "wss://hub:443/x": ("wss", "hub", 443, "/x"),
        "mqtt://[::1]:1884": ("mqtt", "::1", 1884, ""),
    }
    for url, expected in cases.items():
        address = MqttConfig(url=url).address
        assert (address.scheme, address.host, address.port, address.path) == expected
        assert MqttConfig(url=str(address)).address == address
    assert MqttConfig(url="mqtt://a%40b:p%2Fw@hub").username == "a@b"


def test_every_mistake_of_a_file_is_named(write: Writer) -> None:
    """Without it: who corrects a card would learn of one mistake at each start."""
    path = write(
        "[tracking]\nmax_hands = 12\nmodle = 1\n[camra]\nx = 1\n[mqtt\nurl = 3\n"
        '[node]\nname = "a b"\nfoo = "abc\n[publish]\nrate_limit = -1\n'
    )
    with pytest.raises(ConfigError) as raised:
        load([path], env={"EDGEHANDS_POSE__FOV": "1", "EDGEHANDS_NOWHERE__X": "1"})
    expected = (
        "at line 6",
        "at line 10",
        "tracking.max_hands = 12",
        "unknown key tracking.modle",
        "unknown table camra",
        "publish.rate_limit = -1",
        "unknown table nowhere",
        "unknown key pose.fov",
        'node.name = "a b"',
    )
    mistakes = raised.value.mistakes
    assert len(mistakes) == len(expected), mistakes
    for mistake, words in zip(mistakes, expected, strict=True):
        assert words in mistake
    assert str(raised.value) == f"{mistakes[0]} (8 more mistakes: see 'edgehands check')"


def test_a_rule_between_settings_is_not_judged_by_half(write: Writer) -> None:
    """Without it: one wrong value would be named, and another that only misses it."""
    path = write('[mqtt]\ntls_key = "key.pem"\ntls_cert = 3\n')
    with pytest.raises(ConfigError) as raised:
        load([path], env={})
    assert len(raised.value.mistakes) == 1


def test_a_further_camera_has_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it: a second camera on a device would need a copy of all settings."""
    common, own = tmp_path / "edgehands.toml", tmp_path / "side.toml"
    common.write_text('[node]\nname = "pi"\n[camera]\nname = "front"\nsource = "v4l2:0"\n')
    module = importlib.import_module("edgehands.config.load")
    monkeypatch.setattr(module, "DEFAULT_PATHS", (common,))
    monkeypatch.setattr(module, "CAMERA_PATHS", (f"{tmp_path}/{{camera}}.toml", "/none/{camera}"))
    with pytest.raises(ConfigError, match=r"into .*side.toml or /none/side"):
        paths_for(camera="side")
    with pytest.raises(ConfigError, match="--camera"):
        paths_for(camera="../side")
    own.write_text('[camera]\nsource = "v4l2:1"\n')
    config = load(paths_for(camera="side"), env={}, options={"camera.name": "side"})
    assert (config.node.name, config.camera.name, config.camera.source) == ("pi", "side", "v4l2:1")
    assert paths_for() == [common]
