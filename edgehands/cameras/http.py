"""HTTP requests: what a server offers, and MJPEG connections with a limit on their size.

FFmpeg parses the bytes, but they are fetched here: FFmpeg's own reader would let a server fill the
memory with one endless picture, and doesn't check certificates.
"""

from __future__ import annotations

import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgehands.errors import SourceError

if TYPE_CHECKING:
    from http.client import HTTPResponse

MAX_PART_BYTES = 32 * 1024 * 1024
"""More bytes than this without a complete picture end the connection."""


class MjpegResponse:
    """A server's response, as a file for FFmpeg.

    Attributes:
        format: FFmpeg's demuxer for it.
    """

    def __init__(self, response: HTTPResponse, form: str, name: str) -> None:
        self._response = response
        self._name = name
        self._since = 0
        self.format = form

    def read(self, size: int) -> bytes:
        """The bytes received, at most ``size``; empty at the end.

        Raises:
            SourceError: Too many bytes without a picture.
            OSError: The connection broke, or timed out.
        """
        data = self._response.read1(size)
        self._since += len(data)
        if self._since > MAX_PART_BYTES:
            raise SourceError(
                f"{self._name}: {self._since / 1e6:.0f} MB without a whole picture: no camera"
            )
        return data

    def picture_came(self) -> None:
        """Restart counting."""
        self._since = 0

    def close(self) -> None:
        """Close the connection."""
        self._response.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server offers at a URL.

    Attributes:
        mjpeg: its pictures; None if it is something else, which FFmpeg fetches itself.
        stored: it is a playlist or a film, not an endless stream: data read early isn't late.
    """

    mjpeg: MjpegResponse | None
    stored: bool


def ask(url: str, *, ca_file: str, timeouts: tuple[float, float], name: str) -> Answer:
    """Ask a server what it offers.

    Args:
        url: ``http[s]://[user:password@]host/path``.
        ca_file: the certificate that signed the server's; empty = any is accepted, as most cameras
            sign their own.
        timeouts: seconds to connect, and without a byte.
        name: the URL without secrets.

    Raises:
        SourceError: No answer, or refused.
    """
    opener, plain = _opener(url, ca_file)
    try:
        response: Any = opener.open(plain, timeout=timeouts[0])
    except urllib.error.HTTPError as error:
        error.close()
        hint = "check user and password" if error.code in {401, 403} else "check the path"
        raise SourceError(f"{name}: can't be opened (HTTP {error.code}): {hint}") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise SourceError(
            f"{name}: can't be opened ({getattr(why, 'strerror', None) or why}): "
            "check host, port and path"
        ) from None
    kind = response.headers.get_content_type()
    if kind not in {"multipart/x-mixed-replace", "image/jpeg", "video/x-motion-jpeg"}:
        length = response.headers.get("Content-Length")
        response.close()
        playlist = "mpegurl" in kind or urllib.parse.urlsplit(plain).path.endswith(".m3u8")
        return Answer(None, stored=playlist or length is not None)
    _set_timeout(response, timeouts[1])
    form = "mpjpeg" if kind.startswith("multipart") else "mjpeg"
    return Answer(MjpegResponse(response, form, name), stored=False)


def _opener(url: str, ca_file: str) -> tuple[urllib.request.OpenerDirector, str]:
    """An opener for HTTP and HTTPS only, and the URL without user and password."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    plain = urllib.parse.urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
    context = ssl.create_default_context(cafile=ca_file or None)
    if not ca_file:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ]
    if parts.username is not None:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        user, password = (urllib.parse.unquote(x or "") for x in (parts.username, parts.password))
        passwords.add_password(None, plain, user, password)
        handlers += [
            urllib.request.HTTPBasicAuthHandler(passwords),
            urllib.request.HTTPDigestAuthHandler(passwords),
        ]
    for handler in handlers:
        opener.add_handler(handler)
    return opener, plain


def _set_timeout(response: Any, seconds: float) -> None:
    raw = getattr(getattr(response, "fp", None), "raw", None)
    connection = getattr(raw, "_sock", None)
    if connection is not None:
        connection.settimeout(seconds)
