"""Offsets of MediaPipe's landmarks from the anatomical joints; fitted, not typed.

Made by scripts/fit_synthetic_joints --images 300 --first-seed 500000: 299 hands,
error 8.83 % of palm size without the offsets, 7.25 % with them on hands held out.
"""

from __future__ import annotations

OFFSETS_MM: tuple[tuple[float, float, float], ...] = (
    (-1.5, 8.3, 3.8),  # WRIST
    (1.5, 12.3, -1.6),  # THUMB_CMC
    (-1.8, 1.5, 0.0),  # THUMB_MCP
    (-1.4, -3.6, -0.8),  # THUMB_IP
    (-1.5, -7.8, -0.5),  # THUMB_TIP
    (0.1, 1.3, 3.8),  # INDEX_MCP
    (-0.4, -3.4, -2.4),  # INDEX_PIP
    (-0.1, -5.5, -0.3),  # INDEX_DIP
    (-0.1, -7.0, 0.7),  # INDEX_TIP
    (-0.8, -2.2, 3.7),  # MIDDLE_MCP
    (-0.9, -4.8, -2.3),  # MIDDLE_PIP
    (0.1, -6.2, 1.8),  # MIDDLE_DIP
    (0.6, -7.5, 1.3),  # MIDDLE_TIP
    (-1.0, -1.9, 3.6),  # RING_MCP
    (-1.1, -3.2, -2.5),  # RING_PIP
    (1.0, -6.1, 1.4),  # RING_DIP
    (2.6, -8.2, 2.0),  # RING_TIP
    (-1.6, 0.5, 1.7),  # PINKY_MCP
    (-1.1, -2.3, -2.1),  # PINKY_PIP
    (0.8, -4.4, 1.3),  # PINKY_DIP
    (2.2, -6.7, 2.2),  # PINKY_TIP
)
"""(21, 3) millimetres along the carrying bone's axes: side, along, to the palm."""
