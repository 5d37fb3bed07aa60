"""Judge the files of models/ against their float parents: the tables of docs/models.md."""

from __future__ import annotations

import os

from build_models import report

from tools import ROOT


def main() -> None:
    """Do what the command line says, with paths from the checkout's root on."""
    os.chdir(ROOT)
    report.main()
