"""Wheels without what edgehands never loads, so that the package stays small.

What goes: whole packages that only other uses of LiteRT and rich need, LiteRT's compilers and GPU
code, numpy's tests and headers, OpenCV's cascades and its FFmpeg, encoders of PyAV's, Pillow's
writing and colour profiles, the debugging data of libraries; on a PC OpenCV's OpenBLAS, as apt's
numpy is there. The rest is stored, not deflated: the package is compressed as a whole, which is
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
from deb.hollow import forwarding, hollow

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    "pillow": (
        "*.pyi",
        "PIL/_imagingcms.*",
        "PIL/_imagingft.*",
        "pillow.libs/liblcms2-*",
        "pillow.libs/libfreetype-*",
        "pillow.libs/libharfbuzz-*",
        "pillow.libs/libbrotli*",
        "pillow.libs/libpng16-*",
    ),
}

_HOLLOW = {
    # FFmpeg of OpenCV: films are played by PyAV. What those four need themselves is dropped above.
    "opencv_python_headless": (
        "*.libs/libavcodec-*", "*.libs/libavformat-*", "*.libs/libavutil-*", "*.libs/libswscale-*",
    ),
    # Encoders of FFmpeg that no film of edgehands is written with. It decodes Opus by itself.
    "av": (
        "av.libs/libx265-*", "av.libs/libSvtAv1Enc-*", "av.libs/libopus-*", "av.libs/libmp3lame-*",
    ),
}  # fmt: skip

_OPENBLAS = "opencv_python_headless.libs/libopenblas-*"
_NEEDED_BY_OPENBLAS = (
    "opencv_python_headless.libs/libgfortran-*", "opencv_python_headless.libs/libquadmath-*",
)  # fmt: skip
_BLAS_OF_APT = (b"liblapack.so.3", b"libblas.so.3")
"""Debian's numpy depends on both; the second one has CBLAS, which numpy needs as OpenCV does."""

_EPOCH = (2020, 1, 1, 0, 0, 0)


def slimmed(wheel: Path, folder: Path, of_apt: Sequence[str] = ()) -> Path:
    """A wheel without what isn't needed, in another folder, under the same name.

    Args:
        wheel: what was fetched.
        folder: where to.
        of_apt: Python packages that come from apt. With its numpy come BLAS and LAPACK, so that
            OpenCV needs none of its own.
    """
    project = wheel.name.split("-")[0].lower()
    target = folder / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(target, "w") as new:
        kept = [name for name in old.namelist() if not name.endswith("/") and _keep(project, name)]
        if "numpy" in of_apt:
            kept = [name for name in kept if not _is_like(name, _NEEDED_BY_OPENBLAS)]
        record = next(name for name in kept if name.endswith(".dist-info/RECORD"))
        rows = []
        for name in sorted(kept):
            if name == record:
                continue
            content = _smaller(project, name, old.read(name), of_apt)
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


def _smaller(project: str, name: str, content: bytes, of_apt: Sequence[str]) -> bytes:
    if _is_like(name, _HOLLOW.get(project, ())):
        return hollow(content)
    if "numpy" in of_apt and _is_like(name, (_OPENBLAS,)):
        return forwarding(content, _BLAS_OF_APT)
    return stripped(content)


def _keep(project: str, name: str) -> bool:
    if project == "ai_edge_litert":
        return _is_like(name, _KEPT_OF_LITERT)
    return not _is_like(name, _DROPPED.get(project, ()))


def _is_like(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
