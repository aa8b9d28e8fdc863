"""How the containers look to the renderer: printed paper and film, plastic, glass, drink and aluminium.

Owns every surface of a product. Light through a filled bottle is cheap on purpose: a filled body is one solid of drink,
and shadow rays pass it tinted, so that no caustics need to be found.
"""

from typing import TypeAlias

import bpy
import numpy as np
from PIL import Image

from .catalogue import Body, Rgb, Sku
from .labels import label

Material: TypeAlias = bpy.types.Material
Node: TypeAlias = bpy.types.Node


def linear(colour: Rgb) -> tuple[float, float, float, float]:
    """A screen colour as the linear RGBA that the renderer computes with."""

    def one(c: float) -> float:
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    return one(colour[0]), one(colour[1]), one(colour[2]), 1.0


def picture(name: str, pixels: Image.Image) -> bpy.types.Image:
    """Hands a drawn picture to the renderer, without a file."""
    image = bpy.data.images.new(name, pixels.width, pixels.height)
    flipped = pixels.convert("RGBA").transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    image.pixels.foreach_set(np.asarray(flipped, dtype=np.float32).ravel() / 255)
    image.pack()
    return image


def surface(name: str, colour: Rgb, **inputs: float) -> Material:
    """A plain opaque surface; `inputs` are further inputs of the principled shader, `_` for a blank."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = _principled(material)
    shader.inputs["Base Color"].default_value = linear(colour)
    for key, value in inputs.items():
        shader.inputs[key.replace("_", " ").title().replace("Ior", "IOR")].default_value = value
    return material


def printed(name: str, pixels: Image.Image, *, roughness: float, metallic: float = 0.0, coat: float = 0.0) -> Material:
    """A surface with a picture on it, by the mesh's label coordinates; its back is white paper."""
    material = surface(name, (1, 1, 1), roughness=roughness, metallic=metallic, coat_weight=coat, coat_roughness=0.12)
    tree = material.node_tree
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = picture(name, pixels)
    sides = tree.nodes.new("ShaderNodeMix")
    sides.data_type = "RGBA"
    geometry = tree.nodes.new("ShaderNodeNewGeometry")
    tree.links.new(geometry.outputs["Backfacing"], sides.inputs["Factor"])
    tree.links.new(texture.outputs["Color"], sides.inputs["A"])
    sides.inputs["B"].default_value = (0.62, 0.64, 0.66, 1)
    tree.links.new(sides.outputs["Result"], _principled(material).inputs["Base Color"])
    return material


def _principled(material: Material) -> Node:
    return next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")


def _tinted_shadow(material: Material, tint: Rgb) -> None:
    """Lets shadow rays through, tinted, in place of refracting them."""
    tree = material.node_tree
    out = next(n for n in tree.nodes if n.type == "OUTPUT_MATERIAL")
    path = tree.nodes.new("ShaderNodeLightPath")
    clear = tree.nodes.new("ShaderNodeBsdfTransparent")
    clear.inputs["Color"].default_value = linear(tint)
    mix = tree.nodes.new("ShaderNodeMixShader")
    tree.links.new(path.outputs["Is Shadow Ray"], mix.inputs[0])
    tree.links.new(_principled(material).outputs[0], mix.inputs[1])
    tree.links.new(clear.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], out.inputs["Surface"])


def drink(name: str, body: Body) -> Material:
    """The filled part of a bottle: clear drinks refract, cloudy ones only shine."""
    if body.clear < 0.3:
        return surface(name, body.colour, roughness=0.22, coat_weight=1.0, coat_roughness=0.04, coat_ior=1.5)
    material = surface(
        name, body.colour, roughness=0.02 + 0.12 * (1.0 - body.clear), transmission_weight=body.clear, ior=body.ior
    )
    shade = 0.35 + 0.6 * body.clear
    _tinted_shadow(material, (body.colour[0] * shade, body.colour[1] * shade, body.colour[2] * shade))
    return material


def shell(name: str, tint: Rgb) -> Material:
    """The empty neck of a bottle: a thin wall that mirrors at its edges and else lets light straight through."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.remove(_principled(material))
    out = next(n for n in tree.nodes if n.type == "OUTPUT_MATERIAL")
    clear, gloss = tree.nodes.new("ShaderNodeBsdfTransparent"), tree.nodes.new("ShaderNodeBsdfGlossy")
    clear.inputs["Color"].default_value = linear(tint)
    gloss.inputs["Roughness"].default_value = 0.06
    edge = tree.nodes.new("ShaderNodeLayerWeight")
    edge.inputs["Blend"].default_value = 0.32
    mix = tree.nodes.new("ShaderNodeMixShader")
    tree.links.new(edge.outputs["Facing"], mix.inputs[0])
    tree.links.new(clear.outputs[0], mix.inputs[1])
    tree.links.new(gloss.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], out.inputs["Surface"])
    return material


def of(sku: Sku) -> list[Material]:
    """The materials of a product by slot: body, shell, label, closure, lid."""
    is_can = sku.container == "can"
    metal = surface(f"{sku.id} lid", sku.cap, roughness=0.28, metallic=1.0)
    if is_can:
        paper = printed(f"{sku.id} label", label(sku), roughness=0.3, metallic=0.45, coat=0.35)
        return [metal, metal, paper, metal, metal]
    glass = sku.shape.startswith("glass")
    paper = printed(f"{sku.id} label", label(sku), roughness=0.55 if glass else 0.34, coat=0.0 if glass else 0.3)
    tint = sku.body.colour if glass else tuple(0.9 + 0.1 * c for c in sku.body.colour)
    closure = surface(f"{sku.id} cap", sku.cap, roughness=0.35, metallic=0.85 if glass else 0.0)
    return [drink(f"{sku.id} drink", sku.body), shell(f"{sku.id} neck", (tint[0], tint[1], tint[2])), paper, closure, metal]
