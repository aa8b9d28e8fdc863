"""The open cooler around the drinks: walls, shelves, price rails, sign, lights, and the shop it mirrors.

Owns everything in the picture that is not a product. Metres; the front of the shelves lies at y = 0, the shop at y < 0.
"""

import bpy
import numpy as np
from PIL import Image, ImageFilter

from .artwork import Sheet
from .catalogue import BY_ID, rgb
from .materials import Material, picture, printed, surface
from .planogram import DEPTH, SHELVES, WIDTH, Placed

_HALF = WIDTH / 2
_TOP = 1.80
_RAIL = 0.040


def _quad(name: str, corners: list[tuple[float, float, float]], material: Material) -> bpy.types.Object:
    """A four-cornered face, corners counter-clockwise from the lower left as seen from its front, its picture upright."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new()
    layer.data.foreach_set("uv", [0, 0, 1, 0, 1, 1, 0, 1])
    mesh.materials.append(material)
    out = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(out)
    return out


def _block(
    name: str, low: tuple[float, float, float], high: tuple[float, float, float], material: Material, bevel: float = 0.0
) -> bpy.types.Object:
    x0, y0, z0 = low
    x1, y1, z1 = high
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(
        [(x0, y0, z0), (x1, y0, z0), (x1, y1, z0), (x0, y1, z0), (x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)],
        [],
        [(0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)],
    )
    mesh.materials.append(material)
    out = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(out)
    if bevel:
        modifier = out.modifiers.new("bevel", "BEVEL")
        modifier.width, modifier.segments = bevel, 3
    return out


def _rail_print(facings: list[Placed], row: int) -> Image.Image:
    """The price strip of one shelf: one ticket for each run of equal drinks."""
    rng = np.random.default_rng(100 + row)
    strip = Sheet(WIDTH * 1000, _RAIL * 1000, "e9ecee", 4.0)
    strip.gradient("1b7f9c", "0f4f66")
    strip.box(0, 0, strip.width, 1.2, "0b3a4c")
    strip.box(0, strip.height - 1.6, strip.width, strip.height, "0b3a4c")
    last = ""
    for item in sorted(facings, key=lambda p: p.place):
        if item.sku == last:
            continue
        last = item.sku
        x = min((item.x + _HALF) * 1000 - 12 + float(rng.uniform(-4, 8)), strip.width - 74)
        offer = rng.random() < 0.3
        ground, ink = ("ffd91f", "b5121b") if offer else ("ffffff", "151515")
        strip.box(x + 0.6, 3.6, x + 68.6, 37.4, "888f94", 150, 1.2)
        strip.box(x, 3.0, x + 68, 36.6, ground, 255, 1.2)
        price = f"{int(rng.integers(0, 3))},{('79', '99', '49', '89', '29')[int(rng.integers(5))]}"
        price = price if price[0] != "0" else "1" + price[1:]
        strip.text(price, x + 46, 24, 38, 19, "sans", ink)
        strip.text(BY_ID[item.sku].name, x + 34, 8.6, 60, 6.0, "sans", ink)
        strip.barcode(x + 3, 15, 20, 17, int(rng.integers(1 << 30)))
    return strip.finished()


def _sign_print() -> Image.Image:
    sign = Sheet(WIDTH * 1000 + 80, 170, "0d3b4f", 2.0)
    sign.gradient("125a73", "0a2c3d")
    rng = np.random.default_rng(3)
    for _ in range(60):
        sign.ball(float(rng.uniform(0, sign.width)), float(rng.uniform(0, 170)), float(rng.uniform(2, 9)), "1b7f9c", 0.5)
    sign.text("eiskalt & erfrischend", sign.width / 2, 84, 960, 92, "kaushan", "f4fbff")
    return sign.finished()


def _shop() -> Image.Image:
    """The shop behind the photographer, for mirrors only: lamps in the ceiling, shelves opposite, a shiny floor."""
    wide, tall = 1024, 512
    rng = np.random.default_rng(9)
    pixels = np.full((tall, wide, 3), 0.13)
    pixels[:200] = 0.28
    pixels[330:] = (0.16, 0.15, 0.14)
    for column in range(0, wide, 24):
        pixels[215:330, column : column + 22] = rng.uniform(0.03, 0.34, 3)
    for line in (70, 120, 165):
        for start in range(30, wide, 130):
            pixels[line : line + 9, start : start + 84] = 1.0
    image = Image.fromarray((pixels * 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(2.0))


def _world(strength: float) -> None:
    world = bpy.data.worlds.new("shop")
    bpy.context.scene.world = world
    world.use_nodes = True
    tree = world.node_tree
    ground = next(n for n in tree.nodes if n.type == "BACKGROUND")
    texture = tree.nodes.new("ShaderNodeTexEnvironment")
    texture.image = picture("shop", _shop())
    tree.links.new(texture.outputs["Color"], ground.inputs["Color"])
    ground.inputs["Strength"].default_value = strength


def _lamp(
    name: str,
    at: tuple[float, float, float],
    look: tuple[float, float, float],
    size: tuple[float, float],
    watts: float,
    colour: tuple[float, float, float],
    seen: bool = True,
) -> None:
    data = bpy.data.lights.new(name, "AREA")
    data.shape, data.size, data.size_y = "RECTANGLE", *size
    data.energy, data.color = watts, colour
    lamp = bpy.data.objects.new(name, data)
    lamp.location, lamp.rotation_euler = at, look
    lamp.visible_glossy = seen
    lamp.visible_camera = False
    bpy.context.scene.collection.objects.link(lamp)


def _lights() -> None:
    cold, warm = (0.93, 0.97, 1.0), (1.0, 0.95, 0.88)
    tops = [_TOP - 0.004, *(z - 0.025 for z in SHELVES[:-1])]
    for row, z in enumerate(tops):
        _lamp(f"strip {row}", (0, 0.014, z), (0.5, 0, 0), (WIDTH * 0.97, 0.014), 3.6, cold, seen=False)
    _lamp("canopy", (0, -0.22, _TOP + 0.06), (0.25, 0, 0), (WIDTH, 0.05), 6.0, cold)
    for x in (-1.1, 0.5, 1.9):
        _lamp(f"ceiling {x}", (x, -1.9, 3.1), (0.55, 0, 0), (0.28, 1.5), 52.0, warm)


def build(placed: list[Placed]) -> None:
    """Builds the cooler into the current scene."""
    facings = [p for p in placed if p.behind == 0]
    white = surface("enamel", rgb("e6e9ea"), roughness=0.38)
    grey = surface("back", rgb("cfd4d6"), roughness=0.5)
    dark = surface("frame", rgb("23282c"), roughness=0.35, coat_weight=0.3)
    black = surface("slots", rgb("0b0c0d"), roughness=0.8)
    chrome = surface("bumper", rgb("a9adb0"), roughness=0.3, metallic=0.9)
    _block("back wall", (-_HALF, DEPTH + 0.03, 0.1), (_HALF, DEPTH + 0.06, _TOP), grey)
    for i in range(4):
        for k in range(10):
            at = -_HALF + 0.07 + k * 0.147
            low = SHELVES[5] + 0.02 + i * 0.018
            _block("slot", (at, DEPTH + 0.026, low), (at + 0.1, DEPTH + 0.031, low + 0.006), black)
    for side in (-1, 1):
        inner, outer = side * _HALF, side * (_HALF + 0.045)
        _block("side lining", (min(inner, outer), 0.0, 0.1), (max(inner, outer), DEPTH + 0.06, _TOP + 0.1), white, 0.004)
        _block("side frame", (min(inner, outer) - 0.004, -0.10, 0.0), (max(inner, outer) + 0.004, 0.0, _TOP + 0.24), dark, 0.012)
    _block("ceiling", (-_HALF, 0.0, _TOP), (_HALF, DEPTH + 0.06, _TOP + 0.03), white)
    _block("canopy", (-_HALF - 0.04, -0.15, _TOP + 0.035), (_HALF + 0.04, DEPTH, _TOP + 0.23), dark, 0.014)
    sign = printed("sign", _sign_print(), roughness=0.3, coat=0.4)
    _quad(
        "sign",
        [
            (-_HALF - 0.04, -0.1525, _TOP + 0.045),
            (_HALF + 0.04, -0.1525, _TOP + 0.045),
            (_HALF + 0.04, -0.1525, _TOP + 0.215),
            (-_HALF - 0.04, -0.1525, _TOP + 0.215),
        ],
        sign,
    )
    for row, z in enumerate(SHELVES):
        _block("shelf", (-_HALF + 0.001, 0.0, z - 0.022), (_HALF - 0.001, DEPTH + 0.03, z), white, 0.002)
        strip = printed(f"rail {row}", _rail_print([f for f in facings if f.row == row], row), roughness=0.32, coat=0.5)
        high, low = z - 0.001, z - 0.001 - _RAIL
        _quad("rail", [(-_HALF, -0.014, low), (_HALF, -0.014, low), (_HALF, -0.004, high), (-_HALF, -0.004, high)], strip)
        _block("rail back", (-_HALF, -0.0035, low + 0.002), (_HALF, 0.0, high - 0.001), white)
    deck = SHELVES[-1]
    _block("base", (-_HALF - 0.04, -0.10, 0.0), (_HALF + 0.04, DEPTH, deck - 0.05), dark, 0.012)
    _block("bumper", (-_HALF - 0.045, -0.125, 0.13), (_HALF + 0.045, -0.10, 0.175), chrome, 0.01)
    floor = surface("floor", rgb("8d8a84"), roughness=0.22)
    _quad("floor", [(-4, -4, 0), (4, -4, 0), (4, 2, 0), (-4, 2, 0)], floor)
    wall = surface("wall", rgb("b9b4a8"), roughness=0.7)
    _quad("wall", [(-4, DEPTH + 0.1, 0), (4, DEPTH + 0.1, 0), (4, DEPTH + 0.1, 4), (-4, DEPTH + 0.1, 4)], wall)
    _world(0.55)
    _lights()
