"""Measure the time from sending a frame to reading it: H.264 over HTTP, 640x480, 30 fps.

Prints the median and the 95th percentile of 90 frames, ms. The stream is bare H.264 over loopback,
frame by frame, so FFmpeg's parser itself waits for the next frame (33 ms): that is the least that
can come out. The first second isn't counted.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np

from edgehands.cameras import CameraSettings
from edgehands.cameras.stream import StreamDevice

FPS, COUNT = 30, 180


def coded() -> list[bytes]:
    """Frames of rising brightness, each coded by itself or predicted from the previous one."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 640, 480, "yuv420p"
    context.framerate = Fraction(FPS)
    context.time_base = Fraction(1, FPS)
    context.options = {"tune": "zerolatency", "preset": "ultrafast", "g": "30"}
    out = []
    for n in range(COUNT):
        image = np.full((480, 640, 3), 20 + 3 * (n % 70), np.uint8)
        out += [bytes(p) for p in context.encode(av.VideoFrame.from_ndarray(image, format="rgb24"))]
    return out


def main() -> None:
    """Send, read, compare."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    frames, sent = coded(), [0.0] * COUNT

    class Handler(BaseHTTPRequestHandler):
        """Sends the film to every client."""

        def do_GET(self) -> None:
            """Send each frame when it is due."""
            self.send_response(200)
            self.send_header("Content-Type", "video/h264")
            self.end_headers()
            begin = time.monotonic()
            for n, frame in enumerate(frames):
                time.sleep(max(0.0, begin + n / FPS - time.monotonic()))
                sent[n] = time.monotonic()
                try:
                    self.wfile.write(frame)
                except OSError:
                    return

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    device = StreamDevice(f"http://127.0.0.1:{server.server_address[1]}/", CameraSettings())
    delays: list[float] = []
    try:
        while len(delays) < 90:
            shot = device.read()
            now = time.monotonic()
            assert shot is not None
            level = round((float(shot.image[240, 320, 0]) - 20) / 3)
            n = max((i for i in range(COUNT) if i % 70 == level and 0 < sent[i] <= now), default=0)
            if n > 60:
                delays.append((now - sent[n]) * 1000)
    finally:
        device.close()
        server.shutdown()
    print(f"median {statistics.median(delays):.1f} ms, p95 {sorted(delays)[85]:.1f} ms")
