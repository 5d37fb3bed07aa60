"""The package for a Pi, installed and run on an emulated arm64: the same numbers as on a PC."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import cv2
import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgehands import HandTracker, TrackingConfig
from edgehands.geometry.constants import LANDMARK_INPUT_SIZE, PALM_INPUT_SIZE
from edgehands.geometry.roi import crop_to_frame, letterbox_to_frame
from tests.emulated.debian import Chroot, Said, build_package, needs, own_architecture, runs_arm64
from tools import ROOT
from tools.emulated.debian import CORTEX_A53, CORTEX_A72, CORTEX_A76, STOCK, Core, bootstrap

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.emulated.conftest import Note

pytestmark = needs("mmdebstrap", "unshare", "ip")

VENV = "/usr/lib/edgehands/venv/bin/python"
MODELS = "/usr/lib/edgehands/venv/lib/python3.11/site-packages/edgehands/_models"
CLIP = "demo.mp4"

FIRST_HAND = 38
"""The first frame of the demo's clip that shows a hand."""

PICTURES = 20
"""Frames from there on, tracked on both."""

WHOLLY_INTEGER = ("hand_landmark_lite_edgetpu", "hand_landmark_full_edgetpu")
"""int8 from the input to every output."""

INTEGER_TO_HEADS = ("hand_landmark_lite_int8", "hand_landmark_full_int8")
"""In use on a CPU: int8 from the third convolution to the last; then four small heads in float."""

FLOAT_PALMS = ("palm_detection_lite_float16", "palm_detection_full_float16_reordered")
"""Float throughout; the second is in use."""

DYNAMIC_PALMS = ("palm_detection_lite_dynamic_int8",)
"""In use: some int8 weights, whose inputs are made int8 again at each run."""

MOST_APART = {"hand": 1e-5, "float palm": 1e-5, "dynamic palm": 0.02, "palm in 16 bits": 0.02}
"""How far float outputs may be apart between the two machines, of the output's largest value.

The hands' are the interpreter's own heads, which edgehands works out exactly instead. Where float
is rounded to int8 in between, the seventh digit decides now and then over a whole step. And the
palm models in use are marked as fit for half precision, which a Pi 5 has instructions for.
"""

HALF_PRECISION = "asimdhp"
"""What /proc/cpuinfo calls those."""

PALMS_IN_USE = (FLOAT_PALMS[1], *DYNAMIC_PALMS)

TIMES = ("t", "t_mono", "latency_ms")
"""What ``edgehands track`` says of the machine and of the files, not of the hands."""

DECODED_APART = 2
"""Levels of 255: FFmpeg makes RGB of a video with other instructions on each machine."""


@dataclass(frozen=True)
class Installed:
    """A system with the package, and how the installation went."""

    system: Chroot
    installing: Said


@pytest.fixture(scope="module")
def pc(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Bookworm of this machine's kind."""
    return installed(tmp_path_factory.mktemp("pc"), own_architecture(), "bookworm-stock", None)


@pytest.fixture(scope="module")
def pi(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Bookworm for arm64."""
    if not runs_arm64():
        pytest.skip("programs for arm64 don't run here: apt install qemu-user-static arch-test")
    return installed(tmp_path_factory.mktemp("pi"), "arm64", "bookworm-arm64", CORTEX_A72)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Crops of the demo's clip, and the models that end in integers."""
    folder = tmp_path_factory.mktemp("inputs")
    np.savez(folder / "crops.npz", **crops())
    for name in INTEGER_TO_HEADS:
        cut = integers_of((ROOT / "models" / f"{name}.tflite").read_bytes())
        (folder / f"{name}_integers.tflite").write_bytes(cut)
    for name in WHOLLY_INTEGER:  # no package holds them
        shutil.copy(ROOT / "models" / f"{name}.tflite", folder)
    return folder


def installed(folder: Path, architecture: str, name: str, core: Core | None) -> Installed:
    """Install the package without a network."""
    base = bootstrap(name, "bookworm", packages=STOCK, architecture=architecture)
    system = Chroot(base, folder, core=core)
    package = build_package(folder, architecture)
    home = system.root / "root"
    shutil.move(package, home / package.name)
    for file in (
        ROOT / "edgehands" / "data" / CLIP,
        ROOT / "tests" / "emulated" / "raw_outputs.py",
    ):
        shutil.copy(file, home)
    return Installed(system, system.must(f"dpkg -i /root/{package.name}", seconds=1200))


def test_installs_without_a_network(pi: Installed, note: Note) -> None:
    """A Pi without internet would stay without edgehands."""
    note("arm64 Bookworm, no network", "`dpkg -i` of the package", pi.installing.seconds)
    machine = pi.system.must(f"{VENV} -c 'import platform; print(platform.machine())'")
    assert machine.text.strip() == "aarch64"


def test_apt_numpy_stays_in_use(pi: Installed) -> None:
    """picamera2 would break."""
    said = pi.system.must(f"{VENV} -c 'import cv2, numpy; print(numpy.__file__)'")
    assert said.text.startswith("/usr/lib/python3/dist-packages/")


@pytest.mark.parametrize("verb", ["check", "models", "cameras", "doctor --json"])
def test_command_runs(pi: Installed, verb: str, note: Note) -> None:
    """Somebody who looks after a Pi would see a traceback, or nothing."""
    said = pi.system.run(f"edgehands {verb}")
    note(f"arm64: edgehands {verb}", f"exit code {said.code}", said.seconds)
    # Neither a camera nor a broker is here, and the doctor says so.
    assert said.code == (1 if verb.startswith("doctor") else 0), said.text
    assert "Traceback" not in said.text


@pytest.mark.parametrize("core", [CORTEX_A53, CORTEX_A72, CORTEX_A76], ids=lambda core: core.name)
def test_integers_are_the_same_as_on_a_pc(
    pi: Installed, pc: Installed, inputs: Path, core: Core, note: Note
) -> None:
    """What is measured on a PC, accuracy above all, would not hold on a Pi."""
    names = (*WHOLLY_INTEGER, *INTEGER_TO_HEADS, *FLOAT_PALMS, *DYNAMIC_PALMS)
    here = raw_outputs(pc.system, inputs, names)
    there = raw_outputs(pi.system.on(core), inputs, names)
    assert here.keys() == there.keys()

    integers = {key for key, values in here.items() if values.dtype == np.int8}
    assert {key.split("/")[0] for key in integers} == {
        *WHOLLY_INTEGER,
        *(f"{name}_integers" for name in INTEGER_TO_HEADS),
    }
    for name in {key.split("/")[0] for key in integers}:
        widest = max(
            np.ptp(here[key].astype(int)) for key in integers if key.startswith(f"{name}/")
        )
        assert widest > 50, f"{name} says nothing"
    for key in sorted(integers):
        np.testing.assert_array_equal(there[key], here[key], err_msg=key)
    count = sum(here[key].size for key in integers)
    note(f"{core.name} ({core.boards}) against amd64, int8", f"{count} numbers, all the same")

    kinds = {key: kind_of(key, core) for key in here.keys() - integers}
    halved = HALF_PRECISION in core.features.split()
    expected = {"hand", "float palm", "palm in 16 bits" if halved else "dynamic palm"}
    assert set(kinds.values()) == expected
    for kind in sorted(expected):
        apart = max(
            float(np.abs(there[key] - here[key]).max() / np.abs(here[key]).max())
            for key in kinds
            if kinds[key] == kind
        )
        note(
            f"{core.name} against amd64, float outputs, {kind}",
            f"at most {apart:.1e} of the largest value apart",
        )
        assert apart <= MOST_APART[kind]
        # The same numbers in 16 bits would be those of 32: palms would take twice as long.
        assert kind != "palm in 16 bits" or apart > 1e-4


def kind_of(key: str, core: Core) -> str:
    """What sort of model a float output is of: a key of :data:`MOST_APART`."""
    name = key.split("/", maxsplit=1)[0]
    if name in INTEGER_TO_HEADS:
        return "hand"
    if name in PALMS_IN_USE and HALF_PRECISION in core.features.split():
        return "palm in 16 bits"
    return "dynamic palm" if name in DYNAMIC_PALMS else "float palm"


def test_tracks_the_demo_as_on_a_pc(pi: Installed, pc: Installed, note: Note) -> None:
    """Somebody's gestures, taught and tried on a PC, would not be seen on the Pi."""
    # As pictures, without loss: what a video decodes to differs (see below), and is not ours.
    pictures = clip(FIRST_HAND + PICTURES)[FIRST_HAND:]
    for where in (pc, pi):
        folder = where.system.root / "root" / "frames"
        folder.mkdir()
        for number, picture in enumerate(pictures):
            cv2.imwrite(str(folder / f"{number:03d}.png"), picture)
    command = "edgehands track /root/frames --sequence --threads 1 --json - 2>/dev/null"
    here, there = (where.system.must(command, seconds=1500) for where in (pc, pi))
    hands = 0
    for one, other in zip(lines_of(here), lines_of(there), strict=True):
        hands += len(one["hands"])
        for line in (one, other):
            for name in TIMES:
                del line[name]
            for event in line.get("events", ()):
                del event["t"]
        assert one == other
    assert hands >= PICTURES - 1
    note(
        f"{CORTEX_A72.name}: edgehands track, {PICTURES} frames of the demo's clip as pictures",
        f"{hands} hands, every number printed the same",
        there.seconds,
    )


def test_video_is_decoded_as_on_a_pc(pi: Installed, pc: Installed, note: Note) -> None:
    """A video would be tracked worse on a Pi than its pictures are."""
    count = FIRST_HAND + 5
    said = pi.system.must(
        f"edgehands track /root/{CLIP} --threads 1 --json - 2>/dev/null | head -n {count}",
        seconds=1500,
    )
    found = [len(line["hands"]) for line in lines_of(said)]
    assert found == [0] * FIRST_HAND + [1] * 5
    decode = (
        f'cd /root && {VENV} -c \'import av, numpy; clip = av.open("{CLIP}").decode(video=0);'
        ' numpy.save("decoded.npy",'
        f' [next(clip).to_ndarray(format="rgb24") for _ in range({count})])\''
    )
    for where in (pc, pi):
        where.system.must(decode)
    here, there = (
        np.load(where.system.root / "root" / "decoded.npy").astype(int) for where in (pc, pi)
    )
    apart = int(np.abs(there - here).max())
    note(
        f"{CORTEX_A72.name}: edgehands track {CLIP}, {count} frames",
        f"hands in the same frames; decoded pictures at most {apart} levels of 255 apart",
        said.seconds,
    )
    assert apart <= DECODED_APART


def lines_of(said: Said) -> list[dict[str, Any]]:
    """Give what ``edgehands track --json -`` printed."""
    return [json.loads(line) for line in said.text.splitlines()]


def clip(count: int) -> list[NDArray[np.uint8]]:
    """Give the first frames of the demo's clip, BGR, as this machine decodes them."""
    video = cv2.VideoCapture(str(ROOT / "edgehands" / "data" / CLIP))
    return [video.read()[1].astype(np.uint8) for _ in range(count)]


def crops() -> dict[str, Any]:
    """Inputs of the models from the demo's clip, (N, size, size, 3) uint8 RGB, named by size."""
    hands, frames = [], []
    with HandTracker(TrackingConfig(max_hands=2)) as tracker:
        for number, picture in enumerate(clip(600)):
            image = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8)
            found = tracker.process(image, number / 30)
            if number % 60 == 59:
                frames.append(draw(image, letterbox(image), PALM_INPUT_SIZE))
                hands += [
                    draw(image, crop_to_frame(hand.roi, LANDMARK_INPUT_SIZE), LANDMARK_INPUT_SIZE)
                    for hand in found
                ]
    assert len(hands) >= 5
    return {
        f"of_{LANDMARK_INPUT_SIZE}": np.stack(hands[:5]),
        f"of_{PALM_INPUT_SIZE}": np.stack(frames[:2]),
    }


def letterbox(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give the map from the palm model's input to the frame."""
    return letterbox_to_frame(image.shape[1], image.shape[0], PALM_INPUT_SIZE)


def draw(
    image: NDArray[np.uint8], to_frame: NDArray[np.floating[Any]], size: int
) -> NDArray[np.uint8]:
    """Draw a model's input."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cast("NDArray[np.uint8]", cv2.warpAffine(image, to_frame, (size, size), flags=flags))


def raw_outputs(system: Chroot, folder: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Run the installed models, and the cut ones, on the crops."""
    home = system.root / "root"
    for file in folder.glob("*.*"):
        shutil.copy(file, home)
    models = [f"{'/root' if name in WHOLLY_INTEGER else MODELS}/{name}.tflite" for name in names]
    models += [f"/root/{file.name}" for file in folder.glob("*_integers.tflite")]
    system.must(
        f"{VENV} /root/raw_outputs.py /root/crops.npz /root/out.npz {' '.join(models)}",
        seconds=1500,
    )
    with np.load(home / "out.npz") as found:
        return dict(found)


def integers_of(model: bytes) -> bytes:
    """Give the model ended where its last integers become float: they are its output."""
    whole = schema.ModelT.InitFromPackedBuf(model, 0)
    (graph,) = whole.subgraphs
    codes = [code.builtinCode for code in whole.operatorCodes]
    place = max(
        number
        for number, operator in enumerate(graph.operators)
        if codes[operator.opcodeIndex] == schema.BuiltinOperator.DEQUANTIZE
    )
    assert graph.tensors[graph.operators[place].inputs[0]].type == schema.TensorType.INT8
    graph.outputs = graph.operators[place].inputs
    graph.operators = graph.operators[:place]
    whole.signatureDefs = []
    builder = flatbuffers.Builder(len(model))
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())
