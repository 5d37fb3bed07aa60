"""Print what an installed Home Assistant needs on top of itself for its start and for MQTT.

Run by ``scripts/test --home-assistant`` with the interpreter of Home Assistant's own environment:
with everything there beforehand, Home Assistant installs nothing by itself during a test.
"""

from __future__ import annotations

import json
from pathlib import Path

from homeassistant import bootstrap, components  # type: ignore[import-not-found]

WANTED = {"mqtt", "history", "logbook", "person"}


def main() -> None:
    """One requirement a line, with the version that Home Assistant names."""
    folder = Path(components.__path__[0])
    open_ = WANTED | bootstrap.DEFAULT_INTEGRATIONS | bootstrap.CORE_INTEGRATIONS
    seen: set[str] = set()
    found: set[str] = set()
    while open_:
        name = open_.pop()
        seen.add(name)
        file = folder / name / "manifest.json"
        if not file.exists():
            continue
        manifest = json.loads(file.read_text())
        found.update(manifest.get("requirements", ()))
        open_.update(set(manifest.get("dependencies", ())) - seen)
    print("\n".join(sorted(found)))


if __name__ == "__main__":
    main()
