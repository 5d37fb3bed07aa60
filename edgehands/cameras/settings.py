"""How a camera, a file or a folder is opened: the ``[camera]`` table of the configuration.

The type lives with the other tables; it is also found here, beside those who use it.
"""

from __future__ import annotations

from edgehands.config import CameraSettings

__all__ = ["CameraSettings"]
