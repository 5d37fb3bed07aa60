"""The constants of MediaPipe's hand models, each with the graph it was read from.

Sources are the files of mediapipe 0.10.21 under ``mediapipe/modules/``.
"""

from __future__ import annotations

import math
from typing import Final

# palm_detection/palm_detection_cpu.pbtxt: ImageToTensor, SsdAnchors, TensorsToDetections, NMS
PALM_INPUT_SIZE: Final = 192
PALM_ANCHOR_STRIDES: Final = (8, 16, 16, 16)
PALM_ANCHORS_A_CELL: Final = 2  # a stride; the three strides of 16 share their cells
PALM_ANCHOR_OFFSET: Final = 0.5
PALM_KEYPOINT_COUNT: Final = 7
PALM_LOGIT_CLIP: Final = 100.0
PALM_NMS_IOU: Final = 0.3

# hand_landmark/palm_detection_detection_to_roi.pbtxt
PALM_ROTATION_FROM: Final = 0  # wrist
PALM_ROTATION_TO: Final = 2  # middle MCP
PALM_ROI_SCALE: Final = 2.6
PALM_ROI_SHIFT: Final = -0.5  # along the hand, towards the fingers

# calculators/tensor/image_to_tensor_converter_opencv.cc: warpPerspective, as OpenCV 3 samples
SAMPLING_STEPS: Final = 32  # a pixel

# Frame side in pixels: OpenCV samples no larger frames.
LONGEST_SIDE: Final = 32766

# hand_landmark/hand_landmark_landmarks_to_roi.pbtxt
LANDMARK_ROI_POINTS: Final = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
LANDMARK_ROI_SCALE: Final = 2.0
LANDMARK_ROI_SHIFT: Final = -0.1

# hand_landmark/hand_landmark_cpu.pbtxt: ImageToTensor, TensorsToLandmarks
LANDMARK_INPUT_SIZE: Final = 224
LANDMARK_Z_NORMALISER: Final = 0.4

# The target of both rotations: fingers up.
ROI_TARGET_ANGLE: Final = math.pi / 2

# Ours: how finely a ROI is placed before a crop is taken (geometry.roi.on_grid).
ROI_GRID_BITS: Final = 10
ROI_GRID_TURN: Final = 512  # steps a radian

# tasks/cc/vision/hand_landmarker/calculators/hand_landmarks_deduplication_calculator.cc
DUPLICATE_POINT_DISTANCE: Final = 0.2
DUPLICATE_POINT_COUNT: Final = 10
DUPLICATE_BOX_IOU: Final = 0.2

# Ours: on real films two tracks on one hand were 0.28 to 0.4 palm sizes apart, on one side.
DUPLICATE_MEAN_DISTANCE: Final = 0.4
