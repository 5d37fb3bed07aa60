"""Ground truth from one's own camera: a folder of pictures with what a person says they show.

>>> from edgehands.dataset import read
>>> for picture in read("my-hands"):                     # doctest: +SKIP
...     for hand in picture.hands:
...         print(picture.path, hand.handedness, hand.points.shape)
"""

from __future__ import annotations

from edgehands.dataset.labels import LabelledHand, LabelledImage, read

__all__ = ["LabelledHand", "LabelledImage", "read"]
