"""Where things are: which package may import which, and how large a module may become."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import edgehands
from tests.conftest import FAST

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
LONGEST_MODULE = 350

COMMON = {
    "atomic",
    "closing",
    "errors",
    "files",
    "hand",
    "memory",
    "process_list",
    "safe_text",
    "wording",
}
"""Values and small functions that every package may import. They import only each other."""

NODE = {
    "config": set[str](),
    "model_store": set[str](),
    "geometry": set[str](),
    "backends": {"config", "geometry", "model_store"},
    "tracking": {"backends", "config", "geometry", "model_store"},
    "pose": {"config"},
    "gestures": {"config", "pose"},
    "cameras": {"config", "geometry"},
    "mqtt": {"config", "gestures"},
    "picture_socket": {"mqtt"},
    "service": {"cameras", "config", "gestures", "mqtt", "picture_socket", "tracking"},
}
"""What runs on a device, by package, with what it may import beside :data:`COMMON`."""

TOOLS = {
    "drawing": set[str](),
    "synthetic": set[str](),
    "calibration": {"pose"},
    "client": {"config", "mqtt"},
    "bridge": {"client", "mqtt"},
    "preview": {"config", "mqtt", "picture_socket"},
    "simulate": {"config", "gestures", "mqtt"},
    "doctor": {"backends", "cameras", "config", "model_store", "mqtt", "service"},
    "dataset": {"backends", "cameras", "config", "geometry", "gestures", "model_store", "pose"}
    | {"tracking"},
    "evaluation": {"cameras", "config", "dataset", "geometry", "synthetic", "tracking"},
    "annotate": {"backends", "cameras", "config", "dataset", "geometry", "preview", "synthetic"}
    | {"tracking"},
    "demo": {"cameras", "config", "mqtt", "picture_socket", "preview", "service"},
}
"""The same for viewers, diagnosis and the laboratory: they stand above the node."""

INSIDE_MQTT = {
    "contract": set[str](),
    "broker": {"contract"},
    "homeassistant": {"contract", "outbox", "requests"},
}
"""The same for the packages within ``mqtt``."""


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its full name."""
    found = {}
    for path in sorted((ROOT / "edgehands").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = path
    return found


def imports(name: str) -> Iterator[str]:
    """What a module imports of the package, also within functions and for types only."""
    for node in ast.walk(ast.parse(modules()[name].read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "edgehands")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "edgehands":
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                public = edgehands._PLACES.get(alias.name)
                if full in modules():
                    yield full
                elif node.module == "edgehands" and public is not None:
                    yield f"edgehands.{public}"
                elif node.module != "edgehands":
                    yield str(node.module)


def package_of(module: str) -> str:
    """``edgehands.mqtt.client`` → ``mqtt``."""
    return f"{module}.".split(".")[1]


@pytest.mark.parametrize("package", [*COMMON, *NODE, *TOOLS])
def test_a_package_imports_only_what_it_may(package: str) -> None:
    """Without it: the node would come to need the preview, unnoticed."""
    allowed = {**NODE, **TOOLS}.get(package, set()) | COMMON | {package, ""}
    wrong = [
        f"{name} imports {imported}"
        for name in modules()
        if package_of(name) == package
        for imported in imports(name)
        if package_of(imported) not in allowed
    ]
    assert not wrong


def test_every_package_has_its_place() -> None:
    """Without it: a new package would be checked by nothing."""
    placed = {*COMMON, *NODE, *TOOLS, "", "cli", "__main__"}  # the command line imports all
    assert {package_of(name) for name in modules()} == placed
    for package, allowed in NODE.items():
        assert not allowed & set(TOOLS), f"{package} is of the node: tools stand above it"


@pytest.mark.parametrize("package", INSIDE_MQTT)
def test_the_packages_of_mqtt_import_only_what_they_may(package: str) -> None:
    """Without it: a program that only reads messages would load the publisher."""
    here = f"edgehands.mqtt.{package}"
    allowed = INSIDE_MQTT[package] | {package}
    wrong = [
        f"{name} imports {imported}"
        for name in modules()
        if name.startswith(f"{here}.")
        for imported in imports(name)
        if package_of(imported) == "mqtt" and imported.split(".")[2] not in allowed
    ]
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Without it: which module is imported first would decide whether the program starts."""
    graph = {name: set(imports(name)) - {name} for name in modules()}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def imported_roots(path: Path) -> set[str]:
    """The packages at the top that a file imports anything of, also within functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize(
    ("package", "never"),
    [
        ("edgehands", {"tools", "tests", "build_models", "train_models"}),
        ("tools", {"tests", "train_models"}),
        ("scripts", {"tools", "tests"}),
    ],
)
def test_what_is_shipped_needs_no_tool_and_a_tool_no_test(package: str, never: set[str]) -> None:
    """Without it: a device would lack what it imports, and a test could not be changed alone."""
    files = [path for path in (ROOT / package).rglob("*") if path.is_file() and not path.suffix]
    python = [path for path in files if path.read_bytes().startswith(b"#!/usr/bin/env python")]
    python += (ROOT / package).rglob("*.py")
    assert len(python) > 10
    wrong = {str(path.relative_to(ROOT)): imported_roots(path) & never for path in python}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_no_module_is_longer_than_a_reader_follows() -> None:
    """Without it: a file would grow until it has no clear purpose."""
    own = (path for folder in ("scripts", "tools") for path in (ROOT / folder).rglob("*.py"))
    files = [*modules().values(), *own]
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in files}
    assert {name: n for name, n in lengths.items() if n > LONGEST_MODULE} == {}


def loaded_by(*names: str) -> set[str]:
    """The modules that are loaded once these were imported in a fresh interpreter."""
    program = f"import sys, {', '.join(names)}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_configuration_is_read_without_the_rest() -> None:
    """Without it: `edgehands check` and every client would load numpy and the gestures' tables."""
    loaded = loaded_by("edgehands.config")
    assert not {"numpy", "cv2"} & loaded
    rooms = {package_of(name) for name in loaded if name.startswith("edgehands.")}
    assert rooms == {"atomic", "config", "errors", "files", "safe_text"}


def test_the_service_loads_nothing_but_the_node() -> None:
    """Without it: what runs for years on a Pi would carry a command line and a web server."""
    loaded = loaded_by("edgehands.service.__main__", "edgehands.service.serve")
    assert not {"typer", "rich", "starlette", "uvicorn", "websockets", "amqtt"} & loaded
    rooms = {package_of(name) for name in loaded if name.startswith("edgehands.")}
    assert rooms <= {*COMMON, *NODE}


def test_the_fast_set_names_modules_that_exist() -> None:
    """Without it: a renamed module would leave the inner loop unnoticed."""
    there = {file.stem.removeprefix("test_") for file in (ROOT / "tests").glob("test_*.py")}
    assert set(FAST) <= there


def fixtures(file: Path) -> set[str]:
    """The names of a test module's fixtures."""
    return {
        node.name
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef)
        and any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)
    }


def test_fixtures_come_from_conftest_files() -> None:
    """Without it: a test would have to import what an imported fixture asks for, too."""
    imports = re.compile(r"^\s*from (tests\.[\w.]*\btest_\w+) import (\([^)]*\)|.*)", re.MULTILINE)
    wrong = [
        f"{file.name} imports {name} of {module}"
        for file in (ROOT / "tests").rglob("*.py")
        for module, names in imports.findall(file.read_text())
        for name in fixtures(ROOT / f"{module.replace('.', '/')}.py")
        & set(re.findall(r"\w+", names))
    ]
    assert not wrong
