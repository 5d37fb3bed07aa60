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
    """Give the settings of the demo's processes, as ``EDGEHANDS_…`` variables."""
    settings = {
        "EDGEHANDS_NODE__NAME": NODE,
        "EDGEHANDS_CAMERA__LOOP": "true",
        "EDGEHANDS_MQTT__URL": url,
        # The demo's broker knows no other version: asking for a newer one first takes seconds.
        "EDGEHANDS_MQTT__PROTOCOL": "3.1.1",
        # What is taught here goes with it.
        "EDGEHANDS_GESTURES__TAUGHT_FILE": str(folder / "gestures.json"),
    }
    if options.page:
        settings["EDGEHANDS_PREVIEW__PICTURE_SOCKET"] = str(folder / SOCKET_NAME)
    if options.model:
        settings["EDGEHANDS_TRACKING__MODEL"] = options.model
    # A wrong option is told here, in one line.
    load([], env={**settings, "EDGEHANDS_CAMERA__SOURCE": options.source})
    return settings


def start_page(
    options: DemoOptions, settings: dict[str, str], folder: Path, stack: ExitStack
) -> tuple[Child, str]:
    """Start the page's server; give its process and the page's address.

    Raises:
        EdgehandsError: It ended, or said nothing.
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
    """Give an empty configuration file: the machine's own stays out of the demo."""
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
        """End what plays."""
        self._stack.close()

    def play(self, source: str) -> None:
        """Take a source as the camera; what played before ends first: it may be the same device."""
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
