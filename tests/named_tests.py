"""The text of a test that a document names, with all of the tests' own code that it uses."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def text_of(named: str) -> str:
    """Give the source of ``tests/file.py::test_name`` and of the helpers it uses.

    Helpers are functions, classes, constants and fixtures of the same file, and what that file
    imports from other files of the tests.

    Raises:
        LookupError: there is no such test.
    """
    path, _, name = named.partition("::")
    if not name.startswith("test_") or not (ROOT / path).is_file():
        raise LookupError(named)
    found: dict[tuple[Path, str], str] = {}
    open_ = [(ROOT / path, name)]
    while open_:
        place = open_.pop()
        if place in found:
            continue
        file, wanted = place
        definitions, imported = _module(file)
        if wanted in definitions:
            node, text = definitions[wanted]
            found[place] = text
            open_ += [(file, used) for used in _names(node)]
        elif wanted in imported:
            open_.append((imported[wanted], wanted))
    if (ROOT / path, name) not in found:
        raise LookupError(named)
    return "\n".join(found.values())


@cache
def _module(file: Path) -> tuple[dict[str, tuple[ast.stmt, str]], dict[str, Path]]:
    """What a file defines at its top level, and from which file of the tests it imports what."""
    text = file.read_text()
    definitions: dict[str, tuple[ast.stmt, str]] = {}
    imported: dict[str, Path] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
            source = ROOT.joinpath(*str(node.module).split(".")).with_suffix(".py")
            if source.is_file():
                imported |= {alias.name: source for alias in node.names}
    for node in ast.parse(text).body:
        names: list[str] = []
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        part = "\n".join(text.splitlines()[first - 1 : node.end_lineno])
        definitions |= dict.fromkeys(names, (node, part))
    return definitions, imported


def _names(node: ast.stmt) -> set[str]:
    """The names that a piece of code uses; its arguments are fixtures."""
    used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    if isinstance(node, ast.FunctionDef):
        used |= {argument.arg for argument in node.args.args}
    return used
