"""The tools' own arithmetic: a figure in a document is as good as what computes it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgehands.evaluation.metrics import Score
from edgehands.mqtt.contract.messages import QuantilesMessage
from edgehands.simulate.report import ConsumersReport, Plan, SimulationReport
from edgehands.synthetic.sample import orient
from tools import (
    compare_mediapipe,
    eval_gestures,
    eval_tracking,
    faults,
    fuzz_media,
    measure_broker,
    media_table,
    media_versions,
)
from tools.common.page import between_markers
from tools.gestures.place import place_error, turn_error
from tools.gestures.real import Eyes
from tools.media.files import Outcome, Row


def seen(x: float, side: str = "right") -> compare_mediapipe.Seen:
    """A hand of palm size 100 whose wrist is at x."""
    points = np.zeros((21, 3))
    points[:, 0] = x
    points[9, 1] = 100.0
    return compare_mediapipe.Seen(points, points / 1000, side)


def test_only_what_is_between_the_marks_is_replaced(tmp_path: Path) -> None:
    """Without it: a tool that writes a table would eat the page around it."""
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- t -->\nold\n<!-- /t -->\nb\n<!-- u -->\nkept\n<!-- /u -->\n")
    between_markers(page, "t", "new\n")
    text = "a\n<!-- t -->\nnew\n<!-- /t -->\nb\n<!-- u -->\nkept\n<!-- /u -->\n"
    assert page.read_text() == text
    with pytest.raises(ValueError, match="unpack"):
        between_markers(page, "not there", "")
    assert page.read_text() == text


def test_a_hand_is_compared_with_the_nearest_and_none_twice() -> None:
    """Without it: one good hand of ours would count for two of MediaPipe's."""
    (pair,) = compare_mediapipe.pair_up([seen(0), seen(10)], [seen(4, "left")])
    assert pair.nme == pytest.approx(0.04)
    assert not pair.same_side
    assert pair.world_mm == pytest.approx(4.0)
    assert compare_mediapipe.pair_up([seen(0)], [seen(60)]) == []
    near, far = compare_mediapipe.pair_up([seen(0), seen(40)], [seen(41), seen(2)])
    assert (near.nme, far.nme) == pytest.approx((0.02, 0.01))


def test_the_row_tells_shares_of_all_hands_and_of_mediapipes() -> None:
    """Without it: a tracker that finds half of the hands could look perfect."""
    told = compare_mediapipe.row("set", "lite", [[seen(0), seen(300)]], [[seen(1), seen(600)]])
    assert "| 2 / 2 | 33.3% of all | 50.0% |" in told
    assert compare_mediapipe.row("set", "lite", [[seen(0)]], [[]]).startswith(
        "| set (1) | lite | 1 / 0 | none |"
    )


def score(**marks: float | None) -> Score:
    """A middling score."""
    plain = Score(
        frames=100,
        visible=100,
        tracked=90,
        false_hands=0,
        appearances=1,
        wait=1.0,
        longest_gap=1,
        id_switches=0,
        handedness_errors=0,
        nme=0.05,
        jitter=None,
        lag_ms=None,
        lag_frames=None,
        cpu_ms=10.0,
    )
    return msgspec.structs.replace(plain, **marks)


def test_what_is_worse_than_mediapipe_is_listed() -> None:
    """Without it: the page would say "nowhere" whatever was measured."""
    marks = {name: {"slow": score()} for name in (*eval_tracking.OURS, *eval_tracking.THEIRS)}
    assert eval_tracking.worse(marks).rstrip().endswith("Nowhere.")
    marks["full int8"]["slow"] = score(tracked=50)
    assert "\n* slow, full int8: tracked % 50.0, MediaPipe 1 90.0\n" in eval_tracking.worse(marks)
    table = eval_tracking.tables(marks)
    assert "| slow | 90.0 | 90.0 | **50.0** | 90.0 | 90.0 | 90.0 |" in table


@pytest.mark.parametrize(
    ("text", "wanted"), [("90", 90.0), ("90s", 90.0), ("15m", 900.0), ("2h", 7200.0)]
)
def test_how_long_the_soak_is_can_be_said_in_hours(text: str, wanted: float) -> None:
    """Without it: a soak of two hours would end after two seconds."""
    assert faults.seconds(text) == wanted


def point(**seen_by_consumers: int) -> measure_broker.Point:
    """A broker under 1000 messages to one consumer."""
    quantiles = msgspec.convert(
        dict.fromkeys(QuantilesMessage.__struct_fields__, 1.0), QuantilesMessage, strict=False
    )
    told = {"received": 1000, "lost": 0, "qos1_lost": 0, **seen_by_consumers}
    consumers = ConsumersReport(
        count=1, qos1_received=10, qos1_repeated=0, latency_ms=quantiles, cpu=0.1, **told
    )
    report = SimulationReport(
        plan=Plan(nodes=1, rate=10.0, consumers=1),
        seconds=100.0,
        sent=1000,
        skipped=0,
        bytes_each=900.0,
        qos1_sent=10,
        qos1_acknowledged=10,
        lost_connections=0,
        late_ms=1.0,
        cpu=0.1,
        consumers=consumers,
    )
    return measure_broker.Point(report, 0.2)


def test_a_broker_that_loses_messages_does_not_bear_the_load() -> None:
    """Without it: the table would go on past what the broker bears."""
    assert point().good
    lossy = point(received=990, lost=10)
    assert lossy.lost == pytest.approx(0.01)
    assert not lossy.good
    assert lossy.line().endswith("<- too much")
    assert not point(qos1_lost=1).good


def test_place_and_turn_are_measured_against_the_truth() -> None:
    """Without it: the figures of docs/pose.md would say nothing."""
    assert place_error((0.0, 0.0, 1.1), np.array([0.0, 0.0, 1.0])) == pytest.approx(0.1)
    true = orient(20.0, 0.0, 0.0)
    x, z = true[:, 1], true[:, 2]
    assert turn_error(tuple(x), tuple(z), true) == pytest.approx(0.0, abs=1e-4)
    assert turn_error(tuple(x), tuple(z), orient(50.0, 0.0, 0.0)) == pytest.approx(30.0)


def test_an_unknown_part_is_refused_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it: a mistyped part would be left out silently."""
    monkeypatch.setattr("sys.argv", ["eval-gestures", "--parts", "digit"])
    monkeypatch.setattr(Eyes, "__init__", lambda *_: pytest.fail("models are loaded"))
    with pytest.raises(SystemExit) as ended:
        eval_gestures.main()
    assert ended.value.code == 2
    assert "unknown part digit: give some of digits, taught" in capsys.readouterr().err


def test_the_oldest_libraries_are_those_that_are_allowed() -> None:
    """Without it: "oldest" would try today's libraries."""
    oldest, newest = (media_versions.requirements(age) for age in ("oldest", "newest"))
    assert len(oldest) == len(newest) == len(media_versions.DECODERS)
    assert all("==" in line and line.endswith(".*") for line in oldest)
    assert all(">=" in line for line in newest)


def test_a_bad_row_of_the_media_table_is_not_called_exact() -> None:
    """Without it: a damaged picture could stand in the table as exact."""
    row = Row("PNG", ".png", frames=1)
    good, poor = (Outcome(psnr=psnr, order=True, right=True, frames=1) for psnr in (99.0, 31.25))
    lines = media_table.table([(row, good), (row, poor)]).splitlines()[2:]
    assert [line.split("|")[3].strip() for line in lines] == ["exact", "31.2"]


@pytest.mark.parametrize(
    ("out", "err", "code", "wrong"),
    [
        ("a.mp4: 12\nb.mp4: 12\n", "", 0, 0),
        ("a.mp4: 12\n", "edgehands: b.mp4: cut off\n", 1, 0),
        ("a.mp4: 12\n", "", 0, 1),
        ("a.mp4: 12\nb.mp4: 1\n", "Traceback\n", 0, 1),
        ("a.mp4: 12\nb.mp4: 1\n", "", -11, 1),
    ],
)
def test_a_file_without_frames_and_reason_is_a_fault(
    out: str, err: str, code: int, wrong: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it: fuzzing would pass whatever became of the files."""
    names = [Path("a.mp4"), Path("b.mp4")]
    assert fuzz_media.report(names, out, err, code, 0.1) == wrong
    assert capsys.readouterr().out.count("WRONG") == wrong
