package dev.shelfscan

import java.nio.ByteBuffer

/** Pixels that are not in a file: what a camera or a Bitmap holds. They are borrowed, and must not change during a scan. */
sealed interface Picture {
    /** Stored width in pixels, 1 to 65,535. */
    val width: Int

    /** Stored height in pixels, 1 to 65,535. */
    val height: Int

    /** What makes the stored pixels upright. */
    val orientation: Orientation
}

/**
 * Packed pixels: red, green, blue, alpha and the like side by side.
 *
 * @property pixels from the position of the buffer to its limit; direct ones are not copied.
 * @property rowStride bytes from one row to the next; more than a row's pixels where rows are padded.
 */
class PackedPixels(
    val pixels: ByteBuffer,
    override val width: Int,
    override val height: Int,
    val rowStride: Int,
    val format: PixelFormat,
    override val orientation: Orientation = Orientation.UPRIGHT,
) : Picture {
    internal fun layout() =
        PixelLayout(width.toUInt(), height.toUInt(), rowStride.toUInt(), format, orientation)
}

/**
 * The three planes of a 4:2:0 picture, full range, BT.601: Android's `YUV_420_888`, as `android.media.Image` and CameraX's
 * `ImageProxy` have it, NV21 and NV12 among them.
 *
 * @property y brightness, one byte a pixel; from the position of the buffer to its limit, as the others.
 * @property u blue difference, at half the width and height.
 * @property v red difference, at half the width and height.
 * @property yRowStride bytes from one row of [y] to the next.
 * @property uvRowStride bytes from one row of [u] to the next, and of [v].
 * @property uvPixelStride bytes from one value of [u] to the next, and of [v]: 1 for planes of their own, 2 where the two are
 *   interleaved.
 */
class YuvPlanes(
    val y: ByteBuffer,
    val u: ByteBuffer,
    val v: ByteBuffer,
    override val width: Int,
    override val height: Int,
    val yRowStride: Int,
    val uvRowStride: Int,
    val uvPixelStride: Int,
    override val orientation: Orientation = Orientation.UPRIGHT,
) : Picture {
    internal fun layout() =
        YuvLayout(
            width.toUInt(),
            height.toUInt(),
            yRowStride.toUInt(),
            uvRowStride.toUInt(),
            uvPixelStride.toUInt(),
            orientation,
        )
}

/**
 * The orientation of pixels that must be turned clockwise by [degrees] (0, 90, 180 or 270) to stand upright, and then, where
 * [mirrored], left to right: a front camera's. `degrees` is `ImageInfo.getRotationDegrees()` of CameraX.
 */
fun orientationOf(degrees: Int, mirrored: Boolean = false): Orientation =
    when (degrees) {
        0 -> if (mirrored) Orientation.MIRRORED else Orientation.UPRIGHT
        90 -> if (mirrored) Orientation.ROTATED90_MIRRORED else Orientation.ROTATED90
        180 -> if (mirrored) Orientation.ROTATED180_MIRRORED else Orientation.ROTATED180
        270 -> if (mirrored) Orientation.ROTATED270_MIRRORED else Orientation.ROTATED270
        else -> throw IllegalArgumentException("pixels are turned by 0, 90, 180 or 270 degrees, not by $degrees")
    }

internal fun Picture.scan(scanner: Scanner, options: ScanOptions, cancellation: Cancellation): ScanResult =
    when (this) {
        is PackedPixels -> lend(pixels) { scanner.scanPixels(it, layout(), options, cancellation) }
        is YuvPlanes ->
            lend(y) { y ->
                lend(u) { u -> lend(v) { v -> scanner.scanYuv(y, u, v, layout(), options, cancellation) } }
            }
    }
