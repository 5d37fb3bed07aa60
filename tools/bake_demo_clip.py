"""Bake the demo's film into edgehands/data/demo.mp4.

Draws the film of edgehands/synthetic/story.py and hands the frames to ffmpeg (H.264: small, and
0.5 ms of CPU a frame to decode; OpenCV's wheels read it but can't write it, so this needs
Debian's `ffmpeg`). A few minutes:

    python3 -m tools bake-demo-clip

Prints the size, and how far the decoded frames are from the drawn ones.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys

import cv2
import numpy as np

from edgehands.synthetic.story import demo_film
from tools import ROOT

TARGET = ROOT / "edgehands" / "data" / "demo.mp4"
LIMIT = 1_500_000
QUALITY = 20  # x264's constant rate factor: smaller = better and larger


def encoder(width: int, height: int, fps: float) -> list[str]:
    """The command that turns raw RGB frames into the clip."""
    program = shutil.which("ffmpeg")
    if program is None:
        sys.exit("ffmpeg: not found; install it with `apt-get install ffmpeg`")
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps)]
    # A key frame every three seconds, so that looping or seeking never decodes much.
    coding = ["-c:v", "libx264", "-preset", "veryslow", "-crf", str(QUALITY), "-g", "90"]
    # Each frame references only the previous one: decoders then keep 2 pictures, not 16 (9 MB).
    coding += ["-refs", "1", "-bf", "0"]
    form = ["-tune", "fastdecode", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    plain = ["-map_metadata", "-1", "-fflags", "+bitexact", "-threads", "2"]
    return [program, "-v", "error", "-y", *source, "-i", "-", *coding, *form, *plain, str(TARGET)]


def main() -> None:
    """Draw, encode, read back, report."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    film = demo_film()
    camera = film.scene_at(0).camera
    command = encoder(camera.width, camera.height, film.fps)
    kept: dict[int, np.ndarray] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        if process.stdin is None:
            sys.exit("ffmpeg: no pipe to write frames to")
        for number, picture in enumerate(film.render()):
            process.stdin.write(picture.image.tobytes())
            if number % 60 == 0:
                kept[number] = picture.image
                print(f"\r{number} of {film.frames} frames", end="", flush=True)
        process.stdin.close()
    if process.returncode:
        sys.exit(f"ffmpeg: failed with exit code {process.returncode}")
    video, errors, number = cv2.VideoCapture(str(TARGET)), [], 0
    while True:
        good, frame = video.read()
        if not good:
            break
        if number in kept:
            errors.append(np.abs(frame[..., ::-1].astype(int) - kept[number]).mean())
        number += 1
    size = TARGET.stat().st_size
    print(f"\r{TARGET.relative_to(ROOT)}: {number} frames, {size / 1000:.0f} kB of {LIMIT // 1000}")
    print(f"mean difference from the drawn frames: {np.mean(errors):.2f} of 255")
    if size > LIMIT or number != film.frames:
        sys.exit("too large, or frames are missing: raise QUALITY's number, or look at ffmpeg")
