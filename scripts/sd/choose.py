"""Which package and which settings go onto the card."""

from __future__ import annotations

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
