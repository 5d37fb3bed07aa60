"""Run damaged films and pictures of many formats through `edgehands track`.

    python3 -m tools fuzz-media                2,000 files; some minutes
    python3 -m tools fuzz-media --files 64     fewer
    python3 -m tools fuzz-media --keep FOLDER  leave the files there, to look at one

Bytes are flipped, cut off, taken out, swapped or overwritten. Every file must give frames or one
line that says why not; the run must not crash, nor be silent for more than 5 s. Exit code 1
otherwise.
"""

from __future__ import annotations

import argparse
import collections
import io
import os
import random
import selectors
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

SILENCE_S = 5.0
FRAMES = 12


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = options.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        names = write_files(folder, options.files, random.Random(options.seed))  # noqa: S311
        sys.exit(track(names))


def write_files(folder: Path, count: int, chance: random.Random) -> list[Path]:
    """Write damaged files, of each format in turn."""
    whole = {**films(), **pictures()}
    names = []
    for number in range(count):
        suffix, data = list(whole.items())[number % len(whole)]
        path = folder / f"{number:05d}{suffix}"
        path.write_bytes(damaged(data, chance))
        names.append(path)
    return names


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Change a file in one of five ways."""
    out = bytearray(data)
    at, length = chance.randrange(len(out)), chance.choice((1, 16, 500, 5000))
    match chance.randrange(5):
        case 0:
            for _ in range(chance.choice((1, 5, 50, 500))):
                out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
        case 1:
            del out[max(at, 1) :]
        case 2:
            del out[at : at + length]
        case 3:
            there = chance.randrange(len(out))
            here, other = out[at : at + length], out[there : there + length]
            if len(here) == len(other):
                out[at : at + length], out[there : there + length] = other, here
        case _:
            out[at : at + length] = chance.randbytes(length)
    return bytes(out) or b"\0"


def images() -> list[np.ndarray]:
    """A few pictures with structure in them."""
    chance = np.random.default_rng(3)
    coarse = chance.integers(0, 256, (FRAMES, 12, 16, 3), np.uint8)
    return [cv2.resize(image, (320, 240), interpolation=cv2.INTER_CUBIC) for image in coarse]


def films() -> dict[str, bytes]:
    """Whole films by ending."""
    kinds = {
        ".mp4": ("mp4", "libx264", "yuv420p"),
        ".mkv": ("matroska", "mpeg4", "yuv420p"),
        ".avi": ("avi", "mjpeg", "yuvj420p"),
        ".ts": ("mpegts", "mpeg2video", "yuv420p"),
    }
    made = {}
    for suffix, (form, codec, pixels) in kinds.items():
        data = io.BytesIO()
        with av.open(data, "w", format=form) as container:
            stream = container.add_stream(codec, rate=25)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 320, 240, pixels
            for image in images():
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
        made[suffix] = data.getvalue()
    return made


def pictures() -> dict[str, bytes]:
    """Whole pictures by ending."""
    image = Image.fromarray(images()[0])
    kinds = {
        ".jpg": "JPEG",
        ".png": "PNG",
        ".webp": "WEBP",
        ".tif": "TIFF",
        ".gif": "GIF",
        ".bmp": "BMP",
    }
    made = {}
    for suffix, form in kinds.items():
        data = io.BytesIO()
        image.save(data, form)
        made[suffix] = data.getvalue()
    return made


def track(names: list[Path]) -> int:
    """Run the command; give the number of things that are wrong."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", "from edgehands.cli import main; main()"),
            *("track", "--backend", "fake", *map(str, names)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "1000"},
    )
    begin = last = time.monotonic()
    silence, said = 0.0, {"out": b"", "err": b""}
    with selectors.DefaultSelector() as selector:
        assert process.stdout is not None
        assert process.stderr is not None
        selector.register(process.stdout, selectors.EVENT_READ, "out")
        selector.register(process.stderr, selectors.EVENT_READ, "err")
        while selector.get_map():
            for key, _ in selector.select(60):
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                said[key.data] += data
            now = time.monotonic()
            silence, last = max(silence, now - last) if said["out"] else silence, now
            if now - begin > 3600:
                process.kill()
    code = process.wait(60)
    return report(names, said["out"].decode(), said["err"].decode(), code, silence)


def report(names: list[Path], out: str, err: str, code: int, silence: float) -> int:
    """Count what came of each file, and say what is wrong."""
    frames = collections.Counter(line.split(":", 1)[0] for line in out.splitlines())
    errors = collections.Counter(
        line.removeprefix("edgehands: ").split(":", 1)[0]
        for line in err.splitlines()
        if line.startswith("edgehands: ")
    )
    wrong = []
    if code not in {0, 1}:
        wrong.append(f"exit code {code}")
    if "Traceback" in err:
        wrong.append("a traceback")
    if silence > SILENCE_S:
        wrong.append(f"silent for {silence:.1f} s")
    for name in map(str, names):
        if not frames[name] and not errors[name]:
            wrong.append(f"{name}: neither frames nor a reason")
        if errors[name] > 1:
            wrong.append(f"{name}: {errors[name]} lines of errors")
    whole = sum(1 for name in map(str, names) if frames[name])
    print(
        f"{len(names)} files: {whole} gave frames ({sum(frames.values())}), {len(errors)} a line"
        f" that says why not; longest silence {silence:.1f} s; exit code {code}"
    )
    for line in wrong[:20]:
        print(f"WRONG: {line}")
    return len(wrong)
