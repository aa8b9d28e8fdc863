package dev.shelfscan

import java.io.File
import java.nio.ByteBuffer
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

/** Scanning on and on takes no more memory. */
class MemoryTest {
    private val few = Fixtures.few
    private val file = few.image().encoded("png")
    private val heap = ByteBuffer.wrap(few.rgb)

    /** In each way bytes can be handed over; the copies alone are 180 MB over all scans. */
    private suspend fun scan(number: Int): Int {
        val scanner = Fixtures.scanner
        val result = when (number % 4) {
            0 -> scanner.scan(file)
            1 -> scanner.scan(ByteBuffer.wrap(file))
            2 -> scanner.scan(PackedPixels(heap, few.width, few.height, few.width * 3, PixelFormat.RGB))
            else -> scanner.scan(few.packed())
        }
        return result.facings.size
    }

    @Test
    fun `200 scans take no more memory than 40`() = runBlocking {
        resident() ?: skip("this system has no /proc/self/status")
        val wanted = scan(0)
        repeat(WARM_UP) { assertEquals(wanted, scan(it)) }
        val before = settled()
        repeat(SCANS) { assertEquals(wanted, scan(it)) }
        val grown = settled() - before
        println("memory after $SCANS scans: ${grown / 1024} KiB more, at most ${SLACK / 1024} allowed")
        assertTrue("$SCANS scans took ${grown / 1024} KiB more", grown <= SLACK)
    }

    private fun settled(): Long {
        repeat(3) {
            System.gc()
            Thread.sleep(100)
        }
        return checkNotNull(resident())
    }

    /** Bytes of memory this process has in use, the Java heap among them. */
    private fun resident(): Long? {
        val status = File("/proc/self/status").takeIf { it.canRead() } ?: return null
        val line = status.readLines().firstOrNull { it.startsWith("VmRSS:") } ?: return null
        return line.split(Regex("\\s+"))[1].toLong() * 1024
    }

    private companion object {
        const val WARM_UP = 40
        const val SCANS = 200

        /** What the virtual machine's own heap and compiler may do. One copy for each scan would be five times that. */
        const val SLACK = 24L shl 20
    }
}
