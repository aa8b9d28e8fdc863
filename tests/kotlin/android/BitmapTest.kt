package dev.shelfscan

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import java.io.ByteArrayOutputStream
import java.io.File
import java.nio.ByteBuffer
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.GraphicsMode

/**
 * Bitmaps of Android's own graphics. The native lock on their pixels is not there: a copy of them is lent in its place, with the
 * channels in the order in which a device has them in memory, which is not that of this machine.
 */
@RunWith(RobolectricTestRunner::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class BitmapTest {
    private val lender = BitmapLender { bitmap, borrower ->
        val colours = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(colours, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        assertEquals("bytes in a row", bitmap.width * 4, bitmap.rowBytes)
        val pixels = ByteBuffer.allocateDirect(bitmap.byteCount)
        for (colour in colours) pixels.putInt((colour shl 8) or (colour ushr 24))
        borrower.accept(pixels.apply { rewind() })
    }

    private val shelf: Bitmap by lazy {
        val whole = BitmapFactory.decodeFile(Fixtures.shelfFile.path)
        Bitmap.createBitmap(whole, 200, 1000, 1300, 995)
    }

    private suspend fun json(bitmap: Bitmap, orientation: Orientation = Orientation.UPRIGHT): String =
        Fixtures.scanner.scan(bitmap, orientation, ScanOptions(), lender).toJson("bitmap.png")

    @Test
    fun `a bitmap gives the bytes of the command line`() = runBlocking {
        withFolder { folder ->
            val file = File(folder, "bitmap.png")
            file.outputStream().use { assertTrue(shelf.compress(Bitmap.CompressFormat.PNG, 100, it)) }
            val result = Fixtures.scanner.scan(shelf, Orientation.UPRIGHT, ScanOptions(), lender)
            assertTrue("${result.facings.size} facings", result.facings.size > 10)
            assertEquals(Fixtures.commandLine(file.path), result.toJson(file.path))
        }
    }

    @Test
    fun `other configurations are converted, and the app's bitmap stays as it is`() = runBlocking {
        val small = shelf.copy(Bitmap.Config.RGB_565, false)
        assertEquals(json(small.copy(Bitmap.Config.ARGB_8888, false)), json(small))
        assertFalse(small.isRecycled)
        val half = shelf.copy(Bitmap.Config.RGBA_F16, false)
        assertTrue(Fixtures.scanner.scan(half, Orientation.UPRIGHT, ScanOptions(), lender).facings.size > 10)
        assertFalse(half.isRecycled)
        json(shelf)
        assertFalse(shelf.isRecycled)
    }

    @Test
    fun `the orientation is followed`() = runBlocking {
        val turned = Fixtures.scanner.scan(shelf, Orientation.ROTATED90, ScanOptions(), lender)
        assertEquals(Pair(995u, 1300u), Pair(turned.width, turned.height))
    }

    @Test
    fun `a bitmap without pixels is a photo's error`() {
        fun refused(mention: String, scan: suspend () -> Unit) {
            val error = assertThrows(ShelfscanException.Photo::class.java) { runBlocking { scan() } }
            assertTrue(error.message, mention in error.message.orEmpty())
        }
        val recycled = shelf.copy(Bitmap.Config.ARGB_8888, false).apply { recycle() }
        refused("recycled") { Fixtures.scanner.scan(recycled) }
        val locked = BitmapLender { _, _ -> throw RuntimeException("the bitmap can't be scanned: its pixels can't be locked") }
        refused("can't be locked") { Fixtures.scanner.scan(shelf, Orientation.UPRIGHT, ScanOptions(), locked) }
    }

    @Test
    fun `an error of the scan is not taken for one of the bitmap`() {
        val few = BitmapLender { _, borrower -> borrower.accept(ByteBuffer.allocateDirect(8)) }
        val error = assertThrows(ShelfscanException.Photo::class.java) {
            runBlocking { Fixtures.scanner.scan(shelf, Orientation.UPRIGHT, ScanOptions(), few) }
        }
        assertFalse(error.message, "locked" in error.message.orEmpty())
    }

    @Test
    fun `a picture is enrolled from a bitmap as from its file`() = runBlocking {
        val enrolment = Fixtures.scanner.enrol(Sku("new", "New"))
        val file = ByteArrayOutputStream().also { shelf.compress(Bitmap.CompressFormat.PNG, 100, it) }.toByteArray()
        val fromBitmap = enrolment.add(shelf, Orientation.UPRIGHT, Subject.CONTAINER, lender)
        assertEquals(enrolment.add(file, Subject.CONTAINER), fromBitmap)
    }
}
