package dev.shelfscan

import kotlin.math.max
import kotlin.math.min

/** How a photo is fitted into a view of another shape; both keep its proportions and centre it. */
enum class ScaleType {
    /** All of the photo is seen, with bars beside it: `ImageView.ScaleType.FIT_CENTER`, `PreviewView.ScaleType.FIT_CENTER`. */
    FIT,

    /** All of the view is filled, and what of the photo stands out is cut off: `CENTER_CROP`, `FILL_CENTER`. */
    FILL,
}

/** A box in pixels of a view. With [ScaleType.FILL] it may reach outside. */
data class ViewBox(val left: Float, val top: Float, val right: Float, val bottom: Float) {
    /** Whether the point lies in the box. */
    fun contains(x: Float, y: Float): Boolean = x >= left && x < right && y >= top && y < bottom
}

/** A point, in pixels of a view or of a photo as is said. */
data class Point(val x: Float, val y: Float)

/**
 * Where the facings of a photo are in the view that shows it. Photo coordinates are those of [ScanResult]: upright pixels.
 *
 * @param photoWidth upright width of the photo: [ScanResult.width].
 * @param photoHeight upright height of the photo.
 * @param viewWidth width of the view in pixels, without its padding.
 * @param viewHeight height of the view in pixels, without its padding.
 * @param rotation by how many degrees clockwise the view shows the upright photo turned: 0, 90, 180 or 270.
 * @param mirrored whether the view shows it left to right, after it was turned: a front camera's preview.
 */
class Overlay(
    private val photoWidth: Float,
    private val photoHeight: Float,
    private val viewWidth: Float,
    private val viewHeight: Float,
    scaleType: ScaleType = ScaleType.FIT,
    private val rotation: Int = 0,
    private val mirrored: Boolean = false,
) {
    private val scale: Float
    private val offset: Point

    init {
        require(rotation in setOf(0, 90, 180, 270)) { "rotation must be 0, 90, 180 or 270 degrees, not $rotation" }
        val sizes = listOf(photoWidth, photoHeight, viewWidth, viewHeight)
        require(sizes.all { it > 0 && it.isFinite() }) {
            "photo and view must have a size, not $photoWidth x $photoHeight in $viewWidth x $viewHeight; is the view laid out?"
        }
        val (width, height) = turnedSize()
        val (across, down) = Pair(viewWidth / width, viewHeight / height)
        scale = if (scaleType == ScaleType.FIT) min(across, down) else max(across, down)
        offset = Point((viewWidth - width * scale) / 2, (viewHeight - height * scale) / 2)
    }

    /** For the result of a scan and the size of a view. */
    constructor(
        result: ScanResult,
        viewWidth: Int,
        viewHeight: Int,
        scaleType: ScaleType = ScaleType.FIT,
        rotation: Int = 0,
        mirrored: Boolean = false,
    ) : this(
        result.width.toFloat(),
        result.height.toFloat(),
        viewWidth.toFloat(),
        viewHeight.toFloat(),
        scaleType,
        rotation,
        mirrored,
    )

    /** Where the view shows the box. */
    fun toView(box: FacingBox): ViewBox {
        val (one, other) = Pair(toView(box.left, box.top), toView(box.right, box.bottom))
        return ViewBox(min(one.x, other.x), min(one.y, other.y), max(one.x, other.x), max(one.y, other.y))
    }

    /** Where the view shows this point of the photo. */
    fun toView(x: Float, y: Float): Point {
        val turned = when (rotation) {
            90 -> Point(photoHeight - y, x)
            180 -> Point(photoWidth - x, photoHeight - y)
            270 -> Point(y, photoWidth - x)
            else -> Point(x, y)
        }
        val across = turned.x * scale + offset.x
        return Point(if (mirrored) viewWidth - across else across, turned.y * scale + offset.y)
    }

    /** Which point of the photo the view shows here. */
    fun toPhoto(x: Float, y: Float): Point {
        val across = if (mirrored) viewWidth - x else x
        val (turnedX, turnedY) = Point((across - offset.x) / scale, (y - offset.y) / scale)
        return when (rotation) {
            90 -> Point(turnedY, photoHeight - turnedX)
            180 -> Point(photoWidth - turnedX, photoHeight - turnedY)
            270 -> Point(photoWidth - turnedY, turnedX)
            else -> Point(turnedX, turnedY)
        }
    }

    /** The facing under a finger at this point of the view, the smallest where several are; none beside them all. */
    fun facingAt(facings: List<Facing>, x: Float, y: Float): Facing? =
        facings.filter { toView(it.rect).contains(x, y) }.minByOrNull { it.rect.area }

    private fun turnedSize() =
        if (rotation % 180 == 0) Point(photoWidth, photoHeight) else Point(photoHeight, photoWidth)
}

private val FacingBox.area: Float
    get() = (right - left) * (bottom - top)
