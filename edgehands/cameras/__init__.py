"""Sources of frames: cameras, files, folders, streams, all behind one protocol.

with open_source("v4l2:/dev/video0", realtime=True) as source:
    while not source.finished:
        frame = source.read(timeout=1.0)
"""

from __future__ import annotations

from edgehands.cameras.base import Source, SourceFailure, SourceInfo
from edgehands.cameras.inputs import InputFile, Inputs, count_frames, find_inputs, iter_frames
from edgehands.cameras.listing import CameraInfo, CameraMode, list_cameras
from edgehands.cameras.opening import SCHEMES, is_live, open_source
from edgehands.config import CameraSettings
from edgehands.safe_text import redact

__all__ = [
    "SCHEMES",
    "CameraInfo",
    "CameraMode",
    "CameraSettings",
    "InputFile",
    "Inputs",
    "Source",
    "SourceFailure",
    "SourceInfo",
    "count_frames",
    "find_inputs",
    "is_live",
    "iter_frames",
    "list_cameras",
    "open_source",
    "redact",
]
