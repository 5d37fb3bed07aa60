"""``edgehands cameras``: the list, the board to print, and the calibration, as users meet them."""

from __future__ import annotations

import json
import struct
import tomllib
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest

from edgehands.calibration.board import Board
from edgehands.calibration.views import find_corners
from edgehands.config import load
from edgehands.config.edit import set_in_file
from edgehands.errors import ConfigError
from tests.test_calibration import CX, CY, FOCAL, views
from tests.test_cli import one_line, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 12 pictures of the printed board by a known camera."""
    folder = tmp_path_factory.mktemp("views")
    for number, picture in enumerate(views(12)):
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


def test_the_list_is_what_it_was() -> None:
    """Scripts that read the list of cameras must not notice that calibration came to it."""
    assert isinstance(json.loads(run("cameras", "--json").stdout), list)
    listed = run("cameras")
    assert listed.returncode == 0
    shown = run("cameras", "--help").stdout
    assert "calibrate" in shown
    assert "checkerboard" in shown
    assert "--json" in shown


def test_pictures_give_the_lines_for_the_configuration(pictures: Path, tmp_path: Path) -> None:
    """The printed lines, pasted into the file, must be the camera that took the pictures."""
    done = run("cameras", "calibrate", pictures)
    assert done.returncode == 0, done.stderr
    pose = tomllib.loads(done.stdout)["pose"]
    assert pose["focal_x"] == pytest.approx(FOCAL, rel=0.01)
    assert pose["focal_y"] == pytest.approx(FOCAL, rel=0.01)
    assert (pose["calibrated_width"], pose["calibrated_height"]) == (640, 480)
    assert "12 views" in done.stderr
    pasted = tmp_path / "edgehands.toml"
    pasted.write_text(done.stdout)
    assert load([pasted], env={}).pose.focal_x == pose["focal_x"]
    told = json.loads(run("cameras", "calibrate", pictures, "--json").stdout)
    assert told["intrinsics"]["fx"] == pytest.approx(FOCAL, rel=0.01)
    # The page was drawn 4 dots to the millimetre and put 0.36 to 0.5 m away.
    assert 0.3 < told["nearest"] < told["furthest"] < 0.6


def test_a_clip_gives_a_view_wherever_the_board_is_held_still(tmp_path: Path) -> None:
    """Nobody wants to press a key with a board in both hands."""
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 30, (640, 480))
    for picture in views(14):
        for _ in range(4):
            writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()
    done = run("cameras", "calibrate", clip, "--views", 10)
    assert done.returncode == 0, done.stderr
    assert "10 views" in done.stderr
    pose = tomllib.loads(done.stdout)["pose"]
    assert pose["focal_x"] == pytest.approx(FOCAL, rel=0.02)
    assert pose["center_x"] == pytest.approx(CX, abs=10)
    assert pose["center_y"] == pytest.approx(CY, abs=10)


def test_out_writes_into_the_file_and_leaves_the_rest(pictures: Path, tmp_path: Path) -> None:
    """A person's configuration with its comments is worth more than six numbers."""
    file = tmp_path / "edgehands.toml"
    before = (
        "# mine\n[pose]  # lens\nhand_length = 0.19 # Ann\nfocal_x = 500.0\n"
        'calibrated_width = 640\ncalibrated_height = 480\n\n[node]\nname = "pi"\n'
    )
    file.write_text(before)
    done = run("cameras", "calibrate", pictures, "--out", file)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    config = load([file], env={})
    assert config.pose.focal_x == pytest.approx(FOCAL, rel=0.01)
    assert config.pose.hand_length == 0.19
    assert config.node.name == "pi"
    after = file.read_text()
    assert "# mine" in after
    assert "hand_length = 0.19 # Ann" in after
    assert after.count("focal_x") == 1
    new = tmp_path / "new.toml"
    assert run("cameras", "calibrate", pictures, "--out", new).returncode == 0
    assert load([new], env={}).pose.calibrated_width == 640


@pytest.mark.parametrize(
    "content", [b"[pose\n", b"pose = {focal_x = 1.0, calibrated_width = 2}\n", b"\xff\xfe"]
)
def test_a_file_that_can_not_be_changed_safely_is_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    """Half an edited configuration keeps the device from starting."""
    file = tmp_path / "edgehands.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        set_in_file(file, "pose", {"focal_x": 600.0})
    assert "\n" not in str(raised.value)
    assert file.read_bytes() == content


def test_what_goes_wrong_is_said_in_one_line(pictures: Path, tmp_path: Path) -> None:
    """Who stands there with a sheet of paper needs to hear what to do differently."""
    few = tmp_path / "few"
    few.mkdir()
    for number in range(3):
        (few / f"{number}.png").write_bytes((pictures / f"{number}.png").read_bytes())
    done = run("cameras", "calibrate", few)
    assert done.returncode == 1
    assert "found in 3 of 3 pictures, 8 different views are needed" in one_line(done.stderr)
    wrong = run("cameras", "calibrate", pictures, "--board", "7x5")
    assert wrong.returncode == 1
    assert "7 x 5 inner corners was found in 0 of 12" in one_line(wrong.stderr)
    for board, said in (("9", "such as 9x6"), ("6x6", "its turn"), ("2x9", "outside 3 to 30")):
        refused = run("cameras", "calibrate", pictures, "--board", board)
        assert refused.returncode == 2
        assert said in one_line(refused.stderr)
    small = few / "small.png"
    picture = cv2.imread(str(pictures / "0.png"))
    assert picture is not None
    cv2.imwrite(str(small), picture[::2, ::2])
    sizes = run("cameras", "calibrate", few)
    assert sizes.returncode == 1
    assert "is 320 x 240, the first was 640 x 480" in one_line(sizes.stderr)
    missing = run("cameras", "calibrate", tmp_path / "nothing")
    assert missing.returncode == 1
    assert "nothing" in one_line(missing.stderr)


def test_the_printed_board_is_found_and_says_how_large_it_is(tmp_path: Path) -> None:
    """A sheet without its measure comes out of the printer at any size."""
    png, svg, pdf = (tmp_path / f"board.{kind}" for kind in ("png", "svg", "pdf"))
    for file in (png, svg, pdf):
        done = run("cameras", "checkerboard", file, "--board", "8x5", "--square", "0.03")
        assert done.returncode == 0, done.stderr
    content = png.read_bytes()
    at = content.index(b"pHYs")
    across, _, metres = struct.unpack(">IIB", content[at + 4 : at + 13])
    assert (across, metres) == (11810, 1)
    page = cv2.imread(str(png), cv2.IMREAD_GRAYSCALE)
    assert page is not None
    # As a camera sees it: OpenCV's search is made for pictures, not for a page of 8 megapixels.
    small = cv2.resize(page, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    corners = find_corners(np.asarray(small, np.uint8), Board(8, 5))
    assert corners is not None
    grid = corners.reshape(5, 8, 2)
    side = float(abs(grid[0, 1:, 0] - grid[0, :-1, 0]).mean())
    assert side == pytest.approx(30 * 11.81 * 0.25, rel=0.01)
    root = ET.fromstring(svg.read_text())  # noqa: S314 - our own file
    assert (root.get("width"), root.get("height")) == ("297mm", "210mm")
    assert pdf.read_bytes().startswith(b"%PDF-1.4")
    assert pdf.read_bytes().count(b" re\n") == 27 + 3
    large = run("cameras", "checkerboard", png, "--square", "0.04")
    assert large.returncode == 2
    assert "don't fit on a4: give --square 0.0274" in one_line(large.stderr)
    other = run("cameras", "checkerboard", tmp_path / "board.doc")
    assert other.returncode == 2
    assert ".pdf, .svg, .png" in one_line(other.stderr)
