"""A camera's focal length and centre from pictures of a printed checkerboard.

The running service never imports this: it reads the values from its configuration.
"""

from edgehands.calibration.board import Board, board_picture, write_board
from edgehands.calibration.views import (
    MIN_VIEWS,
    Calibration,
    ViewCollector,
    calibrate,
    checkerboard,
    find_corners,
)

__all__ = [
    "MIN_VIEWS",
    "Board",
    "Calibration",
    "ViewCollector",
    "board_picture",
    "calibrate",
    "checkerboard",
    "find_corners",
    "write_board",
]
