"""Ground truth from your own camera: a folder of pictures annotated by people.

>>> from edgehands.dataset import read
>>> for picture in read("my-hands"):                     # doctest: +SKIP
...     for hand in picture.hands:
...         print(picture.path, hand.handedness, hand.points.shape)
"""

from __future__ import annotations

from edgehands.dataset.labels import LabelledHand, LabelledImage, read

__all__ = ["LabelledHand", "LabelledImage", "read"]
