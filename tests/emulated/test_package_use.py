"""What the package leaves out of its wheels isn't missed: verbs, pictures, films, calibration."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from tests.emulated.debian import Chroot, build_package, needs, own_architecture
from tests.test_calibration import CX, CY, FOCAL, views
from tools import ROOT
from tools.emulated.debian import STOCK, bootstrap

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs("mmdebstrap", "unshare", "ip")

PYTHON = "/usr/lib/edgehands/venv/bin/python"

SOLVES = """
import cv2, numpy as np
random = np.random.default_rng(0)
a, b = random.random((150, 150)), random.random((150, 3))
whole = a @ a.T + np.eye(150)
for name in ("LU", "QR", "SVD", "CHOLESKY"):
    matrix = whole if name == "CHOLESKY" else a
    good, x = cv2.solve(matrix, b, flags=getattr(cv2, f"DECOMP_{name}"))
    print(name, good, np.abs(matrix @ x - b).max() < 1e-6)
product = cv2.gemm(a, a, 1, None, 0)
print("GEMM", True, np.abs(product - a @ a).max() < 1e-9)
"""
"""So large that OpenCV leaves it to LAPACK and BLAS."""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Chroot:
    """A Debian of this machine's kind, the package installed without a network."""
    suite = request.param
    folder = tmp_path_factory.mktemp(suite)
    system = Chroot(bootstrap(f"{suite}-stock", suite, packages=STOCK), folder)
    package = build_package(folder, own_architecture(), suite)
    shutil.move(package, system.root / "root" / package.name)
    system.must(f"dpkg -i /root/{package.name}", seconds=1200)
    shutil.copy(ROOT / "edgehands" / "data" / "demo.mp4", system.root / "root")
    return system


def folder_of(system: Chroot, name: str) -> Path:
    """A new folder in root's home there."""
    folder = system.root / "root" / name
    folder.mkdir()
    return folder


def seen(said: str) -> list[int]:
    """How many hands each JSON line has."""
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [len(line["hands"]) for line in lines]


def test_every_verb_starts(system: Chroot) -> None:
    """A verb would end in a traceback: what it imports was left out."""
    said = system.must("edgehands --help").text
    verbs = re.findall(r"^  ([a-z]+)  +[A-Z]", said.partition("Commands:")[2], re.MULTILINE)
    assert len(verbs) >= 19
    for verb in verbs:
        assert "Usage: edgehands" in system.must(f"edgehands {verb} --help").text
    assert "Traceback" not in system.run("edgehands doctor --help && edgehands models").text


def test_a_camera_is_calibrated(system: Chroot) -> None:
    """OpenCV solves with LAPACK, which on a PC is Debian's."""
    pictures = folder_of(system, "boards")
    for number, picture in enumerate(views(14)):
        cv2.imwrite(str(pictures / f"{number:02}.png"), picture)
    said = system.must("edgehands cameras calibrate --json /root/boards").text
    (line,) = (line for line in said.splitlines() if line.startswith("{"))
    found = json.loads(line)["intrinsics"]
    assert found["fx"] == pytest.approx(FOCAL, rel=0.01)
    assert found["cx"] == pytest.approx(CX, abs=6)
    assert found["cy"] == pytest.approx(CY, abs=6)


def test_opencv_solves_large_systems(system: Chroot) -> None:
    """A library in OpenBLAS's stead that did nothing would make wrong numbers, without an error."""
    (system.root / "root" / "solves.py").write_text(SOLVES)
    lines = system.must(f"{PYTHON} /root/solves.py").text.split("\n")[:-1]
    assert len(lines) == 5
    assert all(line.endswith("True True") for line in lines), lines


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "gif", "bmp", "tif", "jp2", "avif"])
def test_pictures_are_read(system: Chroot, ending: str) -> None:
    """Somebody's photographs could not be looked at any more."""
    pictures = folder_of(system, ending)
    with av.open(ROOT / "edgehands" / "data" / "demo.mp4") as clip:
        frame = next(itertools.islice(clip.decode(video=0), 60, None))
    Image.fromarray(frame.to_ndarray(format="rgb24")).save(pictures / f"hand.{ending}")
    said = system.must(f"edgehands track /root/{ending}/hand.{ending} --json -").text
    assert seen(said) != []
    assert max(seen(said)) >= 1


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm", "avi"])
def test_films_are_written_and_read(system: Chroot, ending: str) -> None:
    """The encoders that stay aren't those that films are written with."""
    words = f"cd /root && edgehands track demo.mp4 --frames 40 --video out.{ending} --json first"
    system.must(words, seconds=200)
    first = seen((system.root / "root" / "first").read_text())
    again = seen(system.must(f"edgehands track /root/out.{ending} --json -", seconds=200).text)
    assert len(first) == len(again) == 40
    assert np.mean(np.equal(first, again)) > 0.8


@pytest.mark.parametrize("ending", ["mp4", "webm", "mkv", "avi"])
def test_synthetic_films_are_drawn(system: Chroot, ending: str) -> None:
    """What measures the tracker could not be made."""
    said = system.must(f"cd /root && edgehands synth --size 320x240 clip.{ending}", seconds=300)
    assert "Traceback" not in said.text
    frames = system.must(
        f"edgehands track /root/clip.{ending} --frames 5 --json -", seconds=200
    ).text
    assert len(seen(frames)) == 5


def test_opencv_needs_no_openblas_of_its_own(system: Chroot) -> None:
    """On a PC numpy and OpenCV would carry one each: a third of the package."""
    if own_architecture() != "amd64":
        pytest.skip("on a Pi the package carries all, as it may have no network")
    said = system.must(
        f"{PYTHON} -c 'import cv2, numpy; print(open(\"/proc/self/maps\").read())'"
    ).text
    mapped = {line.split()[-1] for line in said.splitlines() if ".so" in line}
    assert any("liblapack.so.3" in name for name in mapped)
    assert "/usr/lib/python3/dist-packages/numpy" in said
    wheels = sorted(path.name for path in (system.root / "usr/lib/edgehands/wheels").iterdir())
    assert not [name for name in wheels if name.startswith("numpy")]
