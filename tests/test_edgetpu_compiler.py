"""Compiling for the Edge TPU, with a stand-in that prints what Google's compiler prints."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edgehands.backends.edgetpu_compiler import Operators, parse_log
from edgehands.model_store import ModelStore

if TYPE_CHECKING:
    from pathlib import Path

# The form of versions 15 and 16 as people have reported it (google-coral/edgetpu, issues 342, 356,
# 393 and 490), with figures of our own.
LOG = """\
Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 1254 ms.

Input model: {source}
Input size: 1.60MiB
Output model: {target}
Output size: 1.90MiB
On-chip memory used for caching model parameters: 1.75MiB
On-chip memory remaining for caching model parameters: 5.01MiB
Off-chip memory used for streaming uncached model parameters: 0.00B
Number of Edge TPU subgraphs: 1
Total number of operations: 84
Operation log: {target}.log
{warning}
Operator                       Count      Status

CONV_2D                        32         Mapped to Edge TPU
PRELU                          40         Mapped to Edge TPU
{rest}
Compilation child process completed within timeout period.
Compilation succeeded!
"""
WARNING = """
Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of \
the model will instead run on the CPU, which is slower.
Number of operations that will run on Edge TPU: 78
Number of operations that will run on CPU: 6
"""
BAD = """\
CONV_2D                        1          More than one subgraph is not supported
DEQUANTIZE                     2          Operation is working on an unsupported data type"""
FAILURE = """\
Edge TPU Compiler version 16.0.384591198
ERROR: Restored original execution plan after delegate application failure.
Compilation failed: Compilation failed due to large activation tensors in model.
Compilation failed!
"""

COMPILER = """\
#!{python}
import pathlib, sys
log, warning, rest, failure = {texts!r}
assert sys.argv[1:3] == ["-s", "-o"]
if failure:
    print(failure)
    sys.exit(1)
for source in map(pathlib.Path, sys.argv[4:]):
    target = pathlib.Path(sys.argv[3]) / (source.stem + "_edgetpu.tflite")
    target.write_bytes(source.read_bytes() + b"edgetpu-custom-op")
    print(log.format(source=source, target=target, warning=warning, rest=rest))
"""


def compiler(folder: Path, *, warning: str = "", rest: str = "", failure: str = "") -> Path:
    """Put a compiler into a folder that prints this."""
    folder.mkdir(exist_ok=True)
    path = folder / "edgetpu_compiler"
    texts = (LOG, warning, rest, failure)
    path.write_text(COMPILER.format(python=sys.executable, texts=texts))
    path.chmod(0o755)
    return folder


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """A models folder with one landmark model that waits to be compiled."""
    folder = tmp_path / "models"
    shutil.copytree(ModelStore().folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    kept = [entry for entry in manifest["models"] if entry["backends"] != ["edgetpu"]]
    (entry,) = [entry for entry in kept if entry["file"] == "hand_landmark_lite_int8.tflite"]
    made = {**entry, "file": "for_tpu.tflite", "backends": ["edgetpu"], "default_for": ["edgetpu"]}
    shutil.copy(folder / entry["file"], folder / made["file"])
    (folder / "manifest.json").write_text(json.dumps({**manifest, "models": [*kept, made]}))
    return folder


def run(path: Path, models: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``edgehands models WORDS…`` with this folder before all others in PATH."""
    return subprocess.run(
        [sys.executable, "-c", "from edgehands.cli import main; main()", "models", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={
            **os.environ,
            "PATH": f"{path}:/usr/bin:/bin",
            "EDGEHANDS_MODELS": str(models),
            "COLUMNS": "100",
        },
    )


def test_the_compiler_s_words_are_read() -> None:
    """Without it: an operator that falls back to the CPU would be overlooked."""
    text = LOG.format(source="a/x.tflite", target="b/x_edgetpu.tflite", warning=WARNING, rest=BAD)
    one, two = parse_log(text + text.replace("x.tflite", "y.tflite"))
    assert (one.source, one.target) == ("a/x.tflite", "b/x_edgetpu.tflite")
    assert two.source == "a/y.tflite"
    assert one.operators == (
        Operators("CONV_2D", 32, "Mapped to Edge TPU"),
        Operators("PRELU", 40, "Mapped to Edge TPU"),
        Operators("CONV_2D", 1, "More than one subgraph is not supported"),
        Operators("DEQUANTIZE", 2, "Operation is working on an unsupported data type"),
    )
    assert (one.cached, one.streamed) == ("1.75MiB", "0.00B")
    assert [o.name for o in one.unexpected(())] == ["CONV_2D", "DEQUANTIZE"]
    assert [o.name for o in one.unexpected(["DEQUANTIZE"])] == ["CONV_2D"]
    assert parse_log(FAILURE) == ()


def test_a_folder_with_the_compiled_model_is_written(tmp_path: Path, waiting: Path) -> None:
    """Without it: a compiled file would have to be entered into the manifest by hand."""
    done = run(
        compiler(tmp_path / "bin"), waiting, "compile", str(tmp_path / "new"), "--model=lite"
    )
    assert done.returncode == 0, done.stderr
    assert "CONV_2D" in done.stdout
    assert f"EDGEHANDS_MODELS={tmp_path / 'new'}" in done.stdout
    store = ModelStore(tmp_path / "new")
    for spec in store:
        store.verify(spec)
    spec = store.find("hand_landmark", "lite", "int8", "edgetpu")
    assert spec.file == "for_tpu_edgetpu.tflite"
    assert len(list(store)) == len(list(ModelStore(waiting)))
    again = run(tmp_path / "bin", tmp_path / "new", "compile", str(tmp_path / "x"), "--model=lite")
    assert again.returncode == 2
    assert "is compiled already" in again.stderr


def test_an_operator_on_the_cpu_is_refused_unless_allowed(tmp_path: Path, waiting: Path) -> None:
    """Without it: a model that runs half on the CPU would be called one of the Edge TPU."""
    path = compiler(tmp_path / "bin", warning=WARNING, rest=BAD)
    new = tmp_path / "new"
    done = run(path, waiting, "compile", str(new), "--model=lite", "--allow=DEQUANTIZE")
    assert done.returncode == 1
    assert "1 operators would run on the CPU (CONV_2D)" in done.stderr
    assert "CPU: More than one subgraph" in done.stdout
    assert not new.exists()
    words = ("compile", str(new), "--model=lite", "--allow=DEQUANTIZE", "--allow=CONV_2D")
    assert run(path, waiting, *words).returncode == 0
    assert (new / "manifest.json").exists()


def test_what_can_go_wrong_is_one_line(tmp_path: Path, waiting: Path) -> None:
    """Without it: a missing compiler, or its failure, would end in a traceback."""
    before = hashlib.sha256((waiting / "manifest.json").read_bytes()).digest()
    new = str(tmp_path / "new")
    missing = run(tmp_path / "empty", waiting, "compile", new, "--model=lite")
    assert (missing.returncode, "isn't installed" in missing.stderr) == (1, True)
    path = compiler(tmp_path / "bin", failure=FAILURE)
    failed = run(path, waiting, "compile", new, "--model=lite")
    assert (failed.returncode, "large activation tensors" in failed.stderr) == (1, True)
    taken = run(compiler(path), waiting, "compile", str(waiting), "--model=lite")
    assert (taken.returncode, "exists: give the name" in taken.stderr) == (2, True)
    none = run(path, waiting, "compile", new, "--model=full")
    assert (none.returncode, "for backend 'edgetpu'" in none.stderr) == (1, True)
    for done in (missing, failed, taken, none):
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert hashlib.sha256((waiting / "manifest.json").read_bytes()).digest() == before


def test_the_list_is_still_there(tmp_path: Path, waiting: Path) -> None:
    """Without it: the new verb below ``models`` would have cost the old one."""
    listed = run(tmp_path, waiting, "--json")
    assert listed.returncode == 0, listed.stderr
    assert any(m["file"] == "for_tpu.tflite" for m in json.loads(listed.stdout)["models"])
