"""The files of a folder of labelled pictures, as types; the JSON Schemas are generated from them.

```
FOLDER/                          0700
  dataset.json                   Dataset: what was recorded, with what
  frames.jsonl                   RecordedFrame, one a line, in order of time
  images/000001.jpg              the pictures (JPEG or PNG)
  depth/000001.png               where there is depth: 16-bit PNG, millimetres, 0 = unknown
  annotations/NAME/000001.json   Annotation: what the annotator NAME said of a picture
```

Pixel coordinates are *frame pixels* of the picture as it is stored.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

FORMAT: Final = "edgehands dataset"
VERSION: Final = 1
POINTS: Final = 21

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Point = tuple[float, float]
Point3 = tuple[float, float, float]
Points = Annotated[list[Point], msgspec.Meta(min_length=POINTS, max_length=POINTS)]
Points3 = Annotated[list[Point3], msgspec.Meta(min_length=POINTS, max_length=POINTS)]
Side = Literal["left", "right"]

PointState = Literal["visible", "occluded", "outside"]
"""``occluded``: in the picture, but something is in front of it; its place is an estimate.
``outside``: not in the picture."""

ZOrigin = Literal["depth", "fitted", "truth", "absent"]
"""Where a point's z comes from: the depth picture; bone lengths fitted to the points; a drawn scene
or a public data set; nowhere."""

Reason = Literal["presence", "lost", "new_id", "jump", "models_disagree", "interval"]
"""Why a frame was kept: a presence between 0.3 and 0.8; a hand was lost here and found again, or
came back under another id; a hand moved further than it was expected to; the lite and the full
model disagree; it was just its turn."""

ImageName = Annotated[str, msgspec.Meta(pattern=r"^images/[A-Za-z0-9_-]{1,100}\.(jpg|jpeg|png)$")]
DepthName = Annotated[str, msgspec.Meta(pattern=r"^depth/[A-Za-z0-9_-]{1,100}\.png$")]
AnnotatorName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,32}$")]


class CameraRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The source of the pictures, and its lens as far as the configuration knew it.

    Attributes:
        uri: as requested, without passwords.
        kind: ``v4l2``, ``picamera2``, ``rtsp``, ``video``, ``folder``, ``realsense``, ``oak`` …
        detail: the pixel format, the device's own path.
        width, height: size of the frames, pixels; 0 = unknown.
        fps: frames a second; 0 = unknown.
        focal_x, focal_y: focal lengths, pixels; 0 = unknown.
        calibrated: the focal lengths were measured; else they follow from a field of view.
    """

    uri: str = ""
    kind: str = ""
    detail: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    focal_x: float = 0.0
    focal_y: float = 0.0
    calibrated: bool = False


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A model file that the tracker used.

    Attributes:
        name: of the file.
        sha256: of its content, hexadecimal.
    """

    name: str
    sha256: str


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """``dataset.json``: what the folder holds, and how it was made.

    Attributes:
        format: always ``edgehands dataset``.
        version: of the format; readers refuse unknown ones.
        created: when, ISO 8601, UTC.
        edgehands: version of the program.
        camera: where the pictures come from.
        settings: the ``[camera]`` settings of the recording, by name, without its source.
        tracking: the ``[tracking]`` settings of the recording, by name.
        models: the model files.
        faces: whether faces were blurred before the pictures were stored.
        origin: for converted sets, what they were converted from.
    """

    format: Literal["edgehands dataset"] = FORMAT
    version: Literal[1] = VERSION
    created: str = ""
    edgehands: str = ""
    camera: CameraRecord = CameraRecord()
    settings: dict[str, bool | int | float | str] = {}
    tracking: dict[str, bool | int | float | str] = {}
    models: list[ModelRecord] = []
    faces: Literal["kept", "blurred"] = "kept"
    origin: str = ""


class RecordedRoi(msgspec.Struct, frozen=True, kw_only=True):
    """The rotated square that the landmark model looked at.

    Attributes:
        cx, cy: centre, frame pixels.
        size: side, frame pixels.
        rotation: radians, clockwise as seen; 0 = the hand points up.
    """

    cx: float
    cy: float
    size: float
    rotation: float


class RecordedHand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hand as the tracker reported it.

    Attributes:
        id: of the track.
        handedness: of the person.
        handedness_score: 0..1.
        presence: 0..1.
        landmarks: 21 x, y, z in frame pixels; z relative to the wrist, smaller = nearer.
        world: 21 x, y, z in metres, origin at the hand's centre.
        roi: where the landmark model looked.
        gesture: its name; ``none`` = no gesture.
    """

    id: int
    handedness: Side
    handedness_score: Fraction
    presence: Fraction
    landmarks: Points3
    world: Points3
    roi: RecordedRoi
    gesture: str = "none"


class RecordedFrame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of ``frames.jsonl``: a picture, and the tracker's result.

    Attributes:
        file: the picture, relative to the folder.
        width, height: its size, pixels.
        seq: number of the frame in its source.
        t: wall time of capture, seconds since 1970.
        t_mono: the source's own clock, seconds.
        depth: the depth picture, relative to the folder; empty = there is none.
        source: name of the frame's source file, for recordings of files.
        why: why the frame was kept.
        hands: what the tracker reported.
    """

    file: ImageName
    width: Annotated[int, msgspec.Meta(ge=1)]
    height: Annotated[int, msgspec.Meta(ge=1)]
    seq: int = 0
    t: float = 0.0
    t_mono: float = 0.0
    depth: DepthName | Literal[""] = ""
    source: str = ""
    why: list[Reason] = []
    hands: list[RecordedHand] = []


class AnnotatedHand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hand as annotated by a person.

    Attributes:
        handedness: of the person whose hand it is. points: 21 x, y in frame pixels, in MediaPipe's
            order.
        states: of the 21 points.
        z_mm: 21 depths relative to the wrist in millimetres, smaller = nearer; null = unknown.
            Empty where nothing is known.
        z_from: the source of each of them; empty where nothing is known.
        gesture: the name of the shape, for teaching; empty = not given.
        guess: id of the recorded hand that it was corrected from; 0 = none.
        guess_mm: 21 x, y, z of the model's guess, millimetres: they tell which way bones lean when
            z is fitted. Empty where there was no guess.
    """

    handedness: Side
    points: Points
    states: Annotated[list[PointState], msgspec.Meta(min_length=POINTS, max_length=POINTS)]
    z_mm: Annotated[list[float | None], msgspec.Meta(max_length=POINTS)] = []
    z_from: Annotated[list[ZOrigin], msgspec.Meta(max_length=POINTS)] = []
    gesture: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_-]{0,32}$")] = ""
    guess: int = 0
    guess_mm: Annotated[list[Point3], msgspec.Meta(max_length=POINTS)] = []


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """``annotations/NAME/000001.json``: all hands of a picture; none = the annotator saw no hand.

    Attributes:
        version: of the format.
        image: the picture, relative to the folder.
        annotator: whose annotation it is.
        saved: when, ISO 8601, UTC.
        revision: how often it was saved; increases by one each time.
        seconds: how long the annotator had the picture open, in total.
        complete: the annotator said that this is all, and right; else it is work in progress,
            which nothing but the page reads.
        hands: every hand in the picture.
    """

    version: Literal[1] = VERSION
    image: ImageName
    annotator: AnnotatorName
    saved: str = ""
    revision: Annotated[int, msgspec.Meta(ge=1)] = 1
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    complete: bool = True
    hands: Annotated[list[AnnotatedHand], msgspec.Meta(max_length=20)] = []
