"""README's two commands, and CI's, on Debians where nothing was installed before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.emulated.debian import Chroot, checkout, needs
from tools.emulated.debian import bootstrap

if TYPE_CHECKING:
    from tests.emulated.conftest import Note

pytestmark = [
    *needs("mmdebstrap", "unshare", "ip", "git"),
    pytest.mark.parametrize("machine", ["bookworm", "trixie"], indirect=True, scope="module"),
]

HERE = "cd /root/edgehands"
OFFLINE_TESTS = "tests/test_config_load.py tests/test_cli.py"
"""What is run of the tests the second time, without a network."""

DEMO_UNTIL_HANDS = r"""
./scripts/demo >/tmp/demo.txt 2>&1 &
demo=$!
until grep -q 'mqtt.callback' /tmp/demo.txt; do
    kill -0 $demo || { cat /tmp/demo.txt; exit 1; }
    sleep 0.2
done
# The lines of Python that it says landmarks are received with, as somebody would copy them.
sed -n '/ Python /,/mqtt.callback/s/^.\{13\}//p' /tmp/demo.txt >/tmp/lines.py
timeout 60 .venv/bin/python -u /tmp/lines.py 2>/tmp/lines.txt | head -n 5
cat /tmp/lines.txt
kill -INT $demo
wait $demo
tail -n 1 /tmp/demo.txt
"""


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Chroot:
    """The smallest Debian there is, and the tree as somebody has it who unpacked it."""
    suite = request.param
    system = Chroot(bootstrap(f"{suite}-bare", suite), tmp_path_factory.mktemp(suite))
    checkout(system.root / "root" / "edgehands")
    return system


def name(machine: Chroot) -> str:
    """What kind of system it is, for the notes."""
    return machine.root.name.removesuffix("-bare").capitalize()


def demo_shows_hands(machine: Chroot, *, network: bool) -> float:
    """Run the demo until landmarks come, and end it; give the seconds that took."""
    said = machine.must(f"{HERE}\n{DEMO_UNTIL_HANDS}", network=network, seconds=900)
    tips = re.findall(r"^\d+ (?:left|right) \[[-0-9., ]+\]$", said.text, re.MULTILINE)
    assert len(tips) == 5, said.text
    assert said.text.rstrip().endswith("The demo has ended."), said.text
    return said.seconds


def run_tests(machine: Chroot, what: str, *, network: bool) -> tuple[str, float]:
    """Run tests; give pytest's last line and the seconds that took."""
    said = machine.must(f"{HERE}\n./scripts/test {what}", network=network, seconds=3000)
    line = said.text.strip().splitlines()[-1]
    assert re.search(r"\b\d+ passed", line), said.text[-3000:]
    assert "failed" not in line
    return line, said.seconds


def test_nothing_is_there_at_first(machine: Chroot) -> None:
    """What follows would prove nothing about somebody's fresh machine."""
    there = machine.run("command -v python3 pip git mosquitto sudo; ls -d /root/edgehands/.git")
    assert not [line for line in there.text.splitlines() if line.startswith("/usr")]
    assert "No such file" in there.text


def test_demo_sets_itself_up(machine: Chroot, note: Note) -> None:
    """The first command that somebody tries would fail."""
    seconds = demo_shows_hands(machine, network=True)
    note(f"{name(machine)}, nothing installed", "`./scripts/demo` to landmarks on MQTT", seconds)


def test_demo_works_again_without_a_network(machine: Chroot, note: Note) -> None:
    """The demo would fail on a train."""
    seconds = demo_shows_hands(machine, network=False)
    note(f"{name(machine)}, no network", "`./scripts/demo` to landmarks on MQTT", seconds)


def test_builds_the_package(machine: Chroot, note: Note) -> None:
    """Somebody with a fresh PC couldn't make a card: no pip is there, no git history."""
    said = machine.must(f"{HERE}\nscripts/build_deb", network=True, seconds=900)
    assert re.search(
        r"^/root/edgehands/dist/edgehands_\S+bookworm_arm64\.deb .* MB ", said.text, re.MULTILINE
    )
    note(f"{name(machine)}, after the demo", "`scripts/build_deb` for a Pi", said.seconds)


def test_tests_pass(machine: Chroot, note: Note) -> None:
    """Somebody who wants to change something couldn't know whether it still works."""
    line, seconds = run_tests(machine, "", network=True)
    note(f"{name(machine)}, after the demo", f"`./scripts/test`: {line.strip('= ')}", seconds)


def test_tests_pass_again_without_a_network(machine: Chroot, note: Note) -> None:
    """The second run would need the network for no reason."""
    line, seconds = run_tests(machine, OFFLINE_TESTS, network=False)
    note(
        f"{name(machine)}, no network",
        f"`./scripts/test` with two files: {line.strip('= ')}",
        seconds,
    )


def test_ci_passes(machine: Chroot, note: Note) -> None:
    """What has to pass before a change lands would only pass on its author's machine."""
    if name(machine) != "Bookworm":
        pytest.skip("on the system that CI has only")
    said = machine.must(f"{HERE}\n.ci/run", network=True, seconds=3600)
    (line,) = re.findall(r"^.*\b\d+ passed.*$", said.text, re.MULTILINE)
    assert "check: good" in said.text
    assert "failed" not in line
    # A chroot isn't where the service could be booted, and that is said.
    assert "no container can be booted here" in said.text
    note(f"{name(machine)}", f"`.ci/run`: {line.strip('= ')}", said.seconds)
