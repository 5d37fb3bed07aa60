"""Messages of ROS 2 with the fields and the types that rosidl gives them, made by hand."""

from __future__ import annotations

from typing import Any, ClassVar


class RosMessage:
    """Refuses fields that the message doesn't have and values of another type, as rosidl does."""

    fields: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        for name, default in self.fields.items():
            super().__setattr__(name, default() if isinstance(default, type) else default)

    def __setattr__(self, name: str, value: Any) -> None:
        assert name in self.fields, f"{type(self).__name__} has no field {name}"
        wanted = type(getattr(self, name))
        assert name == "stamp" or isinstance(value, wanted), f"{name} wants {wanted.__name__}"
        super().__setattr__(name, value)

    def plain(self) -> dict[str, Any]:
        """The fields as plain data."""
        return {name: _plain(getattr(self, name)) for name in self.fields}


def _plain(value: Any) -> Any:
    if isinstance(value, RosMessage):
        return value.plain()
    return [_plain(item) for item in value] if isinstance(value, list) else value
