"""The current configuration for display, without secrets."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from edgehands.config.sections import SECTIONS
from edgehands.config.values import field_types, public_value, toml_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgehands.config.sections import Config


def explain(config: Config, origins: Mapping[str, str] | None = None) -> str:
    """The effective configuration as TOML, secrets redacted, with origins as comments."""
    lines = []
    for name, settings in redacted(config).items():
        lines.append(f"[{name}]")
        for key, value in settings.items():
            if value is None:
                continue
            origin = (origins or {}).get(f"{name}.{key}")
            lines.append(f"{key} = {toml_value(value)}" + (f"  # {origin}" if origin else ""))
        lines.append("")
    return "\n".join(lines)


def redacted(config: Config) -> dict[str, dict[str, Any]]:
    """The settings by table and key, passwords and tokens as ``***``."""
    return {
        name: {
            key: public_value(key, getattr(getattr(config, name), key), kind)
            for key, kind in field_types(section).items()
        }
        for name, section in SECTIONS.items()
    }


def digest(config: Config) -> str:
    """Sixteen hexadecimal digits that change with any setting but a secret.

    Secrets stay out: a short password could be guessed from its digest.
    """
    return hashlib.sha256(explain(config).encode()).hexdigest()[:16]
