"""The demo's processes: the page and the service, and their settings."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import msgspec

from edgehands.closing import Closing
from edgehands.config import load
from edgehands.demo.options import FILM, NODE
from edgehands.demo.processes import Child, free_port
from edgehands.picture_socket import SOCKET_NAME
from edgehands.preview.page_messages import SourceChoice
from edgehands.service.options import RunOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edgehands.demo.options import DemoOptions

PAGE_PORT = 8765


def settings_of(options: DemoOptions, url: str, folder: Path) -> dict[str, str]:
    """Return the settings of the demo's processes, as ``EDGEHANDS_…`` variables."""
    settings = {
        "EDGEHANDS_NODE__NAME": NODE,
        "EDGEHANDS_CAMERA__LOOP": "true",
        "EDGEHANDS_MQTT__URL": url,
        # The demo's broker supports no other version: trying a newer one first takes seconds.
        "EDGEHANDS_MQTT__PROTOCOL": "3.1.1",
        # Gestures taught here are deleted with it.
        "EDGEHANDS_GESTURES__TAUGHT_FILE": str(folder / "gestures.json"),
    }
    if options.page:
        settings["EDGEHANDS_PREVIEW__PICTURE_SOCKET"] = str(folder / SOCKET_NAME)
    if options.model:
        settings["EDGEHANDS_TRACKING__MODEL"] = options.model
    # A wrong option is reported here, in one line.
    load([], env={**settings, "EDGEHANDS_CAMERA__SOURCE": options.source})
    return settings


def start_page(
    options: DemoOptions, settings: dict[str, str], folder: Path, stack: ExitStack
) -> tuple[Child, str]:
    """Start the page's server; return its process and the page's address.

    Raises:
        EdgehandsError: It ended, or gave no address.
    """
    port = options.port or free_port(PAGE_PORT)
    offer = [SourceChoice(camera.uri, camera.name) for camera in options.cameras]
    if offer:
        offer.append(SourceChoice(FILM, "the film"))
    arguments = [NODE, str(port), str(folder / SOCKET_NAME), msgspec.json.encode(offer).decode()]
    page = stack.enter_context(
        Child("page", ["-m", "edgehands.demo.page", *arguments], folder, settings)
    )
    page.wait_until(lambda: any(line.startswith("http") for line in page.printed()), "didn't come")
    return page, next(line for line in page.printed() if line.startswith("http"))


def no_file(folder: Path) -> Path:
    """Return an empty configuration file: the demo doesn't use the machine's own."""
    path = folder / "demo.toml"
    path.touch()
    return path


class Service(Closing):
    """The service, which can be restarted with another camera. A context manager."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._settings = settings
        self._stack = ExitStack()
        self.child: Child | None = None
        self.source = ""

    def close(self) -> None:
        """Stop the current source."""
        self._stack.close()

    def play(self, source: str) -> None:
        """Use a source as the camera; the previous one ends first: it may be the same device."""
        self._stack.close()
        self.source = source
        self.child = self._stack.enter_context(
            Child(
                "service",
                ["-m", "edgehands.service"],
                self._folder,
                {
                    **self._settings,
                    "EDGEHANDS_CAMERA__SOURCE": source,
                    **RunOptions(config=str(no_file(self._folder))).to_environment(),
                },
            )
        )
