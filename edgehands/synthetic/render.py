"""From a scene to a picture and its truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgehands.synthetic.background import background
from edgehands.synthetic.draw import draw_hand, place, surroundings
from edgehands.synthetic.layers import cast_shadow, draw_occluder, motion_blur, part_overlaps
from edgehands.synthetic.scene import Rendering, Scene
from edgehands.synthetic.sensor import expose, light_of
from edgehands.synthetic.truth import Drawn, scene_truth

if TYPE_CHECKING:
    from edgehands.synthetic.layers import Layer


def render_scene(scene: Scene) -> Rendering:
    """Draw a scene; the same scene gives the same bytes on the same machine."""
    camera = scene.camera
    behind = scene.background
    size = (camera.width, camera.height)
    canvas = light_of(background(behind.seed, behind.kind, size, behind.photo))
    placed = [place(hand) for hand in scene.hands]
    layers: list[Layer] = []
    if placed:
        around = surroundings(camera, scene.lighting, placed)
        drawn = [draw_hand(p, i, around) for i, p in enumerate(placed)]
        layers = part_overlaps([layer for layer in drawn if layer is not None])
    objects = [draw_occluder(thing, camera) for thing in scene.occluders]
    truth = scene_truth(scene, [p.skeleton for p in placed], Drawn(layers, objects))
    for k, layer in enumerate(layers):
        hand = scene.hands[layer.hand]
        if scene.lighting.cast > 0:
            palm = camera.fx * 0.092 * hand.scale / max(hand.wrist[2], 0.05)
            cast_shadow(canvas, layer, palm, scene.lighting)
        if scene.sensor.shutter > 0:
            layers[k] = motion_blur(layer, hand, camera, scene.sensor.shutter)
    for layer in sorted([*layers, *objects], key=lambda part: -part.order):
        under = canvas[layer.box]
        under *= (1 - layer.alpha)[..., None]
        under += layer.colour
    return Rendering(expose(canvas, scene.sensor, scene.seed), truth)
