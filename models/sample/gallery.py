"""The enrolment pictures: each product alone, photographed as somebody in the field would, and the table of SKUs.

Owns `gallery/`. Every picture has its own light, angle, ground and blur, none of them the shelf's. SKUs held out of the
gallery are skipped.
"""

import csv
import math
from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
from PIL import Image

from . import materials, photo, scene
from .catalogue import SKUS, Sku

VIEWS = 7
"""Pictures of a SKU."""

_TURNS = (0.0, 12.0, -17.0, 28.0, -36.0, 180.0, 195.0)
_HEIGHT = 336
_MOST_PIXELS = 236
_MARGIN = 0.03


def _backdrop(rng: np.random.Generator) -> Image.Image:
    """Blurred surroundings for light, mirrors and background: patches of colour and a few lamps."""
    pixels = np.zeros((64, 128, 3))
    pixels[:] = rng.uniform(0.2, 0.45) + rng.uniform(-0.05, 0.05, 3)
    for _ in range(26):
        y, x = int(rng.integers(0, 64)), int(rng.integers(0, 128))
        high, wide = int(rng.integers(4, 22)), int(rng.integers(3, 16))
        pixels[y : y + high, x : x + wide] = rng.uniform(0.05, 0.7) + rng.uniform(-0.08, 0.08, 3)
    for _ in range(int(rng.integers(2, 5))):
        y, x = int(rng.integers(2, 24)), int(rng.integers(0, 116))
        pixels[y : y + 4, x : x + 12] = 1.0
    image = Image.fromarray((pixels.clip(0, 1) * 255).astype(np.uint8)).resize((512, 256), Image.Resampling.BICUBIC)
    return image


def _surroundings(rng: np.random.Generator) -> None:
    world = bpy.data.worlds.new("field")
    bpy.context.scene.world = world
    world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 256
    world.use_nodes = True
    tree = world.node_tree
    ground = next(n for n in tree.nodes if n.type == "BACKGROUND")
    texture = tree.nodes.new("ShaderNodeTexEnvironment")
    texture.image = materials.picture("field", _backdrop(rng))
    spin, where = tree.nodes.new("ShaderNodeMapping"), tree.nodes.new("ShaderNodeTexCoord")
    spin.inputs["Rotation"].default_value = (0, 0, float(rng.uniform(0, 2 * math.pi)))
    tree.links.new(where.outputs["Generated"], spin.inputs["Vector"])
    tree.links.new(spin.outputs["Vector"], texture.inputs["Vector"])
    tree.links.new(texture.outputs["Color"], ground.inputs["Color"])
    ground.inputs["Strength"].default_value = float(rng.uniform(0.9, 1.5))


def _lamp(rng: np.random.Generator, height: float) -> None:
    data = bpy.data.lights.new("lamp", "AREA")
    data.size, data.energy = float(rng.uniform(0.2, 0.9)), float(rng.uniform(7.0, 16.0))
    data.color = (1.0, float(rng.uniform(0.9, 1.0)), float(rng.uniform(0.8, 1.0)))
    lamp = bpy.data.objects.new("lamp", data)
    lamp.location = (float(rng.uniform(-0.9, 0.9)), -float(rng.uniform(0.4, 1.0)), height + float(rng.uniform(0.2, 0.8)))
    lamp.rotation_euler = (Vector((0, 0, height / 2)) - lamp.location).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(lamp)


def _frame(thing: bpy.types.Object) -> None:
    """Lets the renderer make only the product's part of the picture: its projected vertices, grown by the margin."""
    film = bpy.context.scene.render
    film.resolution_x = film.resolution_y = _HEIGHT
    view = (bpy.context.scene, bpy.context.scene.camera)
    spots = np.array([world_to_camera_view(*view, thing.matrix_world @ v.co) for v in thing.data.vertices])
    low, high = spots[:, :2].min(axis=0), spots[:, :2].max(axis=0)
    grow = (high - low) * _MARGIN
    film.use_border = film.use_crop_to_border = True
    film.border_min_x, film.border_min_y = (float(v) for v in low - grow)
    film.border_max_x, film.border_max_y = (float(v) for v in high + grow)


def _shoot(sku: Sku, mesh: bpy.types.Mesh, view: int, rng: np.random.Generator, work: Path) -> Image.Image:
    for old in list(bpy.context.scene.collection.objects):
        bpy.data.objects.remove(old, do_unlink=True)
    thing = bpy.data.objects.new(sku.id, mesh)
    thing.rotation_euler = (0, 0, math.radians(_TURNS[view] + float(rng.uniform(-6, 6))))
    bpy.context.scene.collection.objects.link(thing)
    tall = max(v.co.z for v in mesh.vertices)
    table = bpy.data.meshes.new("table")
    table.from_pydata([(-2, -2, 0), (2, -2, 0), (2, 0.5, 0), (-2, 0.5, 0)], [], [(0, 1, 2, 3)])
    shade = rng.uniform(0.15, 0.9) * rng.uniform(0.8, 1.0, 3)
    table.materials.append(materials.surface("table", (float(shade[0]), float(shade[1]), float(shade[2])), roughness=0.4))
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("table", table))
    _surroundings(rng)
    _lamp(rng, tall)
    away, up = tall * float(rng.uniform(3.0, 4.6)), tall * float(rng.uniform(0.45, 1.6))
    scene.aim(
        (float(rng.uniform(-0.08, 0.08)), -away, up),
        (0, 0, tall * 0.5),
        math.degrees(1.5 * tall / away),
        float(rng.normal(0, 1.5)),
    )
    bpy.context.view_layer.update()
    _frame(thing)
    scene.render(work / "view.png", _HEIGHT, _HEIGHT)
    crop = Image.open(work / "view.png").convert("RGB")
    crop.thumbnail((_MOST_PIXELS, _MOST_PIXELS), Image.Resampling.LANCZOS)
    return photo.product(crop, rng)


def build(folder: Path, work: Path, seed: int, threads: int) -> int:
    """Renders the gallery into `folder/SKU_ID/N.jpg`, writes `folder/skus.csv`, returns the number of pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    scene.empty()
    scene.quality(12, 0.7, threads)
    done = 0
    enrolled = [sku for sku in SKUS if sku.enrolled]
    for number, sku in enumerate(enrolled):
        mesh = scene.product_mesh(sku)
        (folder / sku.id).mkdir(exist_ok=True)
        for view in range(VIEWS):
            rng = np.random.default_rng([seed, number, view])
            picture = _shoot(sku, mesh, view, rng, work)
            photo.save(picture, folder / sku.id / f"{view + 1}.jpg", 14_000, range(int(rng.integers(78, 92)), 40, -4))
            done += 1
    with (folder / "skus.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", "name", "container", "barcode"])
        table.writerows([sku.id, sku.name, sku.container, ""] for sku in enrolled)
    return done
