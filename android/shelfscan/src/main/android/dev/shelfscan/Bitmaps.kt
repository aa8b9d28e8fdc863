package dev.shelfscan

import android.graphics.Bitmap
import java.nio.ByteBuffer

/**
 * Scans a Bitmap. One with `ARGB_8888` pixels is not copied, and must not be recycled or drawn on until the call returns; one of
 * another configuration, such as `HARDWARE`, is copied once.
 *
 * @param orientation what makes the bitmap upright: `BitmapFactory` does not follow a photo's EXIF orientation. Scanning the
 *   photo's bytes does.
 */
suspend fun ShelfScanner.scan(
    bitmap: Bitmap,
    orientation: Orientation = Orientation.UPRIGHT,
    options: ScanOptions = ScanOptions(),
): ScanResult = scan(bitmap, orientation, options, nativeLock)

/** Adds a picture from a Bitmap. */
suspend fun Enrolment.add(
    bitmap: Bitmap,
    orientation: Orientation = Orientation.UPRIGHT,
    subject: Subject = Subject.CONTAINER,
): List<Candidate> = add(bitmap, orientation, subject, nativeLock)

internal suspend fun ShelfScanner.scan(
    bitmap: Bitmap,
    orientation: Orientation,
    options: ScanOptions,
    lender: BitmapLender,
): ScanResult = scanning { scanner, cancellation ->
    bitmap.withPixels(orientation, lender) { it.scan(scanner, options, cancellation) }
}

internal suspend fun Enrolment.add(
    bitmap: Bitmap,
    orientation: Orientation,
    subject: Subject,
    lender: BitmapLender,
): List<Candidate> = addBlocking { session -> bitmap.withPixels(orientation, lender) { it.addTo(session, subject) } }

/** Who lends a bitmap's pixels: [BitmapPixels], except in tests without a device. */
internal fun interface BitmapLender {
    fun lend(bitmap: Bitmap, borrower: PixelsConsumer)
}

/** What is called with pixels that are valid until it returns. Called by native code, by this name. */
internal fun interface PixelsConsumer {
    fun accept(pixels: ByteBuffer)
}

/** Loads the library's native methods when the first bitmap is lent. */
private val nativeLock = BitmapLender { bitmap, borrower -> BitmapPixels.lend(bitmap, borrower) }

/** The native lock on a bitmap's pixels. */
internal object BitmapPixels {
    init {
        // JNA has loaded it, but not in a way in which the runtime looks for native methods.
        System.loadLibrary("shelfscan_ffi")
    }

    /** Calls the borrower with the pixels. Throws a `RuntimeException` where they can't be locked. */
    @JvmStatic
    external fun lend(bitmap: Bitmap, borrower: PixelsConsumer)
}

private fun <T> Bitmap.withPixels(orientation: Orientation, lender: BitmapLender, work: (PackedPixels) -> T): T {
    if (isRecycled) throw ShelfscanException.Photo("the bitmap was recycled before it was scanned")
    val bitmap = if (config == Bitmap.Config.ARGB_8888) this else inMemory()
    try {
        var outcome: Result<T>? = null
        try {
            lender.lend(bitmap) { pixels ->
                outcome = runCatching {
                    work(PackedPixels(pixels, bitmap.width, bitmap.height, bitmap.rowBytes, PixelFormat.RGBA, orientation))
                }
            }
        } catch (refused: RuntimeException) {
            throw ShelfscanException.Photo(refused.message ?: "the bitmap's pixels can't be locked")
        }
        return checkNotNull(outcome) { "the pixels were not lent" }.getOrThrow()
    } finally {
        if (bitmap !== this) bitmap.recycle()
    }
}

private fun Bitmap.inMemory(): Bitmap =
    copy(Bitmap.Config.ARGB_8888, false)
        ?: throw ShelfscanException.Photo("the bitmap's configuration $config can't be converted to ARGB_8888")
