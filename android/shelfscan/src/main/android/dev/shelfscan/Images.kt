package dev.shelfscan

import android.graphics.ImageFormat
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.os.Looper

/**
 * Scans an Image of a camera: `JPEG`, `YUV_420_888` or `RGBA_8888`. It stays the caller's: close it after the call.
 *
 * @param orientation what makes the pixels upright, [orientationOf] the camera's rotation; a JPEG says it itself.
 */
suspend fun ShelfScanner.scan(
    image: Image,
    orientation: Orientation = Orientation.UPRIGHT,
    options: ScanOptions = ScanOptions(),
): ScanResult =
    if (image.format == ImageFormat.JPEG) scan(image.planes[0].buffer, options) else scan(image.toPicture(orientation), options)

/** The pixels of an Image in `YUV_420_888` or `RGBA_8888`, valid until it is closed. */
fun Image.toPicture(orientation: Orientation = Orientation.UPRIGHT): Picture =
    when (format) {
        ImageFormat.YUV_420_888 -> yuvPlanes(orientation)
        android.graphics.PixelFormat.RGBA_8888 ->
            PackedPixels(planes[0].buffer, width, height, planes[0].rowStride, PixelFormat.RGBA, orientation)
        else -> throw ShelfscanException.Photo(
            "an image of format $format can't be scanned: ask the camera for YUV_420_888, RGBA_8888 or JPEG",
        )
    }

/** The Image as a frame to hand over: it is closed with it. */
fun Image.asFrame(orientation: Orientation = Orientation.UPRIGHT): Frame {
    val image = this
    return object : Frame {
        override val picture: Picture
            get() = image.toPicture(orientation)

        override fun close() = image.close()
    }
}

/**
 * The images of a Camera2 session. The reader needs at least three: one in a scan, one waiting, one arriving.
 *
 * @param orientation asked for each frame, as a phone is turned.
 * @param handler whose thread takes the images; the work there is little.
 */
fun ImageReader.frames(
    handler: Handler = Handler(Looper.getMainLooper()),
    orientation: () -> Orientation,
): FrameSource {
    require(maxImages >= 3) { "live scans need an ImageReader with maxImages of 3 or more, not $maxImages" }
    return FrameSource { offer ->
        setOnImageAvailableListener({ reader -> reader.acquireNextImage()?.let { offer(it.asFrame(orientation())) } }, handler)
        AutoCloseable { setOnImageAvailableListener(null, null) }
    }
}

private fun Image.yuvPlanes(orientation: Orientation): YuvPlanes {
    val (y, u, v) = planes
    if (u.rowStride != v.rowStride || u.pixelStride != v.pixelStride || y.pixelStride != 1) {
        throw ShelfscanException.Photo("the strides of the image's planes are not those of YUV_420_888")
    }
    return YuvPlanes(y.buffer, u.buffer, v.buffer, width, height, y.rowStride, u.rowStride, u.pixelStride, orientation)
}
