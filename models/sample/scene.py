"""The picture itself: products as meshes, the camera, the renderer's settings, and the pass that tells products apart.

Owns the scene and what is rendered out of it. Sizes in metres; pictures are upright, origin at the top left.
"""

import math
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from . import cooler, materials
from .catalogue import BY_ID, SKUS, Sku
from .planogram import Placed
from .shapes import SHAPES, Solid, solid

WIDTH, HEIGHT = 3024, 4032
"""The sample photo's size in pixels."""


def product_mesh(sku: Sku) -> bpy.types.Mesh:
    """The mesh of a product with its materials, foot at the origin, label looking along -y."""
    built: Solid = solid(SHAPES[sku.shape])
    mesh = bpy.data.meshes.new(sku.id)
    mesh.from_pydata((built.all_vertices() * 1e-3).tolist(), [], built.faces)
    mesh.uv_layers.new().data.foreach_set("uv", np.asarray(built.corners, dtype=np.float32).ravel())
    mesh.polygons.foreach_set("material_index", built.slots)
    mesh.shade_smooth()
    mesh.set_sharp_from_angle(angle=math.radians(38))
    for material in materials.of(sku):
        mesh.materials.append(material)
    mesh.update()
    return mesh


def empty() -> None:
    """Starts from a scene without anything in it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)


def aim(
    position: tuple[float, float, float], target: tuple[float, float, float], view_degrees: float, roll_degrees: float
) -> None:
    """Puts the camera there, looking at the target; `view_degrees` is the angle of the longer side."""
    data = bpy.data.cameras.new("phone")
    data.sensor_fit, data.angle = "AUTO", math.radians(view_degrees)
    camera = bpy.data.objects.new("phone", data)
    camera.location = position
    look = (Vector(target) - Vector(position)).to_track_quat("-Z", "Y").to_euler()
    camera.rotation_euler = look
    camera.rotation_euler.rotate_axis("Z", math.radians(roll_degrees))
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera


def quality(samples: int, exposure: float, threads: int) -> None:
    """Sets the renderer: path tracing on the processor, denoised, no caustics."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.adaptive_threshold = 0.05
    scene.cycles.adaptive_min_samples = 6
    scene.cycles.seed = 1
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.denoising_prefilter = "FAST"
    scene.cycles.max_bounces = 8
    scene.cycles.diffuse_bounces = 2
    scene.cycles.glossy_bounces = 3
    scene.cycles.transmission_bounces = 6
    scene.cycles.transparent_max_bounces = 12
    scene.cycles.caustics_reflective = False
    scene.cycles.caustics_refractive = False
    scene.cycles.sample_clamp_indirect = 4.0
    scene.cycles.use_auto_tile = False
    scene.render.threads_mode = "FIXED"
    scene.render.threads = threads
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Punchy"
    scene.view_settings.exposure = exposure


def shelf(placed: list[Placed]) -> None:
    """Builds the cooler with its drinks. A facing's pass index is its position among the facings plus one."""
    meshes = {sku.id: product_mesh(sku) for sku in SKUS}
    number = 0
    for item in placed:
        thing = bpy.data.objects.new(f"{item.sku} {item.row}/{item.place}/{item.behind}", meshes[BY_ID[item.sku].id])
        thing.location = (item.x, item.y, item.z)
        thing.rotation_euler = (0, 0, item.turn)
        if item.behind == 0:
            number += 1
            thing.pass_index = number
        bpy.context.scene.collection.objects.link(thing)
    cooler.build(placed)
    aim((0.17, -2.16, 1.22), (0.004, 0.0, 1.056), 50.0, -0.7)


def render(path: Path, width: int, height: int) -> None:
    """Renders the scene into a PNG."""
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.color_depth = "8"
    scene.render.image_settings.compression = 30
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def which_facing(folder: Path, width: int, height: int) -> NDArray[np.int32]:
    """The facing seen at each pixel, `[height, width]`: its pass index, or 0 for anything else.

    Every surface glows with its object's index, one sample a pixel without a filter, so no pixel mixes two things.
    """
    scene = bpy.context.scene
    glow = bpy.data.materials.new("index")
    glow.use_nodes = True
    tree = glow.node_tree
    tree.nodes.clear()
    info, light = tree.nodes.new("ShaderNodeObjectInfo"), tree.nodes.new("ShaderNodeEmission")
    out = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(info.outputs["Object Index"], light.inputs["Strength"])
    tree.links.new(light.outputs[0], out.inputs["Surface"])
    light.inputs["Color"].default_value = (1, 1, 1, 1)
    scene.view_layers[0].material_override = glow
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = 1, False, False
    scene.cycles.max_bounces, scene.cycles.pixel_filter_type = 0, "BOX"
    scene.cycles.filter_width = 0.01
    scene.world.node_tree.nodes.clear()
    scene.render.film_transparent = False
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.color_depth = "32"
    scene.render.filepath = str(folder / "index.exr")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(folder / "index.exr"))
    image.colorspace_settings.name = "Non-Color"
    flat = np.empty(width * height * 4, dtype=np.float32)
    image.pixels.foreach_get(flat)
    return np.rint(flat.reshape(height, width, 4)[::-1, :, 0]).astype(np.int32)
