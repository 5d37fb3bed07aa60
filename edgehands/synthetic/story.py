"""The demo's film: a hand appears, moves, turns, shows shapes, leaves, and returns with another."""

from __future__ import annotations

from dataclasses import replace

from edgehands.hand import Handedness
from edgehands.synthetic.film import Film
from edgehands.synthetic.motion import Actor, Key, Place, keep_apart
from edgehands.synthetic.scene import Background, Camera, Lighting, Scene, Sensor, Skin

FPS = 30
SECONDS = 26.0

_SKIN = Skin(tone=3.2, identity=4, sleeve=75, cloth=(52, 86, 110))
_MID = Place(0.5, 0.62, 0.21)
_BELOW = replace(_MID, y=1.75, x=0.56)

# The right hand appears at the left of an unmirrored picture and may move anywhere.
_RIGHT = (
    Key(0.0, _BELOW, "open_palm"),
    Key(0.7, _BELOW),
    Key(1.6, replace(_MID, x=0.42)),
    Key(2.4, replace(_MID, x=0.30, y=0.55, roll=-14.0)),
    Key(3.3, replace(_MID, x=0.66, y=0.52, roll=12.0)),
    Key(4.2, replace(_MID, x=0.5, palm=0.22)),
    Key(5.3, replace(_MID, yaw=180.0, palm=0.22)),
    Key(5.6, replace(_MID, yaw=180.0, palm=0.22)),
    Key(6.6, replace(_MID, palm=0.23), "fist"),
    Key(7.4, replace(_MID, x=0.47, palm=0.23), "point"),
    Key(8.2, replace(_MID, x=0.52, palm=0.23, roll=6.0), "victory"),
    Key(9.0, replace(_MID, x=0.48, palm=0.23, roll=-4.0), "three"),
    Key(9.8, replace(_MID, x=0.5, palm=0.23), "ok"),
    Key(10.8, replace(_MID, x=0.52, y=0.58, palm=0.23, yaw=-8.0), "thumbs_up"),
    Key(11.5, replace(_MID, x=0.5, y=0.52, palm=0.22, roll=-60.0)),
    Key(12.2, replace(_MID, x=0.5, y=0.52, palm=0.22, roll=-60.0), "open_palm"),
    Key(12.9, replace(_MID, x=0.74, y=0.56, roll=16.0)),
    Key(13.6, replace(_MID, x=1.45, y=0.8, roll=40.0)),
    Key(13.9, replace(_MID, x=1.45, y=2.3)),
    Key(14.2, replace(_MID, x=-0.35, y=2.3)),
    Key(14.6, replace(_MID, x=-0.35, y=0.85, roll=-40.0), "rock"),
    Key(15.5, replace(_MID, x=0.30, y=0.60, roll=-8.0)),
    Key(16.3, replace(_MID, x=0.30, y=0.58, palm=0.19), "i_love_you"),
    Key(17.2, replace(_MID, x=0.27, y=0.56, palm=0.18), "open_palm"),
    Key(18.2, replace(_MID, x=0.26, y=0.62, palm=0.18, roll=-10.0)),
    Key(19.0, replace(_MID, x=0.28, y=0.52, palm=0.18, roll=8.0), "pinch"),
    Key(19.8, replace(_MID, x=0.26, y=0.58, palm=0.19), "open_palm"),
    Key(20.8, replace(_MID, x=0.41, y=0.60, palm=0.19, roll=-2.0)),
    Key(21.9, replace(_MID, x=0.41, y=0.58, palm=0.19, roll=-2.0)),
    Key(22.8, replace(_MID, x=0.25, y=0.56, palm=0.19, roll=-8.0), "victory"),
    Key(23.9, replace(_MID, x=0.25, y=0.58, palm=0.19, roll=-4.0), "open_palm"),
    Key(25.0, replace(_BELOW, x=0.22)),
    Key(SECONDS, replace(_BELOW, x=0.22)),
)
_ASIDE = replace(_MID, x=0.8, y=1.75, palm=0.18)
_LEFT = (
    Key(0.0, _ASIDE, "open_palm"),
    Key(16.6, _ASIDE),
    Key(17.5, replace(_ASIDE, x=0.73, y=0.58)),
    Key(18.4, replace(_ASIDE, x=0.75, y=0.52, roll=12.0)),
    Key(19.2, replace(_ASIDE, x=0.72, y=0.62, roll=-6.0), "point"),
    Key(19.9, replace(_ASIDE, x=0.74, y=0.58, palm=0.19), "open_palm"),
    Key(20.8, replace(_ASIDE, x=0.59, y=0.60, palm=0.19, roll=2.0)),
    Key(21.9, replace(_ASIDE, x=0.59, y=0.58, palm=0.19, roll=2.0)),
    Key(22.8, replace(_ASIDE, x=0.75, y=0.56, palm=0.19, roll=8.0), "call"),
    Key(23.9, replace(_ASIDE, x=0.75, y=0.58, palm=0.19, roll=4.0), "open_palm"),
    Key(24.9, _ASIDE),
    Key(SECONDS, _ASIDE),
)


def demo_film(size: tuple[int, int] = (640, 480)) -> Film:
    """The film that ``tools/bake_demo_clip.py`` encodes; it begins and ends with an empty room."""
    camera = Camera.of(*size, fov=60.0)
    right = Actor(Handedness.RIGHT, _RIGHT, _SKIN)
    left = Actor(Handedness.LEFT, _LEFT, _SKIN, phase=2.0)
    lighting = Lighting(
        direction=(-0.45, -0.65, -0.61),
        key=(0.76, 0.72, 0.66),
        sky=(0.43, 0.46, 0.50),
        ground=(0.25, 0.23, 0.21),
        cast=0.25,
        cast_offset=(0.5, 0.55),
    )

    def scene_at(i: int) -> Scene:
        t = i / FPS
        hands = (right.hand_at(t, camera), left.hand_at(t, camera))
        if 20.0 < t < 22.6:
            hands = keep_apart(*hands)
        return Scene(
            seed=i,
            camera=camera,
            hands=hands,
            background=Background("room", 34),
            lighting=lighting,
            sensor=Sensor(noise=0.0, blur=0.5, shutter=1 / 90),
            t=t,
        )

    about = "one hand, then two, with all their shapes: what the demo plays as its camera"
    return Film("demo", about, FPS, round(SECONDS * FPS), scene_at)
