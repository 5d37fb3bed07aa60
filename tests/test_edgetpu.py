"""The Edge TPU's backend, with a delegate of our own in C in the place of libedgetpu.

No test here has met a real Edge TPU. What they show: the documented way of loading a delegate,
every way in which that fails, the choice of the backend, and what is left of a crash.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgehands import HandTracker, TrackingConfig
from edgehands.backends import choose_backend
from edgehands.backends.cpu import CpuModel, load_runtime
from edgehands.backends.crash_marker import (
    LONGEST_PAUSE_S,
    NAME,
    PAUSE_S,
    CrashMarker,
    marker_file,
)
from edgehands.backends.edgetpu import COMPILED_OPERATOR, LIBRARY, EdgeTpuBackend, google_pycoral
from edgehands.errors import BackendUnavailable
from edgehands.model_store import ModelStore
from edgehands.synthetic import random_scene, render_scene

SOURCE = Path(__file__).parent / "delegate" / "delegate.c"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The delegate, under the name of Coral's own library."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler is installed: apt-get install gcc")
    path = tmp_path_factory.mktemp("delegate") / LIBRARY
    words = ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-O1", "-pthread"]
    subprocess.run([compiler, *words, "-o", str(path), str(SOURCE)], check=True)
    return path


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the delegate writes what happens to it."""
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("TEST_DELEGATE_LOG", str(path))
    return path


@pytest.fixture
def marker(tmp_path: Path) -> CrashMarker:
    """A note of one's own, so that tests don't see each other's."""
    return CrashMarker(tmp_path / "run" / NAME)


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A models folder whose manifest says that int8 landmark models are made for the Edge TPU.

    They only bear the compiler's mark at their end, which no reader of the format minds: our
    delegate leaves all operations to the CPU, so they run all the same.
    """
    folder = tmp_path / "models"
    shutil.copytree(ModelStore().folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    kept = [entry for entry in manifest["models"] if entry["backends"] != ["edgetpu"]]
    manifest["models"] = kept
    for entry in list(kept):
        if entry["task"] == "hand_landmark" and entry["precision"] == "int8":
            made = {**entry, "file": entry["file"].replace("int8", "int8_edgetpu")}
            made["backends"] = made["default_for"] = ["edgetpu"]
            marked = (folder / entry["file"]).read_bytes() + COMPILED_OPERATOR
            (folder / made["file"]).write_bytes(marked)
            made["sha256"] = hashlib.sha256(marked).hexdigest()
            manifest["models"].append(made)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def uncompiled(folder: Path) -> Path:
    """Take the compiler's mark from the models of :func:`compiled` again."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in manifest["models"]:
        if entry["backends"] == ["edgetpu"]:
            plain = (folder / entry["file"]).read_bytes().removesuffix(COMPILED_OPERATOR)
            (folder / entry["file"]).write_bytes(plain)
            entry["sha256"] = hashlib.sha256(plain).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def in_process(
    code: str, library: Path, models: Path, run: Path, **env: str
) -> subprocess.CompletedProcess[str]:
    """Python code in a process that finds the delegate as a Pi finds libedgetpu, and may die."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            **os.environ,
            "LD_LIBRARY_PATH": str(library.parent),
            "EDGEHANDS_MODELS": str(models),
            "RUNTIME_DIRECTORY": str(run),
            **env,
        },
    )


HEADS_APART = 1e-3
"""Frame pixels. The test's delegate leaves the model's last layers to the interpreter, in float;
the CPU's are worked out exactly (edgehands.backends.heads)."""

USE = """
import time
import numpy as np
from edgehands import HandTracker, TrackingConfig
with HandTracker(TrackingConfig(model="lite")) as tracker:
    print(tracker.backend.name, "|", tracker.backend.detail, flush=True)
    until = time.monotonic() + {seconds}
    while True:
        tracker.process(np.zeros((48, 64, 3), np.uint8))
        if time.monotonic() >= until:
            break
        time.sleep(0.01)
print("clean end", flush=True)
"""


def test_models_run_through_the_delegate_and_it_is_let_go(
    library: Path, log: Path, marker: CrashMarker, compiled: Path
) -> None:
    """Without it: nobody would know whether the documented way of loading a delegate works."""
    store = ModelStore(compiled)
    spec = store.find("hand_landmark", "lite", "auto", "edgetpu")
    plain = store.find("hand_landmark", "lite", "int8", "cpu")
    image = np.random.default_rng(1).integers(0, 256, (224, 224, 3), np.uint8)
    backend = EdgeTpuBackend(1, library=str(library), marker=marker)
    seen = []
    # The heads by the interpreter too, not by edgehands: the delegate leaves them to it.
    interpreter = load_runtime()[1].Interpreter(model_path=str(store.verify(plain)), num_threads=1)
    interpreter.allocate_tensors()
    for model in (backend.load(spec, store.verify(spec)), CpuModel(plain, interpreter)):
        model.pixels()[...] = image
        model.run()
        seen.append(model.output("landmarks"))
    assert np.array_equal(seen[0], seen[1])
    assert LIBRARY in backend.detail
    assert log.read_text().split() == ["create", "prepare"]
    backend.close()
    del model, backend
    assert log.read_text().split() == ["create", "prepare", "destroy"]


def test_palm_detection_stays_on_the_cpu_unless_told(
    library: Path, marker: CrashMarker, log: Path
) -> None:
    """Without it: the model that the compiler most likely refuses would be asked of the TPU."""
    split = EdgeTpuBackend(1, library=str(library), marker=marker)
    assert (split.kind("palm_detection"), split.kind("hand_landmark")) == ("cpu", "edgetpu")
    store = ModelStore()
    palm = store.find("palm_detection", "lite", "auto", "cpu")
    split.load(palm, store.verify(palm)).run()
    assert "prepare" not in log.read_text()  # the delegate never saw it
    split.close()
    both = EdgeTpuBackend(1, palm=True, library=str(library), marker=marker)
    assert (both.kind("palm_detection"), both.kind("hand_landmark")) == ("edgetpu", "edgetpu")
    both.close()


def test_tracker_uses_both_and_sees_the_same(
    library: Path, marker: CrashMarker, compiled: Path
) -> None:
    """Without it: the split of the two models could give other hands than the CPU alone."""
    store = ModelStore(compiled)
    picture = render_scene(random_scene(7, gesture="open_palm")).image
    backend = EdgeTpuBackend(1, library=str(library), marker=marker)
    config = TrackingConfig(model="lite", backend="edgetpu", static_image=True)
    with HandTracker(config, store=store, backend=backend) as tracker:
        assert [spec.backends for spec in tracker.models] == [("cpu",), ("edgetpu",)]
        on_tpu = tracker.process(picture)
    backend.close()
    plain = TrackingConfig(model="lite", backend="cpu", static_image=True)
    with HandTracker(plain, store=store) as tracker:
        on_cpu = tracker.process(picture)
    assert len(on_tpu) == 1
    assert [hand.roi for hand in on_tpu] == [hand.roi for hand in on_cpu]
    for here, there in zip(on_tpu, on_cpu, strict=True):
        assert np.abs(here.landmarks - there.landmarks).max() <= HEADS_APART


def test_without_a_device_one_line_says_what_to_do(
    library: Path, marker: CrashMarker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without it: who asks for a TPU that isn't plugged in would get a traceback, or a mark."""
    monkeypatch.setenv("TEST_DELEGATE", "absent")
    with pytest.raises(BackendUnavailable, match=r"no device was found\): connect it") as error:
        EdgeTpuBackend(1, library=str(library), marker=marker)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run" / NAME).exists()  # that was no crash


@pytest.mark.parametrize("name", ["libedgetpu-is-not-here.so.1", "libc.so.6"])
def test_without_a_library_one_line_says_what_to_do(name: str, marker: CrashMarker) -> None:
    """Without it: a missing or wrong library would end in a loader's error."""
    with pytest.raises(BackendUnavailable, match=r"can't be loaded .*install libedgetpu"):
        EdgeTpuBackend(1, library=name, marker=marker)
    assert marker.last_crash() is None


def test_a_model_that_the_device_refuses_is_named(
    library: Path, marker: CrashMarker, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it: a model compiled for another library would end in a traceback."""
    monkeypatch.setenv("TEST_DELEGATE", "refuse")
    store = ModelStore(compiled)
    spec = store.find("hand_landmark", "lite", "auto", "edgetpu")
    backend = EdgeTpuBackend(1, library=str(library), marker=marker)
    with pytest.raises(BackendUnavailable, match=f"doesn't take {spec.file}"):
        backend.load(spec, store.verify(spec))
    backend.close()


def test_a_model_that_was_never_compiled_is_refused(
    library: Path, marker: CrashMarker, log: Path
) -> None:
    """Without it: int8 models would run on the CPU while ``info`` speaks of the Edge TPU."""
    store = ModelStore()
    spec = store.find("hand_landmark", "lite", "int8", "cpu")
    backend = EdgeTpuBackend(1, library=str(library), marker=marker)
    with pytest.raises(BackendUnavailable, match="isn't compiled for the Edge TPU"):
        backend.load(spec, store.verify(spec))
    assert "prepare" not in log.read_text()
    backend.close()


def test_by_name_it_needs_compiled_models(
    library: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it: a model made for the CPU would be sent to the TPU."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(
        "edgehands.backends.edgetpu.EdgeTpuBackend.__init__.__kwdefaults__",
        {
            "palm": False,
            "library": str(library),
            "marker": None,
        },
    )
    with pytest.raises(BackendUnavailable, match="isn't compiled for the Edge TPU"):
        HandTracker(TrackingConfig(backend="edgetpu"))
    assert "create" in log.read_text()
    assert not (tmp_path / NAME).exists()  # what it opened it has closed again
    gc.collect()  # the error holds the delegate, which would speak into the next test's log


def test_auto_touches_no_driver_without_compiled_models(
    library: Path, log: Path, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it: every start on a machine with a stray old library could crash for nothing."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library.parent))
    for store in (ModelStore(), ModelStore(uncompiled(compiled))):
        backend = choose_backend(TrackingConfig(backend="auto"), store)
        assert backend.name == "cpu"
        assert backend.detail.endswith("not on the Edge TPU: no model is compiled for it")
    assert log.read_text() == ""


def test_auto_takes_a_working_device_and_else_says_why(
    library: Path, compiled: Path, tmp_path: Path
) -> None:
    """Without it: a plugged-in TPU would lie idle, or a missing one would stop the service."""
    run = tmp_path / "run"
    works = in_process(USE.format(seconds=0), library, compiled, run)
    assert works.stdout.splitlines()[-1] == "clean end", works.stderr
    assert works.stdout.startswith("edgetpu | landmarks on the Edge TPU (libedgetpu.so.1)")
    assert not (run / NAME).exists()
    for fault, reason in {
        "absent": "not on the Edge TPU: no Edge TPU answers (no device was found)",
        "refuse": "not on the Edge TPU: the Edge TPU doesn't take",
    }.items():
        fails = in_process(USE.format(seconds=0), library, compiled, run, TEST_DELEGATE=fault)
        assert fails.stdout.startswith("cpu | "), fails.stderr
        assert reason in fails.stdout
        assert fails.stdout.splitlines()[-1] == "clean end"
        assert not (run / NAME).exists(), fault


@pytest.mark.parametrize("fault", ["abort", "abort_later"])
def test_an_abort_is_survived_by_the_next_start(
    library: Path, compiled: Path, tmp_path: Path, fault: str
) -> None:
    """Without it: with a loose USB cable the service would restart forever and track no hand."""
    run = tmp_path / "run"
    code = USE.format(seconds=30)
    died = in_process(code, library, compiled, run, TEST_DELEGATE=fault)
    assert died.returncode == -signal.SIGABRT, died.stderr
    assert "clean end" not in died.stdout
    assert died.stdout.startswith("edgetpu") == (fault == "abort_later")
    # The device still fails, but it isn't asked.
    after = in_process(USE.format(seconds=0), library, compiled, run, TEST_DELEGATE=fault)
    assert after.returncode == 0, after.stderr
    assert after.stdout.startswith("cpu | ")
    assert "ended without an error message" in after.stdout
    assert "once; starts before" in after.stdout
    # When its time is over, the TPU is tried again, and a clean end forgets everything.
    old = (run / NAME).stat().st_mtime - PAUSE_S - 1
    os.utime(run / NAME, (old, old))
    again = in_process(USE.format(seconds=0), library, compiled, run)
    assert again.stdout.startswith("edgetpu"), again.stdout
    assert not (run / NAME).exists()


def test_pauses_grow_with_each_crash(tmp_path: Path) -> None:
    """Without it: a broken TPU would be tried every ten minutes for years."""
    path = tmp_path / NAME
    now = 0.0
    marker = CrashMarker(path, now=lambda: now)
    pauses = []
    for crashes in (0, 1, 2, 10, 5000):
        path.write_bytes(msgspec.json.encode({"pid": 2**22 + 5, "started": 1, "crashes": crashes}))
        written = path.stat().st_mtime
        crash = marker.last_crash()
        assert crash is not None
        assert crash.count == crashes + 1
        pauses.append(round(crash.retry - written))
        now = crash.retry - 1
        assert marker.blocks() == crash
        now = crash.retry + 1
        assert marker.blocks() is None
    assert pauses == [PAUSE_S, 2 * PAUSE_S, 4 * PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    marker.write()  # the next attempt carries the count on
    assert json.loads(path.read_bytes())["crashes"] == 5001


def test_a_running_neighbour_is_no_crash(tmp_path: Path) -> None:
    """Without it: running bench next to the service would report the service as crashed."""
    path = tmp_path / NAME
    marker = CrashMarker(path)
    marker.write()
    assert marker.last_crash() is None
    # The same number, but another process: pids are used again.
    note = json.loads(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**note, "started": note["started"] - 1}))
    assert marker.last_crash() is not None
    path.write_bytes(msgspec.json.encode({**note, "pid": 1}))
    marker.remove()
    assert path.exists()  # another's note stays


@pytest.mark.parametrize("content", [b"", b"{", b'{"pid": "x"}', b"\xff\xfe"])
def test_a_broken_note_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    """Without it: half a file in the runtime directory would stop the service."""
    path = tmp_path / NAME
    path.write_bytes(content)
    assert CrashMarker(path).blocks() is None
    CrashMarker(path).write()
    assert json.loads(path.read_bytes())["pid"] == os.getpid()


def test_the_note_lies_in_memory_or_nowhere(tmp_path: Path) -> None:
    """Without it: the card would be written at every start, or a missing folder would matter."""
    assert (
        marker_file({"RUNTIME_DIRECTORY": "/run/edgehands:/run/x"}) == Path("/run/edgehands") / NAME
    )
    assert marker_file({"XDG_RUNTIME_DIR": "/run/user/5"}) == Path("/run/user/5/edgehands") / NAME
    assert marker_file({}) is None
    nowhere = CrashMarker(None)
    nowhere.write()
    nowhere.remove()
    assert nowhere.blocks() is None
    blocked = tmp_path / "file"
    blocked.touch()
    CrashMarker(blocked / NAME).write()  # a place that can't be written is borne


def test_the_coral_reef_package_is_not_google_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it: the tool called pycoral on the Python index would be run as a TPU's driver."""
    package = tmp_path / "pycoral"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert google_pycoral() is None


def test_google_s_pycoral_is_used_where_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    library: Path,
    log: Path,
    compiled: Path,
) -> None:
    """Without it: who has installed Google's package would still go past it."""
    utils = tmp_path / "pycoral" / "utils"
    utils.mkdir(parents=True)
    (utils.parent / "__init__.py").touch()
    (utils / "__init__.py").touch()
    (utils / "edgetpu.py").write_text(
        "from ai_edge_litert.interpreter import Interpreter, load_delegate\n"
        "def load_edgetpu_delegate(options=None):\n"
        f"    return load_delegate({str(library)!r}, options)\n"
        "def make_interpreter(path, device=None, delegate=None):\n"
        "    return Interpreter(model_path=path, experimental_delegates=[delegate])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("pycoral", "pycoral.utils", "pycoral.utils.edgetpu"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    store = ModelStore(compiled)
    spec = store.find("hand_landmark", "lite", "auto", "edgetpu")
    backend = EdgeTpuBackend(1, marker=CrashMarker(None))
    assert "(pycoral)" in backend.detail
    backend.load(spec, store.verify(spec)).run()
    assert {"create", "prepare"} <= set(log.read_text().split())
    backend.close()
    for name in ("pycoral", "pycoral.utils", "pycoral.utils.edgetpu"):
        sys.modules.pop(name, None)
