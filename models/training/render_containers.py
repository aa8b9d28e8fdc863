"""Renders cut-outs of single containers: `python -m models.training.render_containers --output-dir DIR --count N`.

Owns light, lens and surfaces of the cut-outs, and their files: `DIR/KIND/00001.png`, RGBA, cropped to what is seen, alpha
below one where a background shines through the glass. Every picture follows from seed, kind and number alone; one that is
there already is kept, so a larger `--count` adds to a folder. Refuses an unknown kind. Needs the renderer's own
environment (`models/requirements-render.lock`) and the sample photo's fonts.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from models.sample import materials, scene
from models.training.containers import Container, Finish, bottle, can
from models.training.glassware import glass
from models.training.odd_containers import unknown_container

KINDS: dict[str, Callable[[np.random.Generator], Container]] = {
    "glass": glass,
    "unknown_container": unknown_container,
    "bottle": bottle,
    "can": can,
}
"""What makes a container of each detector class."""

_RIM = 6


def _through(material: bpy.types.Material, finish: Finish, shader: bpy.types.Node) -> None:
    """Mixes the shader with light that passes straight through; shadow rays pass, tinted."""
    tree = material.node_tree
    out = next(n for n in tree.nodes if n.type == "OUTPUT_MATERIAL")
    clear, mix = tree.nodes.new("ShaderNodeBsdfTransparent"), tree.nodes.new("ShaderNodeMixShader")
    clear.inputs["Color"].default_value = materials.linear(finish.colour)
    path, most = tree.nodes.new("ShaderNodeLightPath"), tree.nodes.new("ShaderNodeMath")
    most.operation = "MAXIMUM"
    tree.links.new(path.outputs["Is Shadow Ray"], most.inputs[0])
    most.inputs[1].default_value = finish.see
    tree.links.new(most.outputs[0], mix.inputs[0])
    tree.links.new(shader.outputs[0], mix.inputs[1])
    tree.links.new(clear.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], out.inputs["Surface"])


def _wall(name: str, finish: Finish) -> bpy.types.Material:
    """A thin wall of glass: clear in the middle, mirroring and darker towards its edges."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.remove(next(n for n in tree.nodes if n.type == "BSDF_PRINCIPLED"))
    out = next(n for n in tree.nodes if n.type == "OUTPUT_MATERIAL")
    middle, rim, gloss = (tree.nodes.new(f"ShaderNodeBsdf{n}") for n in ("Transparent", "Transparent", "Glossy"))
    tint = tuple(c * (0.9 + 0.1 * finish.see) * (1.0 if finish.see > 0.5 else 0.75) for c in finish.colour)
    middle.inputs["Color"].default_value = materials.linear((tint[0], tint[1], tint[2]))
    rim.inputs["Color"].default_value = materials.linear((tint[0] * 0.55, tint[1] * 0.6, tint[2] * 0.6))
    gloss.inputs["Roughness"].default_value = 0.05
    edge, sharp, mirror = (
        tree.nodes.new("ShaderNodeLayerWeight"),
        tree.nodes.new("ShaderNodeMath"),
        tree.nodes.new("ShaderNodeMath"),
    )
    edge.inputs["Blend"].default_value = 0.2
    # A Fresnel node would mirror everything on the wall's inner side; from both sides alike: 4 % ahead, 60 % at the edge.
    sharp.operation, mirror.operation = "POWER", "MULTIPLY_ADD"
    sharp.inputs[1].default_value = 1.5
    mirror.inputs[1].default_value, mirror.inputs[2].default_value = 0.5, 0.035
    tree.links.new(edge.outputs["Facing"], sharp.inputs[0])
    tree.links.new(sharp.outputs[0], mirror.inputs[0])
    dark, mix = tree.nodes.new("ShaderNodeMixShader"), tree.nodes.new("ShaderNodeMixShader")
    tree.links.new(edge.outputs["Facing"], dark.inputs[0])
    tree.links.new(middle.outputs[0], dark.inputs[1])
    tree.links.new(rim.outputs[0], dark.inputs[2])
    tree.links.new(mirror.outputs[0], mix.inputs[0])
    tree.links.new(dark.outputs[0], mix.inputs[1])
    tree.links.new(gloss.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], out.inputs["Surface"])
    return material


def _material(name: str, finish: Finish) -> bpy.types.Material:
    if finish.look == "wall":
        return _wall(name, finish)
    if finish.look == "print" and finish.art is not None:
        return materials.printed(name, finish.art, roughness=finish.roughness, metallic=finish.clear, coat=0.25)
    if finish.look == "metal":
        return materials.surface(name, finish.colour, roughness=finish.roughness, metallic=1.0)
    if finish.look == "plain" or finish.clear < 0.15:
        return materials.surface(name, finish.colour, roughness=finish.roughness, coat_weight=0.3, coat_roughness=0.1)
    ior = 1.5 if finish.look == "crystal" else 1.33
    material = materials.surface(
        name, finish.colour, roughness=finish.roughness, transmission_weight=finish.clear, ior=ior, coat_weight=0.2
    )
    _through(material, finish, next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED"))
    return material


def _mesh(container: Container) -> bpy.types.Object:
    solid = container.solid
    mesh = bpy.data.meshes.new("container")
    mesh.from_pydata((solid.all_vertices() * 1e-3).tolist(), [], solid.faces)
    mesh.uv_layers.new().data.foreach_set("uv", np.asarray(solid.corners, dtype=np.float32).ravel())
    mesh.polygons.foreach_set("material_index", solid.slots)
    mesh.shade_smooth()
    mesh.set_sharp_from_angle(angle=math.radians(38))
    for number, finish in enumerate(container.finishes):
        mesh.materials.append(_material(f"finish {number}", finish))
    mesh.update()
    thing = bpy.data.objects.new("container", mesh)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def _surroundings(rng: np.random.Generator, style: str) -> Image.Image:
    """A blurred panorama that lights and mirrors: a shop with strip lights, a dim fridge, or a room with a window."""
    high, wide = 128, 256
    base = {"shop": rng.uniform(0.3, 0.6), "fridge": rng.uniform(0.1, 0.25), "side": rng.uniform(0.15, 0.4)}[style]
    pixels = np.full((high, wide, 3), base) * rng.uniform(0.9, 1.1, 3)
    pixels *= np.linspace(1.3, 0.6, high)[:, None, None]
    for _ in range(40):
        y, x = int(rng.integers(20, high)), int(rng.integers(0, wide))
        block = (slice(y, y + int(rng.integers(5, 36))), slice(x, x + int(rng.integers(3, 26))))
        pixels[block] = base * rng.uniform(0.1, 2.2) * rng.uniform(0.7, 1.2, 3)
    if style == "shop":
        for _ in range(int(rng.integers(2, 6))):
            y, x = int(rng.integers(4, 40)), int(rng.integers(0, wide - 50))
            pixels[y : y + int(rng.integers(3, 7)), x : x + int(rng.integers(20, 90))] = 1.0
    elif style == "fridge":
        for x in rng.integers(0, wide - 8, 3):
            pixels[16:100, x : x + int(rng.integers(2, 6))] = 1.0
        pixels[2:8, :] = rng.uniform(0.5, 1.0)
    else:
        x, y = int(rng.integers(0, wide - 60)), int(rng.integers(15, 40))
        pixels[y : y + int(rng.integers(25, 50)), x : x + int(rng.integers(20, 60))] = (0.95, 0.98, 1.0)
    image = Image.fromarray((pixels.clip(0, 1) * 255).astype(np.uint8)).resize((512, 256), Image.Resampling.BICUBIC)
    return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.6, 2.5))))


def _light(rng: np.random.Generator, tall: float) -> None:
    style = str(rng.choice(["shop", "shop", "fridge", "side"]))
    world = bpy.data.worlds.new("surroundings")
    bpy.context.scene.world = world
    world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 256
    world.use_nodes = True
    tree = world.node_tree
    ground = next(n for n in tree.nodes if n.type == "BACKGROUND")
    texture = tree.nodes.new("ShaderNodeTexEnvironment")
    texture.image = materials.picture("surroundings", _surroundings(rng, style))
    tree.links.new(texture.outputs["Color"], ground.inputs["Color"])
    ground.inputs["Strength"].default_value = float(rng.uniform(1.0, 1.6))
    data = bpy.data.lights.new("lamp", "AREA")
    data.shape, data.size, data.size_y = "RECTANGLE", float(rng.uniform(0.3, 1.2)), float(rng.uniform(0.08, 0.4))
    data.energy = tall * tall * {"shop": 260.0, "fridge": 110.0, "side": 200.0}[style] * float(rng.uniform(0.6, 1.4))
    data.color = (1.0, float(rng.uniform(0.88, 1.0)), float(rng.uniform(0.75, 1.05)))
    lamp = bpy.data.objects.new("lamp", data)
    side = float(rng.choice([-1, 1])) * float(rng.uniform(2.0, 3.5)) if style == "side" else float(rng.uniform(-1.5, 1.5))
    lamp.location = (side * tall, -float(rng.uniform(1.0, 3.0)) * tall, float(rng.uniform(1.0, 3.5)) * tall)
    lamp.rotation_euler = (Vector((0, 0, tall / 2)) - lamp.location).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(lamp)


def _frame(thing: bpy.types.Object, tall: int) -> int:
    """Lets the renderer make only the container's part of a square picture, and returns that square's side in pixels."""
    bpy.context.view_layer.update()
    camera = bpy.context.scene.camera
    vertices = np.empty(len(thing.data.vertices) * 3)
    thing.data.vertices.foreach_get("co", vertices)
    to_camera = np.array(camera.matrix_world.inverted() @ thing.matrix_world)
    seen = vertices.reshape(-1, 3) @ to_camera[:3, :3].T + to_camera[:3, 3]
    spots = 0.5 + seen[:, :2] / -seen[:, 2:] / (2 * math.tan(camera.data.angle / 2))
    low, high = spots.min(axis=0), spots.max(axis=0)
    side = round(tall / float(high[1] - low[1]))
    film = bpy.context.scene.render
    film.use_border = film.use_crop_to_border = True
    film.border_min_x, film.border_min_y = (float(v) for v in low - _RIM / side)
    film.border_max_x, film.border_max_y = (float(v) for v in high + _RIM / side)
    return side


def _radiance(side: int, work: Path) -> NDArray[np.float64]:
    """Renders: linear light and alpha, light already multiplied by alpha, `[height, width, 4]` from the top."""
    film = bpy.context.scene.render
    film.resolution_x, film.resolution_y, film.resolution_percentage = side, side, 100
    film.image_settings.file_format, film.image_settings.color_mode = "OPEN_EXR", "RGBA"
    film.filepath = str(work / "cut.exr")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(film.filepath)
    image.colorspace_settings.name, image.alpha_mode = "Non-Color", "CHANNEL_PACKED"
    flat = np.empty(len(image.pixels), dtype=np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(image.size[1], image.size[0], 4)[::-1].astype(np.float64)


def _developed(radiance: NDArray[np.float64], exposure: float) -> Image.Image:
    """The picture out of linear light: a soft shoulder, sRGB, and an alpha free of the renderer's noise.

    The denoiser smooths the light but not the alpha. Where a highlight in clear glass is brighter than its alpha allows,
    the alpha is raised, so that mirrors keep their strength on any background.
    """
    noisy = Image.fromarray((radiance[..., 3].clip(0, 1) * 255).round().astype(np.uint8))
    raw = np.asarray(noisy, dtype=np.float64) / 255
    hit = noisy.point([0] + [255] * 255).filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.MinFilter(5))
    within = np.asarray(hit.filter(ImageFilter.GaussianBlur(2.2)), dtype=np.float64) / 255
    calm = np.asarray(noisy.filter(ImageFilter.GaussianBlur(2.2)), dtype=np.float64) / 255 / np.maximum(within, 0.05)
    # Solid parts and the outline keep their own crisp alpha; glass within takes the calm one.
    solid = np.asarray(noisy.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.MaxFilter(5))) >= 250
    outline = np.asarray(hit.filter(ImageFilter.MinFilter(5))) == 0
    crisp = solid | outline
    light = radiance[..., :3].clip(0, None) / np.where(crisp, np.maximum(raw, 0.05), 1.0)[..., None]
    lit = 1.0 - np.exp(-exposure * light)
    encoded = np.where(lit <= 0.0031308, lit * 12.92, 1.055 * lit ** (1 / 2.4) - 0.055)
    alpha = np.where(crisp, raw, np.maximum(calm, encoded.max(axis=2)))
    colours = np.where(crisp[..., None], encoded, encoded / np.maximum(alpha, 1e-3)[..., None])
    return Image.fromarray((np.dstack([colours.clip(0, 1), alpha.clip(0, 1)]) * 255).round().astype(np.uint8), "RGBA")


def cut_out(kind: str, number: int, seed: int, samples: int, pixels: int, work: Path) -> Image.Image:
    """Renders container `number` of a kind, about `pixels` tall, cropped to its alpha."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind), number])
    container = KINDS[kind](rng)
    scene.empty()
    scene.quality(samples, 0.0, 1)
    bpy.context.scene.render.film_transparent = True
    bpy.context.scene.cycles.transparent_max_bounces = 16
    bpy.context.scene.cycles.max_bounces = 6
    # Noisy guides would keep their noise in the glass, and to smooth them costs more than the picture.
    bpy.context.scene.cycles.denoising_input_passes = "RGB"
    bpy.context.scene.cycles.denoising_quality = "FAST"
    thing = _mesh(container)
    thing.rotation_euler = (0, 0, math.radians(float(rng.normal(0, 25))))
    tall = float(container.solid.all_vertices()[:, 2].max()) * 1e-3
    _light(rng, max(tall, 0.12))
    rise, away = math.radians(float(rng.uniform(0, 20))), tall * float(rng.uniform(2.6, 7.0))
    scene.aim(
        (0.0, -away * math.cos(rise), tall / 2 + away * math.sin(rise)),
        (0, 0, tall / 2),
        math.degrees(2.4 * math.atan(max(tall, 0.25) / away)),
        float(rng.normal(0, 1.0)),
    )
    side = _frame(thing, pixels)
    picture = _developed(_radiance(side, work), float(rng.uniform(1.3, 2.4)))
    box = picture.getchannel("A").point([0] * 8 + [255] * 248).getbbox()
    if box is None:
        raise RuntimeError(f"{kind} {number} of seed {seed} rendered nothing: its shape is outside of the camera's view")
    return picture.crop(box)


def missing(folder: Path, kinds: list[str], count: int) -> Iterator[tuple[str, int, Path]]:
    """Kind, number and file of every cut-out that isn't there yet, the kinds taking turns."""
    for number in range(1, count + 1):
        for kind in kinds:
            path = folder / kind / f"{number:05d}.png"
            if not path.exists():
                yield kind, number, path


def main() -> None:
    """Renders what is missing in the output folder."""
    parser = argparse.ArgumentParser(prog="python -m models.training.render_containers", description=main.__doc__)
    parser.add_argument("--output-dir", type=Path, required=True)
    parser.add_argument("--count", type=int, required=True, help="cut-outs of each kind the folder shall hold")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS)}, by commas")
    parser.add_argument("--samples", type=int, default=8, help="light paths a pixel")
    parser.add_argument("--height", type=int, default=208, help="height of a cut-out in pixels, about")
    args = parser.parse_args()
    kinds = [kind.strip() for kind in args.kinds.split(",")]
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        parser.error(f"--kinds: there is no {', '.join(unknown)}; kinds are {', '.join(KINDS)}")
    if min(args.count, args.samples) < 1 or args.height < 16:
        parser.error("--count and --samples must be at least 1, --height at least 16")
    begun, done = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as work:
        for kind, number, path in missing(args.output_dir, kinds, args.count):
            picture = cut_out(kind, number, args.seed, args.samples, args.height, Path(work))
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".part")
            picture.save(beside, "PNG", optimize=True)
            beside.replace(path)
            done += 1
    spent = time.monotonic() - begun
    print(f"{done} cut-outs in {spent:.0f} s, {spent / max(done, 1):.1f} s each")


if __name__ == "__main__":
    main()
