"""The man page and the shells' completion, made from the command line's own help."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from deb.archive import Entry

if TYPE_CHECKING:
    from pathlib import Path

_SHELLS = {
    "bash": "usr/share/bash-completion/completions/edgehands",
    "zsh": "usr/share/zsh/vendor-completions/_edgehands",
    "fish": "usr/share/fish/vendor_completions.d/edgehands.fish",
}

_ENDING = """\
.SH FILES
.TP
.I /etc/edgehands/edgehands.toml, /boot/firmware/edgehands.toml
The configuration; the second is read over the first.
.SH EXIT STATUS
0 good, 1 failed, 2 wrong usage or configuration.
.SH SEE ALSO
/usr/share/doc/edgehands
"""


def manual_entries(root: Path, version: str, date: str) -> list[Entry]:
    """``edgehands(1)`` and the completions.

    Args:
        root: the checkout.
        version: of edgehands.
        date: for the page's foot.
    """
    page = man_page(root, version, date).encode()
    entries = [Entry("usr/share/man/man1/edgehands.1.gz", gzip.compress(page, 9, mtime=0))]
    for shell, place in _SHELLS.items():
        text = _edgehands(root, _EDGEHANDS_COMPLETE=f"source_{shell}")
        entries.append(Entry(place, text.encode()))
    return entries


def man_page(root: Path, version: str, date: str) -> str:
    """The man page as roff: the help of every command."""
    sys.path.insert(0, str(root))
    from edgehands.cli import VERBS  # noqa: PLC0415

    parts = [
        f'.TH EDGEHANDS 1 "{date}" "edgehands {version}"',
        ".SH NAME\nedgehands \\- real-time 3-D hand landmarks over MQTT",
        ".SH SYNOPSIS\n.B edgehands\n.I COMMAND\n[\\fIOPTIONS\\fR]",
        ".SH COMMANDS",
    ]
    for name, verb in VERBS.items():
        parts.append(f".TP\n.B {name}\n{_roff(verb.summary)}")
    parts += [
        f".SS edgehands {name}\n.nf\n{_roff(_edgehands(root, name, '--help'))}\n.fi"
        for name in VERBS
    ]
    return "\n".join(parts) + "\n" + _ENDING


def _roff(text: str) -> str:
    lines = text.strip().replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in lines)


def _edgehands(root: Path, *words: str, **env: str) -> str:
    own = root / ".venv" / "bin" / "python"
    python = str(own) if own.exists() else sys.executable
    done = subprocess.run(
        [python, "-m", "edgehands", *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "COLUMNS": "80", **env},
    )
    if done.returncode:
        raise SystemExit(f"build_deb: edgehands {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
