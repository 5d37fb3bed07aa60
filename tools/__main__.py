"""``python3 -m tools``: list the tools, or run one."""

from __future__ import annotations

import ast
import importlib
import sys
from typing import TYPE_CHECKING

from tools import ROOT, _own_python

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "python3 -m tools"


def tools() -> dict[str, Path]:
    """The tools by name; none is loaded."""
    files = sorted((ROOT / "tools").glob("*.py"))
    return {file.stem.replace("_", "-"): file for file in files if not file.stem.startswith("_")}


def summary(file: Path) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n")[0]


def overview() -> str:
    """All tools with their descriptions."""
    known = tools()
    width = max(map(len, known))
    lines = [f"  {name:{width}}  {summary(file)}" for name, file in known.items()]
    return "\n".join([f"usage: {PROGRAM} NAME [-h] ...", "", *lines])


def main() -> int | None:
    """Run the tool named on the command line; returns the exit code."""
    if not sys.argv[1:] or sys.argv[1] in {"-h", "--help"}:
        print(overview())
        return 0
    name, known = sys.argv[1].replace("_", "-"), tools()
    if name not in known:
        print(f"no tool {name}: there is {', '.join(known)}", file=sys.stderr)
        return 2
    _own_python.enter()
    sys.path.append(str(ROOT / "scripts"))  # build_models is there
    sys.argv = [f"{PROGRAM} {name}", *sys.argv[2:]]
    code: int | None = importlib.import_module(f"tools.{known[name].stem}").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
