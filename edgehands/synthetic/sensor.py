"""Lens and sensor simulation: blur, exposure, tone curve, noise, compression."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.errors import SourceError
from edgehands.synthetic.skin import to_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.synthetic.scene import Sensor


@functools.cache
def _to_light() -> NDArray[np.float32]:
    """(256,) linear light of an sRGB byte."""
    return to_linear(np.arange(256.0)).astype(np.float32)


@functools.cache
def _from_light() -> NDArray[np.float32]:
    """(65536,) sRGB 0..255 of linear light in 1/65535 (IEC 61966-2-1)."""
    x = np.arange(65536) / 65535.0
    encoded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.asarray(255 * encoded, np.float32)


def light_of(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """An sRGB picture as linear light, float32; a new array."""
    return np.asarray(_to_light()[image])


@functools.cache
def _grain() -> NDArray[np.float32]:
    """Two million normal numbers; a picture takes a slice, 14 times faster than new ones."""
    return np.random.default_rng(17).standard_normal(2**21, np.float32)


def _noise(seed: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Sensor noise of standard deviation 1 that differs from seed to seed."""
    rng = np.random.default_rng([seed, 13])
    pool, n = _grain(), int(np.prod(shape))
    if n > len(pool) // 2:
        return rng.standard_normal(shape, np.float32)
    start = int(rng.integers(len(pool) - n))
    sign = np.float32(1 - 2 * int(rng.integers(2)))
    return pool[start : start + n].reshape(shape) * sign


def expose(canvas: NDArray[np.float32], sensor: Sensor, seed: int) -> NDArray[np.uint8]:
    """A camera picture of linear light: blur, exposure, tone curve, noise, compression."""
    if sensor.blur > 0.2:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), sensor.blur), np.float32)
    gain = [65535.0 * sensor.exposure * b for b in sensor.balance]
    # cv2.multiply saturates at 65535: white
    scaled = cv2.multiply(canvas, np.array([*gain, 0.0]), dtype=cv2.CV_16U)
    index = np.asarray(scaled, np.uint16)
    image = _from_light()[index]
    if sensor.noise > 0:
        image += _noise(seed, image.shape) * np.float32(sensor.noise)
    out: NDArray[np.uint8] = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    return out if sensor.jpeg is None else _through_jpeg(out, sensor.jpeg)


def _through_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """A picture after a JPEG round trip at this quality."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, coded = cv2.imencode(".jpg", image[..., ::-1], flags)
    back = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    if back is None:
        raise SourceError(f"JPEG quality {quality}: OpenCV can't read its own picture back")
    return np.ascontiguousarray(np.asarray(back, np.uint8)[..., ::-1])
