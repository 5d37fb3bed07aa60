"""Which package and which settings go onto the card."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sd.boot_files import SdError

if TYPE_CHECKING:
    from pathlib import Path


def package_of(given: Path | None, root: Path, system: str) -> Path:
    """The package named on the command line, else the newest arm64 one in ``dist/``.

    Args:
        given: on the command line.
        root: the checkout.
        system: ``trixie`` or ``bookworm``: each has a package of its own.
    """
    if given is not None:
        if not given.is_file():
            raise SdError(f'"{given}" doesn\'t exist: give the path of the .deb')
        others = {"trixie", "bookworm"} - {system}
        if any(f"+{other}_" in given.name for other in others):
            raise SdError(f'"{given.name}" is for another system, the card is for {system}')
        return given
    found = sorted(
        (root / "dist").glob(f"edgehands_*+{system}_arm64.deb"),
        key=lambda path: path.stat().st_mtime,
    )
    if not found:
        raise SdError(
            f"no package for {system} in dist/: run scripts/build_deb --system {system}, or give"
            " one with --deb"
        )
    return found[-1]


def settings_of(given: Path | None, root: Path) -> bytes:
    """The settings named on the command line, else the ones with every default as a comment."""
    path = given or root / "systemd" / "edgehands.toml"
    try:
        return path.read_bytes()
    except OSError as error:
        raise SdError(f'"{path}" can\'t be read: {error.strerror}') from None


@dataclass(frozen=True)
class Broker:
    """Where the broker is.

    Attributes:
        here: mosquitto is put on the Pi.
        url: of the person's own; empty = the settings say it.
        packages: mosquitto and what it needs, for a Pi without a network.
    """

    here: bool = False
    url: str = ""
    packages: tuple[Path, ...] = ()


def broker_of(said: str) -> Broker:
    """What was answered: ``pi``, an address, or nothing.

    Raises:
        SdError: it is neither.
    """
    text = said.strip()
    if not text:
        return Broker()
    if text.lower() == "pi":
        return Broker(here=True)
    url = text if "://" in text else f"mqtt://{text}"
    if not re.fullmatch(r"(mqtts?|wss?)://[A-Za-z0-9._\[\]:-]+(/[\w./-]*)?", url):
        raise SdError(
            f'"{text}" is no broker: give its address such as mqtt://192.168.1.10, or pi for one'
            " on the Pi"
        )
    return Broker(url=url)


def ask_for_broker() -> Broker:
    """Ask the person at the terminal, until the answer is understood."""
    print("Where is your MQTT broker? Its address such as mqtt://192.168.1.10,")
    print("pi for one on the Pi itself, or Enter to write it into edgehands.toml later.")
    while True:
        try:
            return broker_of(input("Broker: "))
        except SdError as error:
            print(error)
        except EOFError:
            return Broker()


def with_broker(settings: bytes, url: str) -> bytes:
    """The settings with the broker's address in their table ``[mqtt]``."""
    text = settings.decode("utf-8").replace("\r\n", "\n")
    line = f'url = "{url}"'
    table = re.search(r"^\[mqtt\][^\n]*\n", text, re.MULTILINE)
    if table is None:
        return f"{text}\n[mqtt]\n{line}\n".encode()
    rest = text[table.end() :]
    following = re.search(r"^\[", rest, re.MULTILINE)
    part, after = (
        (rest[: following.start()], rest[following.start() :]) if following else (rest, "")
    )
    new, count = re.subn(r"^#?\s*url\s*=[^\n]*", lambda _: line, part, count=1, flags=re.MULTILINE)
    return (text[: table.end()] + (new if count else f"{line}\n{part}") + after).encode()
