"""The embedder's training crops: loading them once, and turning each into what a field photo would show.

Owns geometry (loose boxes, wrong aspect, tilt), small size, ground, neighbours in front and the letterbox; the photometry is
`augment`. Evaluation crops are made exactly as the bundle's manifest says. It keeps all pictures in memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models import reference
from models.training import augment, compose, cut_outs, datasets
from models.training.config import CropSetConfig, DataConfig, EmbedderModelConfig

Pixels = NDArray[np.uint8]
UNKNOWN_SKU = "unknown"
STORED_HEIGHT = 208
# Share of the cut-outs on a ground that have much of it around them.
AIRY = 0.3


@dataclass
class Product:
    """One labelled product: the picture it lies in, its box there, and whether the picture has a cut-out alpha."""

    sku: str
    picture: Pixels
    box: reference.Box
    field: bool = False
    """Whether it stands in a photo of the field, and so already looks as scans will see it."""

    @property
    def source(self) -> str:
        """The data set it comes from."""
        return self.sku.split("/", 1)[0]


def load_photos(data: DataConfig, name: str, split: str, unknown: bool = False) -> list[Product]:
    """The products of a photo set whose boxes name SKUs; none where they don't.

    With `unknown` the drinks that the set labels as outside its SKUs are there too, as one SKU.
    """
    products = []
    for photo in datasets.photos(data.root, name, split):
        boxes = [box for box in photo.boxes if box.sku and (unknown or box.sku != UNKNOWN_SKU)]
        if not boxes:
            continue
        picture = np.asarray(reference.open_photo(photo.path))
        size = picture.shape[1], picture.shape[0]
        products += [Product(f"{name}/{box.sku}", picture, box.pixels(*size), True) for box in boxes]
    return products


def load_crops(data: DataConfig, crop_set: CropSetConfig, split: str, on_white: bool = False) -> list[Product]:
    """The products of a crop set; `on_white` adds an alpha channel to pictures on white ground."""
    crops = datasets.crops(data.root, crop_set.name, split)
    return [_load_crop(crop, on_white and crop_set.white_ground, crop_set.box) for crop in crops]


def training_products(data: DataConfig) -> tuple[list[Product], set[str]]:
    """The products of all train splits without the held-out SKUs and the too rare ones; and the held-out SKUs."""
    products: list[Product] = []
    kept_out: set[str] = set()
    for photo_set in data.photo_sets:
        # What stands beside the SKUs is a class of its own: the embedding learns to keep it apart from them.
        products += load_photos(data, photo_set.name, "train", unknown=True)
    for crop_set in data.crop_sets:
        part = load_crops(data, crop_set, "train", on_white=True)
        kept_out |= datasets.held_out([p.sku for p in part], data.holdout.get(crop_set.name, 0), data.seed)
        products += part
    counts: dict[str, int] = {}
    for product in products:
        counts[product.sku] = counts.get(product.sku, 0) + 1
    kept = [p for p in products if p.sku not in kept_out and counts[p.sku] >= data.min_images_per_sku]
    if len({p.sku for p in kept}) < 2:
        raise datasets.DataError(
            f"{data.root}: the embedder needs two SKUs of {data.min_images_per_sku} train pictures each; name the sets that have "
            "them in data.crop_sets or data.photo_sets"
        )
    return kept, kept_out


def epoch_order(products: list[Product], count: int, data: DataConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    """`count` indices: sets by their shares, SKUs of a set by the root of their size, pictures evenly."""
    shares = {part.name: part.share for part in [*data.photo_sets, *data.crop_sets]}
    sizes: dict[str, int] = {}
    for product in products:
        sizes[product.sku] = sizes.get(product.sku, 0) + 1
    weights = np.array([sizes[p.sku] ** -0.5 for p in products])
    sources = np.array([p.source for p in products])
    for name in set(sources.tolist()):
        mine = sources == name
        weights[mine] *= shares[name] / weights[mine].sum()
    return rng.choice(len(products), count, p=weights / weights.sum())


def mined_order(
    products: list[Product], count: int, data: DataConfig, nearest: dict[str, list[str]], rng: np.random.Generator
) -> NDArray[np.int64]:
    """`count` indices in groups of look-alikes: a SKU drawn as `epoch_order` draws it, and a crop of each of its `nearest`."""
    of_sku: dict[str, list[int]] = {}
    for index, product in enumerate(products):
        of_sku.setdefault(product.sku, []).append(index)
    order: list[int] = []
    for first in epoch_order(products, count, data, rng):
        if len(order) >= count:
            break
        order.append(int(first))
        for sku in nearest[products[first].sku]:
            order.append(int(rng.choice(of_sku[sku])))
    return np.array(order[:count])


def evaluation_crop(product: Product, model: EmbedderModelConfig) -> Pixels:
    """The product's crop `[h, w, 3]` exactly as the manifest describes it."""
    picture = Image.fromarray(np.ascontiguousarray(product.picture[..., :3]))
    region = reference.crop_region(product.box, model.crop_margin, picture.width, picture.height)
    return reference.letterbox(picture, model.input_width, model.input_height, model.pad, region)[0]


def training_crop(product: Product, others: list[Product], model: EmbedderModelConfig, rng: np.random.Generator) -> Pixels:
    """One augmented crop `[h, w, 3]`; `others` lends grounds and neighbours."""
    field = product.field
    picture, box = product.picture, product.box
    if picture.shape[2] == 4:
        picture = _on_ground(picture, others, rng) if rng.random() < 0.75 else picture[..., :3]
        box = (0.0, 0.0, float(picture.shape[1]), float(picture.shape[0]))
    crop = _loose_crop(picture, box, model.crop_margin, rng)
    if rng.random() < 0.5:
        crop = _tilted(crop, rng)
    narrow = float(np.exp(rng.uniform(np.log(0.7), np.log(1.3))))
    height, width = crop.shape[:2]
    # A facing is 25-40 px wide in field photos; crops of other sets are shrunk to such sizes as often as not.
    small = rng.uniform(0.5, 1.0) if field else rng.uniform(18, 100) / width if rng.random() < 0.7 else 1.0
    small = min(small if rng.random() < 0.6 or not field else 1.0, 1.0)
    size = max(8, round(width * small * narrow)), max(12, round(height * small))
    crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if small < 0.7 else cv2.INTER_LINEAR)
    if rng.random() < 0.3:
        _cover(crop, others[int(rng.integers(len(others)))], rng)
    crop = augment.degrade(crop, rng, 0.7 if field else 1.0)
    return reference.letterbox(Image.fromarray(crop), model.input_width, model.input_height, model.pad)[0]


def whole_picture(crop: datasets.Crop) -> Product:
    """A crop given as a file: the product fills its picture."""
    pixels = np.asarray(reference.open_photo(crop.path))
    return Product(crop.sku, pixels, (0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0])))


def _load_crop(crop: datasets.Crop, cut: bool, share: list[float]) -> Product:
    picture = Image.open(crop.path).convert("RGB")
    if picture.height > STORED_HEIGHT:
        picture = picture.resize((max(1, round(picture.width * STORED_HEIGHT / picture.height)), STORED_HEIGHT))
    pixels = np.asarray(picture)
    height, width = pixels.shape[:2]
    if cut:
        pixels = cut_outs.cut_out(pixels)
        height, width = pixels.shape[:2]
    return Product(crop.sku, pixels, (share[0] * width, share[1] * height, share[2] * width, share[3] * height))


def _on_ground(cut: Pixels, others: list[Product], rng: np.random.Generator) -> Pixels:
    """A cut-out before a flat colour or a piece of another picture; now and then with much of the ground around it, as a product
    in a hand is photographed."""
    rows, columns = cut.shape[:2]
    air = rng.uniform(0.2, 1.2) if rng.random() < AIRY else 0.0
    height, width = round(rows * (1.0 + 0.3 * air)), round(columns * (1.0 + air))
    if rng.random() < 0.4:
        ground = np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
    else:
        other = others[int(rng.integers(len(others)))].picture[..., :3]
        y = int(rng.integers(0, max(1, other.shape[0] - 24)))
        x = int(rng.integers(0, max(1, other.shape[1] - 24)))
        ground = cv2.resize(other[y : y + height, x : x + width], (width, height))
    ground = ground.copy()
    left, top = int(rng.uniform(0.3, 0.7) * (width - columns)), int(rng.uniform(0.3, 0.7) * (height - rows))
    compose.paste(ground, cut, left, top)
    return ground


def _loose_crop(picture: Pixels, box: reference.Box, margin: float, rng: np.random.Generator) -> Pixels:
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = box
    wide, high = x1 - x0, y1 - y0
    grow = margin + rng.normal(0.0, 0.05, 4).clip(-0.12, 0.16)
    left, right = max(0, int(x0 - grow[0] * wide)), min(width, int(np.ceil(x1 + grow[2] * wide)))
    top, bottom = max(0, int(y0 - grow[1] * high)), min(height, int(np.ceil(y1 + grow[3] * high)))
    return picture[top : max(bottom, top + 4), left : max(right, left + 4)]


def _tilted(crop: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = crop.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = np.deg2rad(rng.normal(0, 5))
    centre = corners.mean(axis=0)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32)
    moved = (corners - centre) @ spin.T + centre + rng.normal(0, 0.025, (4, 2)) * (width, height)
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return cv2.warpPerspective(crop, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)


def _cover(crop: Pixels, other: Product, rng: np.random.Generator) -> None:
    """Hides a side, the foot or the head of the crop behind a piece of another product, in place."""
    height, width = crop.shape[:2]
    x0, y0, x1, y1 = (int(v) for v in other.box)
    piece = other.picture[y0:y1, x0:x1, :3]
    if min(piece.shape[:2]) < 4:
        return
    share = rng.uniform(0.08, 0.35)
    side = rng.random()
    if side < 0.6:
        wide = max(1, int(width * share))
        strip = cv2.resize(piece, (width, height))[:, :wide]
        if side < 0.3:
            crop[:, :wide] = strip
        else:
            crop[:, width - wide :] = strip
    else:
        high = max(1, int(height * share * 0.8))
        strip = cv2.resize(piece, (width, height))[:high]
        if side < 0.9:
            crop[height - high :] = strip
        else:
            crop[:high] = strip
