package dev.shelfscan.sample

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.media.ExifInterface
import android.net.Uri
import java.io.IOException

/** The bytes of a photo that another app gave. */
fun ContentResolver.photo(uri: Uri): ByteArray =
    openInputStream(uri)?.use { it.readBytes() } ?: throw IOException("the photo can't be opened")

/** The photo as a picture to draw: upright, and no larger than `most` pixels on its longer side by more than half. */
fun picture(photo: ByteArray, most: Int = 2048): Bitmap {
    val options = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    BitmapFactory.decodeByteArray(photo, 0, photo.size, options)
    options.inSampleSize = maxOf(1, maxOf(options.outWidth, options.outHeight) / most)
    options.inJustDecodeBounds = false
    val stored = BitmapFactory.decodeByteArray(photo, 0, photo.size, options) ?: throw IOException("the photo can't be decoded")
    val turn = photo.inputStream().use { uprightMatrix(ExifInterface(it)) }
    return if (turn.isIdentity) stored else Bitmap.createBitmap(stored, 0, 0, stored.width, stored.height, turn, true)
}

private fun uprightMatrix(exif: ExifInterface): Matrix {
    val orientation = exif.getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL)
    return Matrix().apply {
        when (orientation) {
            ExifInterface.ORIENTATION_FLIP_HORIZONTAL -> postScale(-1f, 1f)
            ExifInterface.ORIENTATION_ROTATE_180 -> postRotate(180f)
            ExifInterface.ORIENTATION_FLIP_VERTICAL -> postScale(1f, -1f)
            ExifInterface.ORIENTATION_TRANSPOSE -> postRotate(90f).also { postScale(-1f, 1f) }
            ExifInterface.ORIENTATION_ROTATE_90 -> postRotate(90f)
            ExifInterface.ORIENTATION_TRANSVERSE -> postRotate(270f).also { postScale(-1f, 1f) }
            ExifInterface.ORIENTATION_ROTATE_270 -> postRotate(270f)
        }
    }
}
