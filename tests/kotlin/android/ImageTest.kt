package dev.shelfscan

import android.graphics.ImageFormat
import android.graphics.Rect
import android.media.Image
import android.media.ImageReader
import android.os.Looper
import java.nio.ByteBuffer
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows

/** Images as a camera hands them over. */
@RunWith(RobolectricTestRunner::class)
class ImageTest {
    private class FakePlane(private val bytes: ByteBuffer, private val row: Int, private val pixel: Int) : Image.Plane() {
        override fun getBuffer(): ByteBuffer = bytes

        override fun getRowStride(): Int = row

        override fun getPixelStride(): Int = pixel
    }

    private class FakeImage(private val format: Int, private val w: Int, private val h: Int, private vararg val planes: Plane) :
        Image() {
        var closed = 0

        override fun getFormat(): Int = format

        override fun getWidth(): Int = w

        override fun getHeight(): Int = h

        override fun getTimestamp(): Long = 0

        override fun getTransform(): Int = 0

        override fun getScalingMode(): Int = 0

        @Suppress("UNCHECKED_CAST")
        override fun getPlanes(): Array<Plane> = planes as Array<Plane>

        override fun getCropRect() = Rect(0, 0, w, h)

        override fun close() {
            closed++
        }
    }

    private val few = Fixtures.few
    private val scanner = Fixtures.scanner

    private fun rgba(): FakeImage {
        val stride = few.width * 4 + 64
        val bytes = ByteArray(stride * few.height)
        for (y in 0 until few.height) {
            for (x in 0 until few.width) System.arraycopy(few.rgb, few.at(x, y), bytes, y * stride + x * 4, 3)
        }
        return FakeImage(android.graphics.PixelFormat.RGBA_8888, few.width, few.height, FakePlane(direct(bytes), stride, 4))
    }

    private fun grey(uPixelStride: Int = 1): FakeImage {
        val (w, h) = Pair(few.width, few.height)
        val y = ByteArray(w * h) { few.rgb[it * 3 + 1] }
        val half = ByteArray((w + 1) / 2 * ((h + 1) / 2) * 2) { 128.toByte() }
        val (u, v) = listOf(uPixelStride, 1).map { FakePlane(direct(half), (w + 1) / 2, it) }
        return FakeImage(ImageFormat.YUV_420_888, w, h, FakePlane(direct(y), w, 1), u, v)
    }

    @Test
    fun `RGBA, YUV and JPEG images are scanned and stay open`() = runBlocking {
        val wanted = scanner.scan(few.packed()).toJson("few")
        val packed = rgba()
        assertEquals(wanted, scanner.scan(packed).toJson("few"))
        val jpeg = few.image().encoded("jpg")
        val compressed = FakeImage(ImageFormat.JPEG, few.width, few.height, FakePlane(direct(jpeg), 0, 0))
        assertEquals(scanner.scan(jpeg).toJson("few"), scanner.scan(compressed).toJson("few"))
        val planes = grey()
        val found = scanner.scan(planes, Orientation.ROTATED180)
        assertEquals(few.width.toUInt(), found.width)
        assertEquals(listOf(0, 0, 0), listOf(packed, compressed, planes).map { it.closed })
    }

    @Test
    fun `other formats and odd strides are refused by name`() {
        val raw = FakeImage(ImageFormat.RAW_SENSOR, 4, 4, FakePlane(direct(ByteArray(32)), 8, 2))
        val error = assertThrows(ShelfscanException.Photo::class.java) { runBlocking { scanner.scan(raw) } }
        assertTrue(error.message, "format 32" in error.message.orEmpty() && "YUV_420_888" in error.message.orEmpty())
        assertThrows(ShelfscanException.Photo::class.java) { runBlocking { scanner.scan(grey(uPixelStride = 2)) } }
    }

    @Test
    fun `an image handed over as a frame is closed with it, once`() = runBlocking {
        val image = rgba()
        val frames = scanner.scanFrames(
            source = { offer ->
                offer(image.asFrame())
                AutoCloseable {}
            },
        )
        assertTrue(frames.first().result.facings.isNotEmpty())
        assertEquals(1, image.closed)
    }

    @Test
    fun `a reader's images become frames while it is listened to`() {
        val reader = ImageReader.newInstance(64, 64, ImageFormat.YUV_420_888, 3)
        val frames = mutableListOf<Frame>()
        fun picture() {
            reader.surface.unlockCanvasAndPost(reader.surface.lockCanvas(null))
            Shadows.shadowOf(Looper.getMainLooper()).idle()
        }
        val listening = reader.frames { Orientation.ROTATED90 }.start { frames += it }
        repeat(3) { picture() }
        assertEquals(3, frames.size)
        frames.forEach { it.close() }
        picture()
        assertEquals("closed frames make room", 4, frames.size)
        listening.close()
        picture()
        assertEquals("a frame came after the end", 4, frames.size)
    }

    @Test
    fun `a reader with too few images is refused before the camera starts`() {
        val reader = ImageReader.newInstance(64, 64, ImageFormat.YUV_420_888, 2)
        val error = assertThrows(IllegalArgumentException::class.java) { reader.frames { Orientation.UPRIGHT } }
        assertTrue(error.message, "maxImages" in error.message.orEmpty())
    }
}
