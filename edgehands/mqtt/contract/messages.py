"""The MQTT messages as types, with their encoders. ``docs/mqtt.md`` shows each.

``schema`` stays the same while changes only add keys: readers must ignore keys they don't know.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

if TYPE_CHECKING:
    from edgehands.hand import FrameHands, Hand, Pose

SCHEMA = 1

MAX_TEXT = 1000
"""Characters of a line for people."""

Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
Point = Annotated[list[float], msgspec.Meta(min_length=3, max_length=3)]
Points = Annotated[list[Point], msgspec.Meta(min_length=21, max_length=21)]


class GestureMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of a hand's shape.

    Attributes:
        name: the gesture, ``none`` when the shape means nothing.
        score: confidence, 0 to 1.
    """

    name: str
    score: Unit


class PoseMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Position and orientation of a hand in the camera's frame.

    Camera frame: origin in the lens, x to the right of the picture, y down, z forward, metres.
    Hand frame: x from the wrist to the middle finger's root, z out of the palm, y = z cross x.

    Attributes:
        wrist: [x, y, z] of the wrist, metres.
        palm: [x, y, z] of the palm's centre, metres.
        quaternion: [x, y, z, w] that turns directions of the hand frame into the camera frame.
        palm_normal: unit vector out of the palm.
        pointing: unit vector along the hand.
        confidence: how well the picture fits a hand at that position, 0 to 1.
    """

    wrist: Point
    palm: Point
    quaternion: Annotated[list[float], msgspec.Meta(min_length=4, max_length=4)]
    palm_normal: Point
    pointing: Point
    confidence: Unit


class HandMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One hand of a ``hands`` message.

    Attributes:
        id: stable while the hand is tracked, never reused while the program runs.
        handedness: ``left`` or ``right``, of the person.
        handedness_score: probability of ``handedness``, 0 to 1.
        presence: probability that there is a hand, 0 to 1.
        landmarks: 21 points [x, y, z]: x divided by the frame's width, y by its height, z by its
            width (smaller = nearer, relative to the wrist). x and y are outside 0..1 if a hand
            extends beyond the picture.
        world: 21 points [x, y, z] in metres, origin at the hand's geometric centre.
        gesture: the meaning of its shape; absent if gestures are off.
        pose: its position in space; absent if poses are off or it can't be determined.
    """

    id: int
    handedness: str
    handedness_score: Unit
    presence: Unit
    landmarks: Points
    world: Points
    gesture: GestureMessage | msgspec.UnsetType = msgspec.UNSET
    pose: PoseMessage | msgspec.UnsetType = msgspec.UNSET


class HandsMessage(msgspec.Struct, frozen=True, kw_only=True):
    """All hands of one processed frame.

    Attributes:
        schema: version of this format.
        seq: number of the frame in its source.
        t: capture time, seconds since 1970 (UTC).
        t_mono: capture time, seconds of the device's monotonic clock.
        width, height: size of the frame, pixels.
        latency_ms: from capture to encoding of this message.
        hands: empty once when the last hand has left; then nothing is sent.
    """

    schema: int = SCHEMA
    seq: int
    t: float
    t_mono: float
    width: int
    height: int
    latency_ms: float
    hands: list[HandMessage]


class EventMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event.

    Attributes:
        event_type: ``hand_appeared``, ``hand_lost``, ``gesture_started``, ``gesture_ended`` …
        hand_id: the hand concerned.
        id: unique: identifies a repeat after an outage.
        t: time of the event, seconds since 1970 (UTC).
        handedness: ``left`` or ``right``.
        gesture: name of the gesture that started or ended.
        score: 0 to 1, of the gesture that started.
        duration: seconds that the movement, or the gesture that ended, took.
        speed: metres a second of a movement; degrees a second of ``rotate``.
        angle: degrees of ``rotate``, positive clockwise as seen in the picture.
        dx, dy: displacement of a movement as parts of the picture's width and height.
        distance: displacement of a movement, metres.
    """

    event_type: str
    hand_id: int
    id: str
    t: float
    handedness: str | msgspec.UnsetType = msgspec.UNSET
    gesture: str | msgspec.UnsetType = msgspec.UNSET
    score: float | msgspec.UnsetType = msgspec.UNSET
    duration: float | msgspec.UnsetType = msgspec.UNSET
    speed: float | msgspec.UnsetType = msgspec.UNSET
    angle: float | msgspec.UnsetType = msgspec.UNSET
    dx: float | msgspec.UnsetType = msgspec.UNSET
    dy: float | msgspec.UnsetType = msgspec.UNSET
    distance: float | msgspec.UnsetType = msgspec.UNSET


class ModelMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A model in use: its name, its variant and its file's sha256."""

    name: str
    variant: str
    sha256: str


class CameraMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The camera in use: topic level, address (no password), and format."""

    name: str
    source: str
    kind: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0


class InfoMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What runs on a node.

    Attributes:
        schema: version of every message format.
        version: of edgehands.
        python: version of Python.
        system: operating system and machine.
        runtime: the runtime of the models, with its version.
        backend: ``cpu``, ``edgetpu`` or ``fake``.
        models: the model files in use.
        camera: the camera in use.
        config: digest of the configuration, without secrets.
        images: whether clients that may send requests to the node can get pictures.
    """

    schema: int = SCHEMA
    version: str
    python: str
    system: str
    runtime: str = ""
    backend: str
    models: list[ModelMessage]
    camera: CameraMessage
    config: str
    images: bool = False


class InstanceMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a service announces to other services of the same node.

    Attributes:
        instance: name of the process, new at each start.
        camera: the camera that it publishes.
        held_s: how long it has published it, seconds; 0 = it doesn't.
        ask: the others must answer with the same message.
        leaving: it is shutting down.
        address: of the device in its network, so that a person can find it.
    """

    instance: Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern="^[0-9a-f]+$")]
    camera: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9_.-]+$")]
    held_s: Annotated[float, msgspec.Meta(ge=0, le=1e9)]
    ask: bool = False
    leaving: bool = False
    address: Annotated[str, msgspec.Meta(max_length=64, pattern="^[0-9A-Fa-f.:%a-z]*$")] = ""


class QuantilesMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Duration of a stage, milliseconds: p50, p95 and p99."""

    p50: float
    p95: float
    p99: float


class DropsMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What was dropped since the start, so that nothing gets old.

    Attributes:
        camera: frames replaced by a newer one before they were tracked.
        hands: ``hands`` messages replaced by a newer one or too old to send.
        events: events dropped because an outage lasted too long.
    """

    camera: int
    hands: int
    events: int


class StatsMessage(msgspec.Struct, frozen=True, kw_only=True):
    """How a node is doing.

    Attributes:
        schema: version of this format.
        t: seconds since 1970 (UTC).
        uptime_s: seconds since the service started.
        fps: frames processed a second since the last ``stats`` message.
        stages: time of each stage over the last frames.
        drops: what was dropped.
        camera_reconnects, broker_reconnects: how often each was reconnected.
        camera_failures: how often the camera couldn't be opened, or was lost while reading.
        restarts: how often systemd restarted the service after a failure, since boot; null if it
            isn't run by our unit.
        rss_mb: memory in use, MB.
        temperature_c: of the processor; null if unknown.
        throttled: the Raspberry Pi's flags of under-voltage and throttling; null elsewhere.
    """

    schema: int = SCHEMA
    t: float
    uptime_s: float
    fps: float
    stages: dict[str, QuantilesMessage]
    drops: DropsMessage
    camera_reconnects: int
    broker_reconnects: int
    camera_failures: int = 0
    restarts: int | None = None
    rss_mb: float
    temperature_c: float | None
    throttled: int | None


_encoder = msgspec.json.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    """Any message as JSON."""
    return _encoder.encode(message)


def hands_message(tracked: FrameHands, latency_ms: float) -> HandsMessage:
    """The ``hands`` message of a frame; a hand with a value that isn't finite is left out."""
    frame, hands = tracked.frame, tracked.hands
    height, width = frame.image.shape[:2]
    rows = _rows(hands, width, height)
    if rows is None:
        hands = tuple(hand for hand in hands if _rows((hand,), width, height) is not None)
        rows = _rows(hands, width, height) or []
    return HandsMessage(
        seq=frame.seq,
        t=round(frame.t_wall, 4),
        t_mono=round(frame.t_mono, 4),
        width=width,
        height=height,
        latency_ms=round(latency_ms, 4),
        hands=[
            _hand_message(hand, rows[42 * n : 42 * n + 21], rows[42 * n + 21 : 42 * n + 42])
            for n, hand in enumerate(hands)
        ],
    )


def _rows(hands: tuple[Hand, ...], width: int, height: int) -> list[list[float]] | None:
    """42 points per hand, 21 in the picture and 21 in metres; None if one isn't finite."""
    # All hands in one array (0.8 times the time of one array per hand), and float64: a rounded
    # float32 would print all its digits.
    points = np.empty((42 * len(hands), 3))
    for n, hand in enumerate(hands):
        points[42 * n : 42 * n + 21] = hand.landmarks
        points[42 * n + 21 : 42 * n + 42] = hand.world_landmarks
    points.reshape(-1, 42, 3)[:, :21] *= (1.0 / width, 1.0 / height, 1.0 / width)
    # JSON has no NaN; one NaN makes the sum NaN.
    if not math.isfinite(points.sum()):
        return None
    rows: list[list[float]] = np.round(points, 4, out=points).tolist()
    return rows


def _hand_message(hand: Hand, landmarks: Points, world: Points) -> HandMessage:
    gesture = hand.gesture
    return HandMessage(
        id=hand.id,
        handedness=hand.handedness.value,
        handedness_score=_unit(hand.handedness_score),
        presence=_unit(hand.presence),
        landmarks=landmarks,
        world=world,
        gesture=msgspec.UNSET
        if gesture is None
        else GestureMessage(name=gesture.name, score=_unit(gesture.score)),
        pose=msgspec.UNSET if hand.pose is None else _pose_message(hand.pose),
    )


def _pose_message(pose: Pose) -> PoseMessage | msgspec.UnsetType:
    parts = (pose.wrist, pose.palm, pose.quaternion, pose.palm_normal, pose.pointing)
    if not math.isfinite(sum(map(sum, parts))):
        return msgspec.UNSET
    wrist, palm, quaternion, normal, pointing = (
        [round(float(value), 4) for value in part] for part in parts
    )
    return PoseMessage(
        wrist=wrist,
        palm=palm,
        quaternion=quaternion,
        palm_normal=normal,
        pointing=pointing,
        confidence=_unit(pose.confidence),
    )


def _unit(value: float) -> float:
    """Clip to 0..1 and round; float() because msgspec accepts no numpy scalar."""
    value = float(value)
    return round(min(max(value, 0.0), 1.0), 4) if value == value else 0.0  # noqa: PLR0124 - NaN
