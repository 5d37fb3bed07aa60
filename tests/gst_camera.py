"""An RTSP camera made by GStreamer, over TCP or UDP and with TLS: a program of its own.

    /usr/bin/python3 tests/gst_camera.py [CERTIFICATE KEY]

Prints its URL and serves a red picture in H.264 until it is ended. Needs Debian's
gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good and -ugly; it knows nothing of edgehands.
"""

from __future__ import annotations

import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtspServer  # noqa: E402

PIPELINE = (
    "( videotestsrc is-live=true pattern=red"
    " ! video/x-raw,format=I420,width=320,height=240,framerate=30/1"
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15"
    " ! rtph264pay name=pay0 config-interval=1 )"
)


def main(certificate: list[str]) -> None:
    """Serve."""
    Gst.init(None)
    server: Any = GstRtspServer.RTSPServer(address="127.0.0.1", service="0")
    if certificate:
        auth = GstRtspServer.RTSPAuth()
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(*certificate))
        token = GstRtspServer.RTSPToken()
        token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "anyone")
        auth.set_default_token(token)
        server.set_auth(auth)
    factory = GstRtspServer.RTSPMediaFactory(launch=PIPELINE, shared=True)
    if certificate:
        factory.add_role_from_structure(
            Gst.Structure.new_from_string(
                "anyone, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
            )
        )
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    scheme = "rtsps" if certificate else "rtsp"
    print(f"{scheme}://127.0.0.1:{server.get_bound_port()}/cam", flush=True)  # noqa: T201
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(sys.argv[1:])
