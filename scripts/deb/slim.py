"""Wheels without what edgehands never loads, so that the package stays small.

What goes: whole packages that only other uses of LiteRT and rich need, LiteRT's compilers and GPU
code, numpy's tests and headers, OpenCV's cascades and its FFmpeg, encoders of PyAV's, the debugging
data of libraries. The rest is stored, not deflated: the package is compressed as a whole, which is
smaller by a quarter.
"""

from __future__ import annotations

import base64
import csv
import fnmatch
import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

from deb.elf import stripped
from deb.hollow import hollow

if TYPE_CHECKING:
    from pathlib import Path

NEVER_IMPORTED = (
    "flatbuffers",
    "ml-dtypes",
    "protobuf",
    "tqdm",
    "backports.strenum",
    "backports-strenum",
    "typing-inspection",
)
"""Packages that only parts of LiteRT need which edgehands doesn't load."""

_KEPT_OF_LITERT = (
    "ai_edge_litert/__init__.py",
    "ai_edge_litert/interpreter.py",
    "ai_edge_litert/metrics_interface.py",
    "ai_edge_litert/metrics_portable.py",
    "ai_edge_litert/_pywrap_litert_interpreter_wrapper.so",
    "ai_edge_litert/libpywrap_litert_common.so",
    "ai_edge_litert/libLiteRt.so",
    "ai_edge_litert-*.dist-info/*",
)

_DROPPED = {
    "numpy": ("*/tests/*", "*.pyi", "*/include/*", "numpy/f2py/*", "numpy/distutils/*", "*.a"),
    "opencv_python_headless": (
        "cv2/data/*.xml",
        "*.pyi",
        "*.libs/libswresample-*",
        "*.libs/libvpx-*",
        "*.libs/libssl-*",
        "*.libs/libcrypto-*",
    ),
    "av": ("*.pyx", "*.pxd", "*.pyi", "*/include/*"),
    "pillow": ("*.pyi",),
}

_HOLLOW = {
    # FFmpeg of OpenCV: films are played by PyAV. What those four need themselves is dropped above.
    "opencv_python_headless": (
        "*.libs/libavcodec-*", "*.libs/libavformat-*", "*.libs/libavutil-*", "*.libs/libswscale-*",
    ),
    # Encoders of FFmpeg that no film of edgehands is written with.
    "av": ("av.libs/libx265-*", "av.libs/libSvtAv1Enc-*"),
}  # fmt: skip

_EPOCH = (2020, 1, 1, 0, 0, 0)


def slimmed(wheel: Path, folder: Path) -> Path:
    """A wheel without what isn't needed, in another folder, under the same name."""
    project = wheel.name.split("-")[0].lower()
    target = folder / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(target, "w") as new:
        kept = [name for name in old.namelist() if not name.endswith("/") and _keep(project, name)]
        record = next(name for name in kept if name.endswith(".dist-info/RECORD"))
        rows = []
        for name in sorted(kept):
            if name == record:
                continue
            content = old.read(name)
            hollowed = any(fnmatch.fnmatch(name, like) for like in _HOLLOW.get(project, ()))
            content = hollow(content) if hollowed else stripped(content)
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = old.getinfo(name).external_attr
            new.writestr(info, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            rows.append((name, f"sha256={digest.decode()}", str(len(content))))
        rows.append((record, "", ""))
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        new.writestr(zipfile.ZipInfo(record, _EPOCH), text.getvalue())
    return target


def _keep(project: str, name: str) -> bool:
    if project == "ai_edge_litert":
        return any(fnmatch.fnmatch(name, pattern) for pattern in _KEPT_OF_LITERT)
    return not any(fnmatch.fnmatch(name, pattern) for pattern in _DROPPED.get(project, ()))
