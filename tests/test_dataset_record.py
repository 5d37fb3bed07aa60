"""Recording: which frames are kept, their depth, their faces, and cameras with depth (fakes)."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edgehands import HandTracker, TrackingConfig
from edgehands.cameras import CameraSettings, open_source
from edgehands.cli.actions import record as verb
from edgehands.config import Config
from edgehands.dataset.depth import depths_at, read_depth
from edgehands.dataset.depth_sources import WithDepthFolder, open_depth_camera
from edgehands.dataset.doubtful import DoubtfulFrames
from edgehands.dataset.faces import YuNet, blur_faces, default_model
from edgehands.dataset.files import read_frames, read_header
from edgehands.dataset.record import Recorder, RecordSettings, header_of
from edgehands.dataset.writing import DatasetWriter, encode_depth
from edgehands.errors import BackendUnavailable, DatasetError, SourceNotFound
from edgehands.gestures import HandInterpreter
from edgehands.hand import Frame, Hand, Handedness, Roi
from tests.hands import frame as hand_frame
from tools.common.datasets import picture, points

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def hand(hand_id: int = 1, x: float = 100.0, presence: float = 0.99) -> Hand:
    xyz = np.zeros((21, 3), np.float32)
    xyz[:, :2] = points(x)
    roi = Roi(x + 50, 150, 220, 0.0)
    return Hand(hand_id, Handedness.RIGHT, 0.9, presence, xyz, xyz * np.float32(0.001), roi)


def look(
    frames: list[tuple[Hand, ...]], step: float = 0.1, **settings: Any
) -> list[tuple[Any, ...]]:
    """(number of the frame, why) of those that are kept."""
    doubtful = DoubtfulFrames(**settings)
    kept = []
    for seq, hands in enumerate(frames):
        shown = Frame(picture(seq), seq, seq * step, 0.0)
        kept += [(k.frame.seq, k.why) for k in doubtful.look(shown, hands)]
    return kept


def test_frames_in_which_all_is_well_are_not_kept() -> None:
    """Without it: an annotator would correct what is right."""
    assert look([(hand(),)] * 20) == []
    assert look([()] * 20) == []


def test_a_doubtful_presence_is_kept_but_not_thirty_times_a_second() -> None:
    """Without it: a second of doubt would be thirty almost equal pictures, or none."""
    kept = look([(hand(presence=0.6),)] * 12)
    assert kept == [(0, ("presence",)), (5, ("presence",)), (10, ("presence",))]


def test_a_hand_lost_and_found_again_keeps_the_frame_without_it() -> None:
    """Without it: the pictures in which a hand was missed would never be seen by anybody."""
    assert look([(hand(),), (), (), (hand(),)]) == [(1, ("lost",))]
    assert look([(hand(),), (), (), (hand(2),)]) == [(1, ("new_id",))]
    assert look([(hand(),), (), (), (hand(2, x=900),)]) == []
    assert look([(hand(),), (), (), ()]) == []
    assert look([(hand(),), *[()] * 40, (hand(2),)]) == []


def test_a_jump_and_a_disagreement_of_the_models_are_kept() -> None:
    """Without it: readings that went astray would be taken for good ones."""
    assert look([(hand(),), (hand(x=190),)]) == [(1, ("jump",))]
    other = hand(x=112).landmarks
    assert look([(hand(),)], second=lambda _image, _roi: other) == [(0, ("models_disagree",))]
    close = hand(x=103).landmarks
    assert look([(hand(),)], second=lambda _image, _roi: close) == []


def record(
    tmp_path: Path, settings: RecordSettings, depth: Path | None = None, faces: Any = None
) -> Any:
    """Record six pictures of a moving blob with the fake backend."""
    pictures = tmp_path / "pictures"
    pictures.mkdir(exist_ok=True)
    for i in range(6):
        image = hand_frame((200 + 20 * i, 240))
        cv2.imwrite(str(pictures / f"{i}.png"), image[..., ::-1])
    config = Config(tracking=TrackingConfig(backend="fake", smoothing=False))
    with (
        open_source(f"dir:{pictures}", realtime=False) as source,
        HandTracker(config.tracking) as tracker,
    ):
        seen = WithDepthFolder(source, depth)
        header = header_of(config, seen, tracker, blurred=faces is not None)
        with DatasetWriter(tmp_path / "set", header, "png") as writer:
            recorder = Recorder(seen, tracker, HandInterpreter(), writer, faces=faces)
            return recorder.run(settings)


def test_every_second_frame_is_recorded_with_its_hands(tmp_path: Path) -> None:
    """Without it: what is recorded wouldn't be what the tracker said of that picture."""
    summary = record(tmp_path, RecordSettings(every=2))
    assert (summary.frames, summary.pictures, summary.hands) == (6, 3, 3)
    frames = read_frames(tmp_path / "set")
    assert [f.source for f in frames] == ["0.png", "2.png", "4.png"]
    centres = [np.mean(f.hands[0].landmarks, axis=0)[0] for f in frames]
    assert np.diff(centres) == pytest.approx([40, 40], abs=3)
    header = read_header(tmp_path / "set")
    assert header.camera.kind == "folder"
    assert header.tracking["backend"] == "fake"
    assert header.settings["rotation"] == 0
    assert "source" not in header.settings  # it may hold a password
    assert len(header.models) == 2


def test_recording_ends_at_its_limit(tmp_path: Path) -> None:
    """Without it: a forgotten recording would fill the disk."""
    assert record(tmp_path, RecordSettings(every=1, most=2)).pictures == 2
    assert len(read_frames(tmp_path / "set")) == 2


def test_depth_pictures_come_along(tmp_path: Path) -> None:
    """Without it: the third dimension that was measured would be lost."""
    depths = tmp_path / "depths"
    depths.mkdir()
    for i in (0, 2):
        image = np.full((240, 320), 500 + i, np.uint16)
        (depths / f"{i}.png").write_bytes(encode_depth(image))
    record(tmp_path, RecordSettings(every=1), depth=depths)
    frames = read_frames(tmp_path / "set")
    assert [bool(f.depth) for f in frames] == [True, False, True, False, False, False]
    assert read_depth(tmp_path / "set" / frames[2].depth).max() == 502
    with pytest.raises(SourceNotFound, match="no PNG in it"):
        record(tmp_path, RecordSettings(), depth=tmp_path / "none")
    colour = depths / "colour.png"
    cv2.imwrite(str(colour), picture())
    with pytest.raises(DatasetError, match="16-bit"):
        read_depth(colour)


def test_a_points_depth_is_its_hands_not_the_walls() -> None:
    """Without it: a finger's edge would lie two metres behind its hand."""
    depth = np.full((240, 320), 2500, np.uint16)
    xy = points(100, 60)
    for i, (x, y) in enumerate(xy):
        cv2.circle(depth, (round(x), round(y)), 5, (600 + 2 * i,), -1)
    x, y = (round(v) for v in xy[20])
    depth[y - 6 : y + 7, x - 6 : x + 7] = 2500  # the tip of the little finger is missed
    x, y = (round(v) for v in xy[16])
    depth[y - 6 : y + 7, x - 6 : x + 7] = 0  # and nothing is known of the ring finger's
    seen = np.ones(21, bool)
    seen[4] = False
    z = depths_at(depth, xy, seen, (320, 240))
    assert np.flatnonzero(np.isnan(z)).tolist() == [4, 16, 20]
    known = ~np.isnan(z)
    np.testing.assert_allclose(z[known], (2.0 * np.arange(21))[known], atol=2)


class FoundFace:
    """Finds one face, in the middle."""

    def find(self, _image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Its box."""
        return np.array([[120.0, 80.0, 60.0, 60.0]])


def test_a_blurred_face_cannot_be_recognised(tmp_path: Path) -> None:
    """Without it: a shared set would show who its people are."""
    image = picture(3)
    out = blur_faces(image, FoundFace())
    inside = out[85:135, 125:175].reshape(-1, 3)
    assert len(np.unique(inside, axis=0)) <= 36
    np.testing.assert_array_equal(out[:, :90], image[:, :90])
    record(tmp_path, RecordSettings(every=3), faces=FoundFace())
    assert read_header(tmp_path / "set").faces == "blurred"


def test_a_missing_face_model_is_said_with_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it: --faces blur would record faces, or fail without a way on."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(DatasetError, match="opencv_zoo"):
        default_model()
    (tmp_path / "edgehands").mkdir()
    broken = tmp_path / "edgehands" / "face_detection_yunet_9.onnx"
    broken.write_bytes(b"no model")
    assert default_model() == broken
    with pytest.raises(DatasetError, match="can't read it as YuNet"):
        YuNet(broken)


class FakeRealSense(ModuleType):
    """Behaves as pyrealsense2 is documented to."""

    def __init__(self) -> None:
        super().__init__("pyrealsense2")
        self.stream = SimpleNamespace(color="color", depth="depth")
        self.format = SimpleNamespace(rgb8="rgb8", z16="z16")
        self.asked: list[Any] = []
        self.stopped = False
        self.late = False
        lens = SimpleNamespace(fx=615.0, fy=616.0)
        stream = SimpleNamespace(
            as_video_stream_profile=lambda: SimpleNamespace(get_intrinsics=lambda: lens)
        )
        sensor = SimpleNamespace(get_depth_scale=lambda: 0.00025)
        self._profile = SimpleNamespace(
            get_device=lambda: SimpleNamespace(first_depth_sensor=lambda: sensor),
            get_stream=lambda _kind: stream,
        )

    def config(self) -> Any:
        """What is asked of the camera."""
        return SimpleNamespace(
            enable_stream=lambda *a: self.asked.append(a),
            enable_device=self.asked.append,
        )

    def pipeline(self) -> Any:
        """Start, wait, stop."""

        def start(_config: Any) -> Any:
            if "missing" in self.asked:
                raise RuntimeError("No device connected")
            return self._profile

        def wait(_ms: int) -> Any:
            if self.late:
                raise RuntimeError("Frame didn't arrive within 5000")
            return "frames"

        return SimpleNamespace(
            start=start,
            wait_for_frames=wait,
            stop=lambda: setattr(self, "stopped", True),
        )

    def align(self, _stream: Any) -> Any:
        """Pictures of one colour and one depth."""
        image = np.full((240, 320, 3), (10, 20, 30), np.uint8)
        depth = np.full((240, 320), 2400, np.uint16)
        frames = SimpleNamespace(
            get_color_frame=lambda: SimpleNamespace(get_data=lambda: image),
            get_depth_frame=lambda: SimpleNamespace(get_data=lambda: depth),
        )
        return SimpleNamespace(process=lambda _frames: frames)


def test_a_realsense_gives_frames_with_millimetres(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: depth would be in the camera's own unit. Never run on hardware: a fake."""
    fake = FakeRealSense()
    monkeypatch.setitem(sys.modules, "pyrealsense2", fake)
    camera = open_depth_camera("realsense:0123", CameraSettings(width=320, height=240))
    assert camera is not None
    with camera:
        seen = camera.read(1.0)
        assert seen is not None
        assert seen.depth is not None
        assert seen.frame.image[0, 0].tolist() == [10, 20, 30]
        assert set(np.unique(seen.depth)) == {600}
        assert camera.lens is not None
        assert camera.lens.focal_x == 615.0
        fake.late = True
        assert camera.read(0.1) is None
    assert fake.stopped
    assert fake.asked[0] == "0123"
    assert ("color", 320, 240, "rgb8", 30) in fake.asked
    with pytest.raises(SourceNotFound, match="plugged in"):
        open_depth_camera("realsense:missing", CameraSettings())


class _Node:
    """A node of depthai's pipeline: everything can be linked with everything."""

    def __init__(self, queue: Any = None) -> None:
        self.inputs: Any = {"colour": None, "depth": None}
        self.left = self.right = self.inputAlignTo = None
        self.depth = self
        self.out = self
        self._queue = queue

    def build(self, _socket: str) -> _Node:
        return self

    def requestOutput(self, _size: Any, **_settings: Any) -> _Node:  # noqa: N802 - depthai's name
        return self

    def link(self, _to: Any) -> None:
        """Nothing flows in a fake."""

    def createOutputQueue(self, **_settings: Any) -> Any:  # noqa: N802 - depthai's name
        return self._queue


def test_an_oak_gives_frames_with_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: red and blue would be swapped. Never run on hardware: a fake."""
    bgr = np.full((240, 320, 3), (30, 20, 10), np.uint8)
    group = {
        "colour": SimpleNamespace(getCvFrame=lambda: bgr),
        "depth": SimpleNamespace(getFrame=lambda: np.full((240, 320), 700, np.uint16)),
    }
    answers = [None, group]
    queue = SimpleNamespace(tryGet=lambda: answers.pop(0) if answers else None)
    states: list[str] = []
    pipeline = SimpleNamespace(
        create=lambda _kind: _Node(queue),
        start=lambda: states.append("started"),
        stop=lambda: states.append("stopped"),
        isRunning=lambda: True,
    )
    fake = SimpleNamespace(
        node=SimpleNamespace(Camera=1, StereoDepth=2, Sync=3),
        CameraBoardSocket=SimpleNamespace(CAM_A=0, CAM_B=1, CAM_C=2),
        Pipeline=lambda: pipeline,
    )
    monkeypatch.setitem(sys.modules, "depthai", fake)
    camera = open_depth_camera("oak:", CameraSettings(width=320, height=240))
    assert camera is not None
    with camera:
        seen = camera.read(1.0)
        assert seen is not None
        assert seen.frame.image[0, 0].tolist() == [10, 20, 30]
        assert seen.depth is not None
        assert int(seen.depth[0, 0]) == 700
        assert camera.read(0.02) is None
    assert states == ["started", "stopped"]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: a user with a depth camera would see a traceback."""
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    monkeypatch.setitem(sys.modules, "depthai", None)
    for uri, extra in (("realsense:", "realsense"), ("oak:", "oak")):
        with pytest.raises(BackendUnavailable, match=rf"edgehands\[{extra}\]"):
            open_depth_camera(uri, CameraSettings())
    assert open_depth_camera("demo:", CameraSettings()) is None


def test_the_verb_records_doubtful_frames_below_the_usual_threshold() -> None:
    """Without it: hands that are usually dropped, the most doubtful ones, would not be kept."""
    usual = TrackingConfig(presence=0.5)
    assert verb._tracking(usual, doubtful=True).presence == 0.3
    assert verb._tracking(usual, doubtful=False).presence == 0.5
    assert not verb._tracking(usual, doubtful=False).smoothing


def test_photographs_of_a_folder_are_taken_alone() -> None:
    """Without it: a hand of one photograph would be looked for in the next one."""
    usual = TrackingConfig()
    assert verb._tracking(usual, doubtful=False, alone=True).static_image
    assert not verb._tracking(usual, doubtful=True, alone=True).static_image
    assert not verb._tracking(usual, doubtful=False).static_image
