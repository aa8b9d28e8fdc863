"""The invented drinks: which SKUs exist, what each is made of, and in which shape it is sold.

Owns the list of SKUs and nothing about how they are drawn or placed. Every brand here is made up for this picture;
none stands for, or is drawn after, a product on sale.
"""

from dataclasses import dataclass
from typing import Literal

Rgb = tuple[float, float, float]
"""A colour, each channel 0..1, as seen on screen (sRGB)."""

Container = Literal["bottle", "can"]


def rgb(code: str) -> Rgb:
    """The colour written as six hex digits."""
    return int(code[0:2], 16) / 255, int(code[2:4], 16) / 255, int(code[4:6], 16) / 255


@dataclass(frozen=True)
class Body:
    """What is inside the container, as it shows from outside.

    `clear` is how far one sees through it: 0 a cloudy juice, 1 water.
    """

    colour: Rgb
    clear: float
    ior: float = 1.33


@dataclass(frozen=True)
class Sku:
    """One product: what it is called, its shape, its artwork and the colours that tell variants of a brand apart."""

    id: str
    name: str
    container: Container
    shape: str
    art: str
    variant: str
    palette: tuple[str, ...]
    body: Body
    cap: Rgb
    enrolled: bool = True


_METAL = Body(rgb("c8ccd0"), 0.0)
_WATER = Body(rgb("f4fbff"), 1.0)
_COLA = Body(rgb("1a0803"), 0.0)

SKUS: tuple[Sku, ...] = (
    Sku(
        "quellino-still",
        "Quellino Still",
        "bottle",
        "pet_water",
        "quellino",
        "STILL",
        ("0f5fb8", "4fb4ea", "ffffff"),
        _WATER,
        rgb("0b459a"),
    ),
    Sku(
        "quellino-sparkling",
        "Quellino Sparkling",
        "bottle",
        "pet_water",
        "quellino",
        "SPARKLING",
        ("0d7a55", "7fd49b", "ffffff"),
        Body(rgb("e2f8e6"), 1.0),
        rgb("0a6a40"),
    ),
    Sku(
        "tarku-cola",
        "Tarku Cola",
        "bottle",
        "pet_contour",
        "tarku",
        "COLA",
        ("0b6f78", "d98a4b", "fff3dc"),
        _COLA,
        rgb("a8541c"),
    ),
    Sku(
        "tarku-zero",
        "Tarku Cola Zero",
        "bottle",
        "pet_contour",
        "tarku",
        "ZERO",
        ("191b20", "d98a4b", "e8f4f4"),
        _COLA,
        rgb("1c1c20"),
    ),
    Sku(
        "murmel-lemon",
        "Murmel Lemon",
        "bottle",
        "pet_round",
        "murmel",
        "LEMON",
        ("ffe14a", "f5a800", "2c6e49", "fffbe6"),
        Body(rgb("f0cf3c"), 0.0),
        rgb("e0a800"),
    ),
    Sku(
        "murmel-orange",
        "Murmel Orange",
        "bottle",
        "pet_round",
        "murmel",
        "ORANGE",
        ("ff9d2e", "e2571c", "23408e", "fff4e2"),
        Body(rgb("ee7411"), 0.0),
        rgb("cf4a06"),
    ),
    Sku(
        "laubwerk-peach",
        "Laubwerk Peach Tea",
        "bottle",
        "pet_tea",
        "laubwerk",
        "PEACH",
        ("f7b58a", "d8572a", "5b2a16", "fff1e4"),
        Body(rgb("a84c12"), 0.55),
        rgb("b83a12"),
    ),
    Sku(
        "laubwerk-mint",
        "Laubwerk Mint Tea",
        "bottle",
        "pet_tea",
        "laubwerk",
        "MINT",
        ("bfe3c0", "1f7a4d", "0d3b2a", "f3fff2"),
        Body(rgb("b9a02c"), 0.6),
        rgb("f4f4ee"),
    ),
    Sku(
        "obsthain-apple",
        "Obsthain Apple",
        "bottle",
        "pet_juice",
        "obsthain",
        "APPLE",
        ("f7f4e6", "8fb62c", "c33a2c", "2f4a17"),
        Body(rgb("c98f1c"), 0.25),
        rgb("4f7a10"),
    ),
    Sku(
        "obsthain-berry",
        "Obsthain Berry",
        "bottle",
        "pet_juice",
        "obsthain",
        "BERRY",
        ("f8eef2", "8a2b62", "4a3aa8", "3d0f2e"),
        Body(rgb("520a26"), 0.05),
        rgb("5c1240"),
    ),
    Sku(
        "isolde-blue",
        "Isolde Sport Blue",
        "bottle",
        "pet_sport",
        "isolde",
        "BLUE ICE",
        ("101a4a", "28a7ff", "f6fbff"),
        Body(rgb("2a94ee"), 0.8),
        rgb("f5f7fa"),
    ),
    Sku(
        "hopfling-pils",
        "Hopfling Pils",
        "bottle",
        "glass_longneck",
        "hopfling",
        "PILS",
        ("f4ead0", "a8202a", "c99a3a", "3b1d10"),
        Body(rgb("8a4514"), 0.9, 1.45),
        rgb("b8892e"),
    ),
    Sku(
        "hopfling-lager",
        "Hopfling Lager",
        "bottle",
        "glass_longneck",
        "hopfling",
        "LAGER",
        ("e9efe4", "14532f", "b9c2c9", "10301d"),
        Body(rgb("3f943c"), 0.9, 1.45),
        rgb("1c5c30"),
    ),
    Sku(
        "bitterfink-tonic",
        "Bitterfink Tonic",
        "bottle",
        "glass_mixer",
        "bitterfink",
        "TONIC",
        ("16264f", "f2d14b", "fdf8e8"),
        Body(rgb("f3f8fa"), 1.0, 1.4),
        rgb("e3bf3a"),
    ),
    Sku(
        "bitterfink-ginger",
        "Bitterfink Ginger",
        "bottle",
        "glass_mixer",
        "bitterfink",
        "GINGER",
        ("7a2e12", "f0a35a", "fff3e0"),
        Body(rgb("e9bd6c"), 0.75, 1.4),
        rgb("8a3614"),
    ),
    Sku(
        "kirschko",
        "Kirschko",
        "bottle",
        "glass_soda",
        "kirschko",
        "CHERRY SODA",
        ("fff6f4", "c8102f", "1f7a3d"),
        Body(rgb("a80d24"), 0.8, 1.42),
        rgb("d8d2c8"),
        enrolled=False,
    ),
    Sku(
        "wumm-energy",
        "Wumm Energy",
        "can",
        "can_slim",
        "wumm",
        "ENERGY",
        ("2a1045", "ff2e9a", "ffd23e"),
        _METAL,
        rgb("c8ccd0"),
    ),
    Sku(
        "wumm-zero",
        "Wumm Zero",
        "can",
        "can_slim",
        "wumm",
        "ZERO SUGAR",
        ("eef4f8", "12a5c9", "16324a"),
        _METAL,
        rgb("c8ccd0"),
    ),
    Sku(
        "plixo-lime",
        "Plixo Lime",
        "can",
        "can_sleek",
        "plixo",
        "LIME",
        ("7ac520", "f4f15a", "0e4a24"),
        _METAL,
        rgb("c8ccd0"),
    ),
    Sku(
        "plixo-grapefruit",
        "Plixo Grapefruit",
        "can",
        "can_sleek",
        "plixo",
        "GRAPEFRUIT",
        ("ff6f7d", "ffd9b8", "7a1238"),
        _METAL,
        rgb("c8ccd0"),
    ),
    Sku(
        "roestling-coldbrew",
        "Röstling Cold Brew",
        "can",
        "can_sleek",
        "roestling",
        "COLD BREW",
        ("4a2c1c", "e8c9a0", "f06a3c"),
        _METAL,
        rgb("c8ccd0"),
    ),
    Sku(
        "tarku-cola-can",
        "Tarku Cola Can",
        "can",
        "can_standard",
        "tarku",
        "COLA",
        ("0b6f78", "d98a4b", "fff3dc"),
        _METAL,
        rgb("c8ccd0"),
    ),
    Sku(
        "murmel-orange-can",
        "Murmel Orange Can",
        "can",
        "can_standard",
        "murmel",
        "ORANGE",
        ("ff9d2e", "e2571c", "23408e", "fff4e2"),
        _METAL,
        rgb("c8ccd0"),
    ),
    Sku(
        "hopfling-pils-can",
        "Hopfling Pils Can",
        "can",
        "can_tall",
        "hopfling",
        "PILS",
        ("f4ead0", "a8202a", "c99a3a", "3b1d10"),
        _METAL,
        rgb("c8ccd0"),
    ),
)
"""All products, in the order of the gallery's table."""

BY_ID: dict[str, Sku] = {sku.id: sku for sku in SKUS}
