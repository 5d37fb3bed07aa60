"""Files, environment and options become one :class:`Config`; every error says where."""

from __future__ import annotations

import contextlib
import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgehands.config.persist import state_file
from edgehands.config.sections import SECTIONS, Config, check_topic_level
from edgehands.config.toml_file import read_tables
from edgehands.config.values import check_value, field_types, shown
from edgehands.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DEFAULT_PATHS = (
    Path("/etc/edgehands/edgehands.toml"),
    Path("/boot/firmware/edgehands.toml"),
)
"""Read in this order, later ones win; the second is on the card's FAT partition."""

CAMERA_PATHS = ("/etc/edgehands/{camera}.toml", "/boot/firmware/edgehands-{camera}.toml")
"""Read after those, in this order, by the service of an additional camera of this device."""

_ENV_PREFIX = "EDGEHANDS_"
_LONGEST_NAME = 64
"""Characters of an unknown key compared with the known ones."""


def paths_for(config: Path | str | None = None, camera: str = "") -> list[Path]:
    """The files of a configuration.

    Args:
        config: this file only, instead of the usual ones.
        camera: for a device with several: its own files are read after the usual ones.

    Raises:
        ConfigError: The camera's name is invalid, or it has no file.
    """
    paths = [Path(config)] if config else list(DEFAULT_PATHS)
    if camera:
        check_topic_level("--camera", camera)
        own = [Path(path.format(camera=camera)) for path in CAMERA_PATHS]
        found = [path for path in own if path.exists()]
        if not found and not config:
            raise ConfigError(
                f'--camera = "{camera}" has no file: write its [camera] table into {own[0]} or '
                f"{own[1]}"
            )
        paths += found
    return paths


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and the origin of each of its settings.

    Attributes:
        config: the current settings.
        origins: file, variable or option by dotted key, for every setting that isn't a default.
    """

    config: Config
    origins: Mapping[str, str]


def load(
    paths: Sequence[Path | str] = DEFAULT_PATHS,
    env: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> Config:
    """Read the configuration: files, settings kept by ``set``, ``EDGEHANDS_…``, options.

    Args:
        paths: TOML files, later ones win; those of :data:`DEFAULT_PATHS` may be missing, any
            other must exist.
        env: the environment; None = the process's own. ``EDGEHANDS_MQTT__URL`` is ``mqtt.url``.
        options: values by dotted key, such as ``{"camera.source": "demo:"}``; None is left out.

    Raises:
        ConfigError: naming the file (or variable, or option), the key, the value and the limit of
            the first mistake; ``mistakes`` has all of them.
    """
    return load_with_origins(paths, env, options).config


def load_with_origins(
    paths: Sequence[Path | str] = DEFAULT_PATHS,
    env: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> Loaded:
    """As :func:`load`, with the origin of each setting."""
    layers = _Layers()
    env = os.environ if env is None else env
    kept = state_file(env)
    optional = (*DEFAULT_PATHS, kept)
    for path in (*map(Path, paths), *((kept,) if kept else ())):
        with layers.noting():
            tables, mistakes = read_tables(path, required=path not in optional)
            layers.put_file(str(path), tables, mistakes)
    for name, text in sorted(env.items()):
        with layers.noting():
            place = _environment_key(name)
            if place is not None:
                layers.put(name, *place, text, lax=True)
    for dotted, option in (options or {}).items():
        if option is not None:
            with layers.noting():
                layers.put("option", *_split(dotted), option, lax=True)
    config = layers.build()
    if config is None:
        raise ConfigError.of(layers.mistakes)
    return Loaded(config=config, origins=layers.origins)


class _Layers:
    """The settings so far: a later layer overrides an earlier one.

    Attributes:
        values: by table and key.
        origins: by dotted key.
        mistakes: in the order in which they were found; settings concerned are left out.
        partial: tables with settings left out: their rules can't be checked.
    """

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
        self.origins: dict[str, str] = {}
        self.mistakes: list[ConfigError] = []
        self.partial: set[str] = set()

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Record a mistake instead of raising it, so that later ones are found too."""
        try:
            yield
        except ConfigError as mistake:
            self.mistakes.append(mistake)

    def put_file(
        self, origin: str, tables: Mapping[str, Any], mistakes: Sequence[ConfigError]
    ) -> None:
        """Add a file's tables, and the mistakes found in reading it."""
        self.mistakes += mistakes
        for section, table in tables.items():
            with self.noting():
                _known(origin, section, "table", section, list(SECTIONS))
                if not isinstance(table, dict):
                    raise ConfigError(
                        f"{origin}: {section} = {shown(table)} is not a table: write [{section}]"
                    )
                for key, value in table.items():
                    with self.noting():
                        self.put(origin, section, key, value)

    def put(self, origin: str, section: str, key: str, value: object, *, lax: bool = False) -> None:
        kinds = field_types(SECTIONS[section])
        _known(origin, key, "key", f"{section}.{key}", list(kinds))
        try:
            checked = check_value(f"{section}.{key}", value, kinds[key], lax=lax)
        except ConfigError as error:
            self.partial.add(section)
            raise ConfigError(f"{origin}: {error}") from None
        self.values[section][key] = checked
        self.origins[f"{section}.{key}"] = origin
        # Two ways to give one password: the later layer's replaces the earlier one's.
        other = {"password": "password_file", "password_file": "password"}.get(key)
        if other is not None and self.origins.get(f"{section}.{other}", origin) != origin:
            del self.values[section][other], self.origins[f"{section}.{other}"]

    def build(self) -> Config | None:
        """All layers together; rules between settings are checked here, by the tables' types.

        Returns None if there were mistakes.
        """
        made = {}
        for name, kind in SECTIONS.items():
            if name in self.partial:
                continue
            try:
                made[name] = kind(**self.values[name])
            except ConfigError as error:
                # A rule between settings names one or two of them; one of these was set.
                given = [key for key in self.origins if key.startswith(f"{name}.")]
                named = [key for key in given if key == str(error).split(" ", 1)[0]]
                origin = self.origins[(named or given)[-1]] if given else ""
                self.mistakes.append(ConfigError(f"{origin}: {error}" if origin else str(error)))
        return None if self.mistakes else Config(**made)  # type: ignore[arg-type]


def _known(origin: str, name: str, what: str, full: str, valid: list[str]) -> None:
    if name in valid:
        return
    near = difflib.get_close_matches(name[:_LONGEST_NAME].lower(), valid, n=1, cutoff=0.5)
    hint = f'did you mean "{near[0]}"?' if near else "known are " + ", ".join(valid)
    raise ConfigError(f"{origin}: unknown {what} {full}: {hint}")


def _environment_key(name: str) -> tuple[str, str] | None:
    """``EDGEHANDS_MQTT__URL`` → ``("mqtt", "url")``; None for variables that aren't settings."""
    if not name.startswith(_ENV_PREFIX):
        return None
    section, separator, key = name[len(_ENV_PREFIX) :].lower().partition("__")
    if separator:
        _known(name, section, "table", section, list(SECTIONS))
        return section, key
    for known in SECTIONS:
        rest = section.removeprefix(f"{known}_")
        if rest != section and rest in field_types(SECTIONS[known]):
            right = f"{_ENV_PREFIX}{known}__{rest}".upper()
            raise ConfigError(f"{name} has one underscore after the table's name: write {right}")
    return None


def _split(dotted: str) -> tuple[str, str]:
    section, _, key = dotted.partition(".")
    _known("option", section, "table", section, list(SECTIONS))
    return section, key
