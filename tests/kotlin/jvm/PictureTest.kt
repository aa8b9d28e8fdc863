package dev.shelfscan

import java.nio.ByteBuffer
import kotlin.math.max
import kotlin.math.min
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** The same pixels in every way an app may hold them. */
class PictureTest {
    private val few = Fixtures.few
    private val wanted by lazy { json(few.packed()) }

    private fun json(picture: Picture): String = runBlocking { Fixtures.scanner.scan(picture).toJson("few") }

    @Test
    fun `channels and padded rows change nothing`() {
        assertTrue(wanted, "\"row\": 0" in wanted)
        for (format in listOf(PixelFormat.RGBA, PixelFormat.BGRA)) {
            for (padding in listOf(0, 4, 52, 3)) {
                val stride = few.width * 4 + padding
                val bytes = ByteArray(stride * few.height) { 0x5a }
                for (y in 0 until few.height) {
                    for (x in 0 until few.width) {
                        for (channel in 0..2) {
                            val place = if (format == PixelFormat.RGBA) channel else 2 - channel
                            bytes[y * stride + x * 4 + place] = few.rgb[few.at(x, y) + channel]
                        }
                    }
                }
                val picture = PackedPixels(direct(bytes), few.width, few.height, stride, format)
                assertEquals("$format, rows padded by $padding bytes", wanted, json(picture))
            }
        }
    }

    @Test
    fun `a buffer counts from its position to its limit, which stay as they are`() = runBlocking {
        val file = few.image().encoded("png")
        val wanted = Fixtures.scanner.scan(file).toJson("few")
        fun within(buffer: ByteBuffer) = buffer.apply {
            repeat(1000) { put(0x7f) }
            put(file)
            while (hasRemaining()) put(0x33)
            position(1000)
            limit(1000 + file.size)
        }
        val size = file.size + 1500
        val buffers = mapOf(
            "direct" to within(ByteBuffer.allocateDirect(size)),
            "heap" to within(ByteBuffer.allocate(size)),
            "read-only heap" to within(ByteBuffer.allocate(size)).asReadOnlyBuffer(),
            "read-only direct" to within(ByteBuffer.allocateDirect(size)).asReadOnlyBuffer(),
            "slice of a heap buffer" to within(ByteBuffer.allocate(size)).slice(),
        )
        for ((kind, buffer) in buffers) {
            val (position, limit) = Pair(buffer.position(), buffer.limit())
            assertEquals(kind, wanted, Fixtures.scanner.scan(buffer).toJson("few"))
            assertEquals("position, $kind", position, buffer.position())
            assertEquals("limit, $kind", limit, buffer.limit())
        }
    }

    @Test
    fun `pixels and planes count from the position of their buffers`() {
        fun shifted(buffer: ByteBuffer, direct: Boolean): ByteBuffer {
            val size = buffer.remaining() + 77
            val shifted = if (direct) ByteBuffer.allocateDirect(size) else ByteBuffer.allocate(size)
            repeat(77) { shifted.put(0x11) }
            shifted.put(buffer.duplicate())
            shifted.position(77)
            return shifted
        }
        val planes = planar(Fixtures.few)
        val wantedOfPlanes = json(planes)
        for (direct in listOf(true, false)) {
            val packed = few.packed()
            val picture = PackedPixels(shifted(packed.pixels, direct), few.width, few.height, packed.rowStride, packed.format)
            assertEquals(wanted, json(picture))
            val moved = with(planes) {
                YuvPlanes(
                    shifted(y, direct), shifted(u, direct), shifted(v, direct),
                    width, height, yRowStride, uvRowStride, uvPixelStride,
                )
            }
            assertEquals(wantedOfPlanes, json(moved))
        }
    }

    @Test
    fun `a camera's turn is undone`() = runBlocking {
        val upright = Fixtures.rows
        val (w, h) = Pair(upright.width, upright.height)
        val wanted = Fixtures.scanner.scan(upright.packed())
        assertTrue("${wanted.facings.size} facings", wanted.facings.size > 10)
        val turned = mapOf(
            0 to upright,
            // The stored top row is the right column: turned clockwise by 90 degrees it stands upright (EXIF 6).
            90 to upright.stored(h, w) { x, y -> Pair(w - 1 - y, x) },
            180 to upright.stored(w, h) { x, y -> Pair(w - 1 - x, h - 1 - y) },
            270 to upright.stored(h, w) { x, y -> Pair(y, h - 1 - x) },
        )
        for ((degrees, stored) in turned) {
            val pictures = listOf(stored.packed(orientationOf(degrees)), planar(stored, orientationOf(degrees)))
            for (picture in pictures) {
                val found = Fixtures.scanner.scan(picture)
                val which = "$degrees degrees, ${picture::class.simpleName}"
                assertEquals(which, Pair(w.toUInt(), h.toUInt()), Pair(found.width, found.height))
                assertSame(which, wanted.facings, found.facings)
                assertSame(which, found.facings, wanted.facings)
            }
        }
    }

    @Test
    fun `a mirrored picture is mirrored back`() = runBlocking {
        val upright = Fixtures.rows
        val mirrored = upright.stored(upright.width, upright.height) { x, y -> Pair(upright.width - 1 - x, y) }
        val wanted = Fixtures.scanner.scan(upright.packed())
        assertSame("mirrored", wanted.facings, Fixtures.scanner.scan(mirrored.packed(orientationOf(0, mirrored = true))).facings)
    }

    @Test
    fun `planes may be padded, interleaved, and end with their last value`() {
        val planar = planar(few)
        val wanted = json(planar)
        assertTrue(wanted, "\"row\": 0" in wanted)
        val (halfWidth, halfHeight) = Pair((few.width + 1) / 2, (few.height + 1) / 2)
        for (padding in listOf(0, 12)) {
            val yStride = few.width + padding
            val y = ByteArray(yStride * (few.height - 1) + few.width)
            for (row in 0 until few.height) {
                for (x in 0 until few.width) y[row * yStride + x] = planar.y.get(row * few.width + x)
            }
            // NV21: V first. The U plane begins at the second byte, and both lack the last one, as Android's planes do.
            val stride = halfWidth * 2 + padding
            val both = ByteArray(stride * (halfHeight - 1) + halfWidth * 2)
            for (row in 0 until halfHeight) {
                for (x in 0 until halfWidth) {
                    both[row * stride + x * 2] = planar.v.get(row * halfWidth + x)
                    both[row * stride + x * 2 + 1] = planar.u.get(row * halfWidth + x)
                }
            }
            val (v, u) = Pair(direct(both).apply { limit(both.size - 1) }, direct(both).apply { position(1) })
            val interleaved = YuvPlanes(direct(y), u, v, few.width, few.height, yStride, stride, uvPixelStride = 2)
            assertEquals("rows padded by $padding bytes", wanted, json(interleaved))
        }
    }

    @Test
    fun `only quarter turns are orientations`() {
        assertEquals(Orientation.ROTATED270, orientationOf(270))
        assertEquals(Orientation.ROTATED90_MIRRORED, orientationOf(90, mirrored = true))
        val refused = assertThrows(IllegalArgumentException::class.java) { orientationOf(45) }
        assertTrue(refused.message.orEmpty(), "45" in refused.message.orEmpty())
    }

    /** Full-range BT.601, chroma of the upper left of four pixels. */
    private fun planar(pixels: Pixels, orientation: Orientation = Orientation.UPRIGHT): YuvPlanes {
        val (w, h) = Pair(pixels.width, pixels.height)
        val (halfWidth, halfHeight) = Pair((w + 1) / 2, (h + 1) / 2)
        val (y, u, v) = listOf(ByteArray(w * h), ByteArray(halfWidth * halfHeight), ByteArray(halfWidth * halfHeight))
        for (row in 0 until h) {
            for (x in 0 until w) {
                val at = pixels.at(x, row)
                val (red, green, blue) = (0..2).map { (pixels.rgb[at + it].toInt() and 0xff).toDouble() }
                y[row * w + x] = byte(0.299 * red + 0.587 * green + 0.114 * blue)
                if (row % 2 == 0 && x % 2 == 0) {
                    val half = row / 2 * halfWidth + x / 2
                    u[half] = byte(128 - 0.168736 * red - 0.331264 * green + 0.5 * blue)
                    v[half] = byte(128 + 0.5 * red - 0.418688 * green - 0.081312 * blue)
                }
            }
        }
        return YuvPlanes(direct(y), direct(u), direct(v), w, h, w, halfWidth, 1, orientation)
    }

    private fun byte(value: Double): Byte = Math.round(value).coerceIn(0, 255).toByte()

    /** Most facings are where they were; a picture turned the wrong way has next to none in its place. */
    private fun assertSame(which: String, wanted: List<Facing>, found: List<Facing>) {
        val missing = wanted.filter { facing -> found.none { it.container == facing.container && overlap(it.rect, facing.rect) > 0.8 } }
        assertTrue("$which: ${missing.size} of ${wanted.size} facings are not there: $missing", missing.size * 5 <= wanted.size)
    }

    private fun overlap(a: FacingBox, b: FacingBox): Float {
        val across = min(a.right, b.right) - max(a.left, b.left)
        val down = min(a.bottom, b.bottom) - max(a.top, b.top)
        if (across <= 0 || down <= 0) return 0f
        fun area(box: FacingBox) = (box.right - box.left) * (box.bottom - box.top)
        return across * down / (area(a) + area(b) - across * down)
    }
}
