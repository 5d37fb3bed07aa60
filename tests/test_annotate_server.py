"""The annotation page's server: who may see pictures, what is kept, what is refused."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the page's server isn't installed: edgehands[preview]")

import msgspec

from edgehands.annotate import server
from edgehands.annotate.messages import Answer, Box
from edgehands.annotate.practice import ERROR, MISTAKES, TRUTH, mark, write_practice
from edgehands.annotate.session import AnnotationSession, with_depths
from edgehands.config import TrackingConfig
from edgehands.dataset import read
from edgehands.dataset.annotations import AnnotationStore
from edgehands.dataset.files import read_frames
from edgehands.dataset.matching import nme
from edgehands.errors import DatasetError, UsageError
from edgehands.preview.serving import PageAddress
from tools.common.datasets import annotated, make_folder, points, reported

if TYPE_CHECKING:
    from pathlib import Path

    from edgehands.preview.guard import App

SECRET = "a long secret"  # noqa: S105 - of no server
HOST = (b"host", b"127.0.0.1:8766")


async def _request(
    app: App, method: str, path: str, body: bytes, headers: list[tuple[bytes, bytes]]
) -> tuple[int, bytes]:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [HOST, *headers],
        "root_path": "",
        "scheme": "http",
    }
    said: list[Any] = []
    given = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return given.pop() if given else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]["status"], b"".join(m.get("body", b"") for m in said[1:])


def ask(
    app: App, path: str, method: str = "GET", body: object = None, **headers: str
) -> tuple[int, Any]:
    """A request's status and answer; pictures as bytes."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(body) if body else b""
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    status, answer = asyncio.run(_request(app, method, path, data, sent))
    return status, json.loads(answer) if answer[:1] in (b"{", b"[") else answer


def app_of(folder: Path, token: str = "") -> App:
    session = AnnotationSession(folder, "anna", TrackingConfig(backend="fake"))
    return server.page_app(session, PageAddress(token=token))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures: a hand, no hand, two hands."""
    make_folder(tmp_path / "set", [[reported()], [], [reported(), reported(points(180), id=2)]])
    return tmp_path / "set"


def answer(revision: int = 0, *hands: Any, complete: bool = True) -> Answer:
    return Answer(revision=revision, complete=complete, seconds=2.0, hands=list(hands))


def test_what_the_page_shows_as_saved_is_in_the_file(folder: Path) -> None:
    """Without it: an annotator's work would be lost, or come back as the tracker's guess."""
    app = app_of(folder)
    status, news = ask(app, "/api/hands/0")
    assert (status, news["revision"]) == (200, 0)
    assert news["hands"][0]["points"][8] == list(points()[8])
    status, saved = ask(app, "/api/hands/0", "PUT", answer(0, annotated(points(120))))
    assert (status, saved["revision"]) == (200, 1)
    (image,) = read(folder)
    np.testing.assert_allclose(image.hands[0].points, points(120))
    status, news = ask(app, "/api/hands/0")
    assert (news["revision"], news["complete"]) == (1, True)
    assert [p["state"] for p in ask(app, "/api/set")[1]["pictures"]] == ["done", "todo", "todo"]


def test_work_in_progress_is_kept_but_not_read_as_truth(folder: Path) -> None:
    """Without it: half-corrected hands would be measured against, or lost with the browser."""
    app = app_of(folder)
    ask(app, "/api/hands/0", "PUT", answer(0, annotated(), complete=False))
    assert list(read(folder)) == []
    again = app_of(folder)
    assert ask(again, "/api/hands/0")[1]["revision"] == 1
    assert ask(again, "/api/set")[1]["pictures"][0]["state"] == "started"


def test_a_second_window_cannot_undo_the_first(folder: Path) -> None:
    """Without it: a stale page would write its old points over newer ones."""
    app = app_of(folder)
    ask(app, "/api/hands/0", "PUT", answer(0, annotated()))
    status, said = ask(app, "/api/hands/0", "PUT", answer(0))
    assert status == 409
    assert "saved elsewhere" in said["error"]
    assert len(next(iter(read(folder))).hands) == 1


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{}", 422, "can't be kept"),
        (b"not json", 422, "can't be kept"),
        (answer(0, annotated(points(900))), 422, "far outside"),
        (b"[" * 100_000, 422, "can't be kept"),
        (b"x" * 300_000, 413, "limit"),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, body: object, status: int, said: str) -> None:
    """Without it: a broken page, or another program, could damage the folder."""
    app = app_of(folder)
    got, answered = ask(app, "/api/hands/0", "PUT", body)
    assert (got, said in answered["error"]) == (status, True), answered
    assert not (folder / "annotations" / "anna").exists()


def test_pictures_are_served_and_only_those_of_the_folder(folder: Path) -> None:
    """Without it: the page would be empty, or show files that aren't part of the set."""
    app = app_of(folder)
    status, image = ask(app, "/api/image/0")
    assert (status, image) == (200, (folder / "images/000001.jpg").read_bytes())
    assert ask(app, "/api/image/7")[0] == 422
    assert ask(app, "/api/image/..%2f..%2fetc%2fpasswd")[0] == 404
    (folder / ".thumbnails" / "000001.jpg.jpg").unlink()
    status, small = ask(app, "/api/thumbnail/0")
    assert status == 200
    assert small[:2] == b"\xff\xd8"
    (folder / "images/000002.jpg").write_bytes(b"\xff\xd8broken")
    status, said = ask(app, "/api/guess/1", "POST", Box(x0=10, y0=10, x1=90, y1=90))
    assert status == 422
    assert "000002.jpg" in said["error"]


def test_the_token_stands_before_every_picture(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it: anybody in the network could look at private pictures."""
    monkeypatch.setattr(server, "WRONG_TOKEN_PAUSE_S", 0.0)
    app = app_of(folder, SECRET)
    for path in ("/api/set", "/api/image/0", "/api/thumbnail/0", "/api/hands/0"):
        assert ask(app, path)[0] == 401
        assert ask(app, path, authorization="Bearer wrong")[0] == 401
        assert ask(app, path, authorization=f"Bearer {SECRET}")[0] == 200
    with pytest.raises(UsageError, match="--token"):
        server.serve_annotation(
            AnnotationSession(folder, "anna"),
            PageAddress(host="0.0.0.0"),  # noqa: S104 - refused
            ready=print,
        )


def test_other_sites_cannot_change_anything(folder: Path) -> None:
    """Without it: a page on the web could write into the folder through a visitor's browser."""
    app = app_of(folder)
    body = answer(0, annotated())
    assert ask(app, "/api/hands/0", "PUT", body, origin="https://evil.example")[0] == 403
    assert ask(app, "/api/hands/0", "PUT", body, origin="http://127.0.0.1:8766")[0] == 200
    rebound = [(b"host", b"evil.example")]
    assert asyncio.run(_request(app, "GET", "/api/set", b"", rebound))[0] == 403


def test_a_box_becomes_the_hand_in_it(folder: Path) -> None:
    """Without it: a hand that the tracker missed would have to be drawn point by point."""
    app = app_of(folder)
    status, hand = ask(app, "/api/guess/1", "POST", Box(x0=100, y0=80, x1=220, y1=200))
    assert status == 200
    xy = np.array(hand["points"])
    assert xy.shape == (21, 2)
    assert 60 < xy.mean(axis=0)[0] < 260


def test_a_damaged_answer_is_named_before_work_begins(folder: Path) -> None:
    """Without it: a file that can't be read would be found, or overwritten, an hour later."""
    place = folder / "annotations" / "anna"
    place.mkdir()
    (place / "000002.json").write_text('{"version": 9}')
    with pytest.raises(DatasetError, match="version 9"):
        AnnotationSession(folder, "anna")


def test_z_says_where_it_comes_from(folder: Path) -> None:
    """Without it: a guessed depth would pass for a measured one."""
    (frame, *_) = read_frames(folder)
    hand = annotated()
    assert with_depths(frame, hand, None).z_from == []
    guess = [(float(x), float(y), float(i)) for i, (x, y) in enumerate(points(0, 0, 90))]
    fitted = with_depths(frame, annotated(guess_mm=guess), None)
    assert set(fitted.z_from) == {"fitted"}
    depth = np.full((240, 320), 800, np.uint16)
    depth[:130] = 0  # nothing is known of the upper half
    mixed = with_depths(frame, annotated(guess_mm=guess), depth)
    assert (mixed.z_from[0], mixed.z_from[12]) == ("depth", "fitted")
    assert mixed.z_mm[0] == 0.0


def test_practice_hands_are_wrong_by_as_much_as_is_said(tmp_path: Path) -> None:
    """Without it: the mark that a beginner gets, and the page's own test, would mean nothing."""
    write_practice(tmp_path / "set", len(MISTAKES))
    frames = read_frames(tmp_path / "set")
    for frame, truth, mistake in zip(frames, read(tmp_path / "set", TRUTH), MISTAKES, strict=True):
        (hand,) = truth.hands
        guesses = [np.array(h.landmarks)[:, :2] for h in frame.hands]
        wrong = [nme(hand.points, guess, np.ones(21, bool)) for guess in guesses]
        expected = {"missing": [], "side": [0.0]}.get(mistake, [ERROR])
        assert wrong[:1] == pytest.approx(expected if mistake != "false" else [0.0], abs=0.001)
    (last,) = [f for f, m in zip(frames, MISTAKES, strict=True) if m == "false"]
    assert len(last.hands) == 2


def test_an_answer_to_practice_is_marked(tmp_path: Path) -> None:
    """Without it: nobody would learn how good they are."""
    write_practice(tmp_path / "set", 1)
    session = AnnotationSession(tmp_path / "set", "anna")
    assert session.overview().practice
    (frame,) = session.frames
    true = AnnotationStore(tmp_path / "set", TRUTH).read(frame.file)
    assert true is not None
    moved = [(x + 0.1, y) for x, y in true.hands[0].points]
    other = "left" if true.hands[0].handedness == "right" else "right"
    given = msgspec.structs.replace(true.hands[0], points=moved, handedness=other)
    kept = session.save(0, answer(0, given))
    assert kept.mark is not None
    assert kept.mark.error == pytest.approx(0.1 / mark_palm(tmp_path / "set"), rel=0.01)
    assert (kept.mark.missed, kept.mark.false_hands, kept.mark.wrong_side) == (0, 0, 1)
    assert session.save(0, answer(1)).mark == msgspec.convert(
        {"error": None, "missed": 1, "false_hands": 0, "wrong_side": 0}, type(kept.mark)
    )
    assert mark((), ()).errors == ()


def mark_palm(folder: Path) -> float:
    (image,) = read(folder, TRUTH)
    return image.hands[0].palm_size
