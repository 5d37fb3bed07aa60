"""Opens the source for a URI."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from edgehands.cameras.base import SourceInfo
from edgehands.cameras.capture import Backoff, LiveSource
from edgehands.cameras.fake import FakeLife, FakeSource, parse_script
from edgehands.cameras.files import ImageSource, in_words, list_folder
from edgehands.cameras.film import is_animation
from edgehands.cameras.images import is_image
from edgehands.cameras.limits import check_file, shown
from edgehands.cameras.picamera2 import Picamera2Opener, load_picamera2
from edgehands.cameras.v4l2 import V4L2Opener
from edgehands.cameras.video import VideoSource
from edgehands.config import CameraSettings
from edgehands.errors import SourceNotFound, UsageError
from edgehands.safe_text import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.cameras.base import Source
    from edgehands.cameras.capture import Device

DATA = Path(__file__).parent.parent / "data"
STREAMS = ("rtsp", "rtsps", "http", "https")
SCHEMES = ("picamera2", "v4l2", *STREAMS, "file", "dir", "demo", "fake")
_EXAMPLES = (
    "picamera2:0, v4l2:/dev/video0, rtsp://host/path, http://host/path, file:clip.mp4, "
    "dir:images/, demo:, fake:"
)


def open_source(uri: str, settings: CameraSettings | None = None, *, realtime: bool) -> Source:
    """Open a camera, stream, file or folder.

    Args:
        uri: ``picamera2:0``, ``v4l2:/dev/video0``, ``v4l2:0``, ``rtsp[s]://…``, ``http[s]://…``,
            ``file:clip.mp4``, ``dir:images/``, ``demo:``, ``fake:``, or the bare path of a file,
            folder or device.
        settings: What to request from it.
        realtime: A live run: files are paced like a camera, and a missing camera is waited for (the
            source starts offline). Otherwise files are read as fast as possible, and a missing
            camera is an error.

    Raises:
        UsageError: The URI is invalid.
        SourceNotFound: The file or folder doesn't exist; if not ``realtime``, also the camera.
        SourceError: It exists but can't be read.
        BackendUnavailable: The software for this kind of camera isn't installed.
    """
    settings = settings or CameraSettings()
    scheme, rest = _split(uri)
    if scheme == "fake":
        return _open_fake(uri, rest, settings, realtime=realtime)
    if scheme == "demo":
        return VideoSource(demo_clip(), settings, realtime=realtime, uri=uri, loop=True)
    if scheme in ("v4l2", "picamera2", *STREAMS):
        return _open_camera(uri, scheme, rest, settings, realtime=realtime)
    return _open_path(uri, scheme, rest, settings, realtime=realtime)


def is_live(uri: str) -> bool:
    """Whether a URI names a camera, a stream or the demo film, rather than a user's files."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", uri)
    if match is None:
        return uri.startswith(("/dev/video", "/dev/v4l/"))
    return match[1].lower() in SCHEMES and match[1].lower() not in {"file", "dir"}


def demo_clip() -> Path:
    """Find the clip that comes with the package.

    Raises:
        SourceNotFound: It wasn't packaged.
    """
    clips = sorted(path for path in DATA.glob("demo.*") if path.suffix in {".mp4", ".avi", ".mkv"})
    if not clips:
        raise SourceNotFound("demo: the package's own clip isn't there: install edgehands again")
    return clips[0]


def _split(uri: str) -> tuple[str, str]:
    if not uri:
        raise UsageError(f"empty source: give a path or one of {_EXAMPLES}")
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", uri)
    if match is None or (match[1].lower() not in SCHEMES and Path(uri).exists()):
        return ("v4l2" if uri.startswith(("/dev/video", "/dev/v4l/")) else "", uri)
    scheme = match[1].lower()
    if scheme not in SCHEMES:
        raise UsageError(f"'{redact(uri)}': unknown kind of source '{scheme}': use {_EXAMPLES}")
    return scheme, uri[match.end() :]


def has_host(url: str) -> bool:
    """Whether a URL has a host at all, so that a mistyped one isn't retried forever."""
    host = r"(?:[^/]*@)?(?:\[[\w:.%]+\]|[^/@:\s\[\]]+)"
    return re.match(rf"(?i:rtsps?|https?)://{host}(?::\d{{1,5}})?(?:[/?].*)?$", url) is not None


def _open_fake(uri: str, query: str, settings: CameraSettings, *, realtime: bool) -> Source:
    script = parse_script(query)
    if not realtime:
        return FakeSource(script, settings, uri)
    return LiveSource(
        SourceInfo(uri, "fake", 0, 0, 0.0),
        FakeLife(script, settings).open,
        settings,
        must_open=False,
        backoff=Backoff(0.05, 0.5),
    )


def _open_camera(
    uri: str, scheme: str, rest: str, settings: CameraSettings, *, realtime: bool
) -> Source:
    opener: Callable[[], Device]
    if scheme == "v4l2":
        if not rest:
            raise UsageError(f"'{uri}': which camera? Give for example v4l2:/dev/video0")
        opener = V4L2Opener(rest, settings)
    elif scheme in STREAMS:
        if not has_host(uri):
            raise UsageError(
                f"'{redact(uri)}': no host in it: give for example {scheme}://host/path"
            )
        # Only here: a wired camera doesn't need a second FFmpeg in memory.
        from edgehands.cameras.stream import StreamOpener  # noqa: PLC0415

        opener = StreamOpener(uri, settings)
    else:
        if not (rest or "0").isdecimal():
            raise UsageError(
                f"'{uri}': the camera's number is wanted: give for example picamera2:0"
            )
        load_picamera2()
        opener = Picamera2Opener(int(rest or "0"), settings)
    return LiveSource(
        SourceInfo(redact(uri), scheme.removesuffix("s"), 0, 0, 0.0),
        opener,
        settings,
        must_open=not realtime,
        turn=scheme != "picamera2",
    )


def _open_path(
    uri: str, scheme: str, rest: str, settings: CameraSettings, *, realtime: bool
) -> Source:
    if not rest:
        raise UsageError(f"'{uri}': no path behind it: give for example {scheme}:some/path")
    path = Path(rest)
    if scheme == "dir" or path.is_dir():
        listing = list_folder(path)
        other = f"; left out: {in_words(listing.left_out)}" if listing.left_out else ""
        info = SourceInfo(
            shown(uri), "folder", 0, 0, settings.fps, f"{len(listing.images)} images{other}"
        )
        return ImageSource(listing.images, settings, info=info, realtime=realtime)
    check_file(path)
    if not is_image(path) or is_animation(path):
        return VideoSource(path, settings, realtime=realtime, uri=shown(uri))
    info = SourceInfo(shown(uri), "image", 0, 0, settings.fps, "1 image")
    return ImageSource((path,), settings, info=info, realtime=realtime)
