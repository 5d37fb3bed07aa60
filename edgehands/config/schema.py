"""Documents generated from the configuration's types: JSON Schema, example file and table.

Not imported by the service. ``tools/write_schemas.py`` writes the generated files into the tree.
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from typing import TYPE_CHECKING, Any

import msgspec

from edgehands.config.secret import Secret
from edgehands.config.sections import SECTIONS, Config
from edgehands.config.values import choices, field_types, is_secret, limits, toml_value, type_name

if TYPE_CHECKING:
    from edgehands.config.values import Section

_ITEM = re.compile(r"^([a-z_0-9]+(?:, [a-z_0-9]+)*): (.*)$")


def describe_fields(kind: type) -> dict[str, str]:
    """The ``Attributes:`` part of a class's docstring and of its bases, by name."""
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        text = inspect.cleandoc(owner.__dict__.get("__doc__") or "")
        _, _, listing = text.partition("Attributes:\n")
        names: list[str] = []
        for line in textwrap.dedent(listing).splitlines():
            item = _ITEM.match(line)
            if item:
                names = item[1].split(", ")
                found.update(dict.fromkeys(names, item[2]))
            elif line.startswith(" "):
                found.update({name: f"{found[name]} {line.strip()}" for name in names})
            else:
                names = []
    return found


def summary(kind: type) -> str:
    """The first sentence or two of a class's docstring: everything before the first empty line."""
    return inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def plain(text: str) -> str:
    """A docstring's text without its markup."""
    return text.replace("``", "")


def json_schema(kind: type, title: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a type, with descriptions from the docstrings."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$ref": f"#/$defs/{kind.__name__}",
        "$defs": describe_components([kind], "#/$defs/{name}"),
    }


def describe_components(kinds: list[type], reference: str) -> dict[str, Any]:
    """The schemas of structs and of all types they contain, by name, with descriptions."""
    owners: dict[str, type] = {}
    for kind in kinds:
        owners.update(_struct_types(kind))
    _, components = msgspec.json.schema_components(
        kinds, schema_hook=_schema_hook, ref_template=reference
    )
    for name, definition in components.items():
        owner = owners[name]
        definition["description"] = plain(summary(owner))
        for field, text in describe_fields(owner).items():
            if field in definition.get("properties", {}):
                definition["properties"][field]["description"] = plain(text)
    return components


def config_schema() -> str:
    """JSON Schema of the configuration file, as text."""
    return json.dumps(json_schema(Config, "edgehands configuration"), indent=2) + "\n"


def example_toml() -> str:
    """The configuration file with every setting, its meaning and its default, commented out."""
    lines = [
        "# The configuration of edgehands. A line without # in front counts; the values shown are",
        "# the defaults. Made by python3 -m tools write-schemas; docs/configuration.md says more.",
        "#",
        "# Read from /etc/edgehands/edgehands.toml, then /boot/firmware/edgehands.toml (so that it",
        "# can be edited on any computer with the card in it), then EDGEHANDS_SECTION__KEY",
        "# variables.",
    ]
    for name, section in SECTIONS.items():
        lines += ["", f"[{name}]  # {plain(summary(section))}"]
        texts = describe_fields(section)
        for key, kind in field_types(section).items():
            note = texts[key] + _limits_note(kind)
            lines += [
                "",
                *textwrap.wrap(plain(note), 98, initial_indent="# ", subsequent_indent="# "),
            ]
            lines.append(f"#{key} = {_default(section, key, kind)}")
    return "\n".join(lines) + "\n"


def markdown_tables() -> str:
    """The settings as Markdown, one table per section."""
    parts = []
    for name, section in SECTIONS.items():
        parts += [f"### [{name}]", "", summary(section), ""]
        parts += ["| key | default | meaning |", "|---|---|---|"]
        texts = describe_fields(section)
        for key, kind in field_types(section).items():
            text = (texts[key] + _limits_note(kind)).replace("``", "`").replace("|", "\\|")
            parts.append(f"| `{key}` | `{_default(section, key, kind)}` | {text} |")
        parts.append("")
    return "\n".join(parts)


def _limits_note(kind: Any) -> str:
    if choices(kind):
        return f" ({type_name(kind)})"
    low, high = limits(kind)
    return "" if low is None else f" ({low} to {high})"


def _default(section: type[Section], key: str, kind: Any) -> str:
    if is_secret(kind):
        return '""'
    field = next(f for f in msgspec.structs.fields(section) if f.name == key)
    return toml_value(field.default)


def _schema_hook(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string", "writeOnly": True}
    raise NotImplementedError(f"no schema for {kind}")


def _struct_types(kind: type) -> dict[str, type]:
    """Every struct that a type contains, by name."""
    found: dict[str, type] = {}

    def walk(info: Any) -> None:
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls.__name__ in found:
                return
            found[info.cls.__name__] = info.cls
        for name in getattr(info, "__struct_fields__", ()):
            value = getattr(info, name)
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, msgspec.Struct):
                    walk(part)

    walk(msgspec.inspect.type_info(kind))
    return found
