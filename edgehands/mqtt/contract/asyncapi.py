"""AsyncAPI document and JSON Schemas of the contract, generated from its types.

Not imported by the service. ``tools/write_schemas.py`` writes the generated files into the tree.
"""

from __future__ import annotations

import json
import re
from typing import Any

from edgehands.config.schema import describe_components, json_schema
from edgehands.mqtt.contract.channels import CHANNELS, Channel
from edgehands.mqtt.contract.messages import MAX_TEXT, SCHEMA
from edgehands.mqtt.contract.reading import MAX_BYTES, MAX_DIGITS

_PLACES = {
    "node": "The device's name: its host name unless `node.name` says otherwise.",
    "camera": "The camera's name: `main` unless `camera.name` says otherwise.",
    "verb": "What is asked.",
    "asker": "Whatever the asker chose.",
}


def message_schemas() -> dict[str, str]:
    """JSON Schemas of all JSON messages, as text, by channel name."""
    return {
        channel.name: json.dumps(
            json_schema(channel.payload, f"edgehands {channel.name}"), indent=2
        )
        + "\n"
        for channel in CHANNELS
        if isinstance(channel.payload, type)
    }


def asyncapi() -> str:
    """The AsyncAPI 3.0 document, as YAML."""
    kinds = [channel.payload for channel in CHANNELS if isinstance(channel.payload, type)]
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "edgehands",
            "version": str(SCHEMA),
            "description": (
                "Real-time 3-D hand landmarks over MQTT. The version is the `schema` number of the "
                "messages: it stays the same as long as changes only add. The prefix `edgehands` "
                f"can be configured. No message is larger than {MAX_BYTES} bytes."
            ),
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {_operation_name(channel): _operation(channel) for channel in CHANNELS},
        "components": {
            "messages": {channel.name: _message(channel) for channel in CHANNELS},
            "schemas": describe_components(kinds, "#/components/schemas/{name}"),
        },
    }
    made_by = "# Made by python3 -m tools write-schemas from the types in edgehands/mqtt.\n"
    return made_by + to_yaml(document)


def _channel(channel: Channel) -> dict[str, Any]:
    places = re.findall(r"\{(\w+)\}", channel.address)
    return {
        "address": channel.address,
        "description": channel.summary,
        "parameters": {place: {"description": _PLACES[place]} for place in places},
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
    }


def _operation_name(channel: Channel) -> str:
    verb = "send" if channel.direction == "out" else "receive"
    return f"{verb}{channel.name[0].upper()}{channel.name[1:]}"


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": "send" if channel.direction == "out" else "receive",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "bindings": {
            "mqtt": {"qos": channel.qos, "retain": channel.retain, "bindingVersion": "0.2.0"}
        },
    }


def _message(channel: Channel) -> dict[str, Any]:
    payload: dict[str, Any]
    if isinstance(channel.payload, type):
        payload = {"$ref": f"#/components/schemas/{channel.payload.__name__}"}
        kind = "application/json"
    elif channel.payload == "jpeg":
        kind = "image/jpeg"
        payload = {"type": "string", "format": "binary", "description": "A JPEG."}
    elif channel.payload == "compact":
        kind = "application/octet-stream"
        payload = {"type": "string", "format": "binary", "description": "See docs/mqtt.md."}
    else:
        kind = "text/plain"
        payload = {"type": "string"}
        if isinstance(channel.payload, tuple):
            payload["enum"] = list(channel.payload)
        elif channel.payload == "text":
            payload["maxLength"] = MAX_TEXT
        else:
            digits = f"^[0-9]{{1,{MAX_DIGITS}}}$"
            payload["pattern"] = digits if channel.payload == "integer" else "^[a-z0-9_-]{1,32}$"
    return {
        "name": channel.name,
        "contentType": kind,
        "payload": payload,
        "bindings": {"mqtt": {"bindingVersion": "0.2.0"}},
    }


def to_yaml(value: Any, depth: int = 0) -> str:
    """Write plain data as YAML; strings in JSON's form, which YAML reads the same way."""
    pad = "  " * depth
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{_key(key)}:{_below(item, depth)}" for key, item in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{pad}-{_below(item, depth)}" for item in value)
    return f"{pad}{json.dumps(value, ensure_ascii=False)}\n"


def _below(item: Any, depth: int) -> str:
    if isinstance(item, dict | list) and item:
        return "\n" + to_yaml(item, depth + 1)
    return f" {json.dumps(item, ensure_ascii=False)}\n"


_YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def _key(key: str) -> str:
    bare = re.fullmatch(r"[A-Za-z]\w*", key, re.ASCII) and key.lower() not in _YAML_WORDS
    return key if bare else json.dumps(key, ensure_ascii=False)
