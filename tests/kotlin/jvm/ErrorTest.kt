package dev.shelfscan

import java.io.File
import java.nio.ByteBuffer
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** Each kind of error, and that its message helps. */
class ErrorTest {
    private inline fun <reified E : Throwable> fails(mention: String, noinline call: suspend () -> Unit) {
        val error = assertThrows(E::class.java) { runBlocking { call() } }
        assertTrue("${error.message} does not mention $mention", mention in error.message.orEmpty())
    }

    @Test
    fun `photos that are none`() {
        val scanner = Fixtures.scanner
        fails<ShelfscanException.Photo>("empty") { scanner.scan(ByteArray(0)) }
        fails<ShelfscanException.Photo>("empty") { scanner.scan(ByteBuffer.allocateDirect(0)) }
        fails<ShelfscanException.Photo>("") { scanner.scan("no photo".toByteArray()) }
        fails<ShelfscanException.Photo>("") { scanner.scan(Fixtures.shelf.copyOf(3000)) }
        val pixels = ByteBuffer.allocateDirect(60)
        fails<ShelfscanException.Photo>("64") { scanner.scan(PackedPixels(pixels, 4, 4, 16, PixelFormat.RGBA)) }
        fails<ShelfscanException.Photo>("0") { scanner.scan(PackedPixels(pixels, 0, 4, 16, PixelFormat.RGBA)) }
        fails<ShelfscanException.Photo>("") { scanner.scan(PackedPixels(pixels, -4, 4, 16, PixelFormat.RGBA)) }
        fails<ShelfscanException.Photo>("") { scanner.scan(PackedPixels(pixels, 4, 4, -1, PixelFormat.RGBA)) }
        fails<ShelfscanException.Photo>("U") { scanner.scan(YuvPlanes(pixels, ByteBuffer.allocate(3), pixels, 4, 4, 4, 2, 1)) }
    }

    @Test
    fun `bundles that are none`() {
        fails<ShelfscanException.Bundle>("manifest.json") { ShelfScanner.open(File("/nowhere")) }
        withBundle { bundle ->
            File(bundle, "skus.index").appendText("x")
            fails<ShelfscanException.Bundle>("skus.index") { ShelfScanner.open(bundle) }
        }
        assertThrows(IllegalArgumentException::class.java) { runBlocking { ShelfScanner.open(Fixtures.bundle, threads = -1) } }
    }

    @Test
    fun `SKUs that can't be enrolled or removed`() {
        fails<ShelfscanException.Gallery>("stranger") { Fixtures.scanner.removeSku("stranger") }
        fails<ShelfscanException.Gallery>("no pictures") { Fixtures.scanner.enrol(Sku("new", "New")).save() }
    }

    @Test
    fun `a scan called off below the coroutines`() {
        withBundle { bundle ->
            Scanner.open(bundle.path, 1u).use { scanner ->
                val off = Cancellation().apply { cancel() }
                assertTrue(off.isCancelled())
                fails<ShelfscanException.Cancelled>("cancelled") { scanner.scanFile(direct(Fixtures.shelf), ScanOptions(), off) }
            }
        }
    }

    @Test
    fun `a bug in the library is an exception, and the library goes on`() {
        fails<InternalException>("this is a test of what an app sees of a bug") { panicProbe() }
        runBlocking { Fixtures.scanner.skus() }
    }

    @Test
    fun `without TensorFlow Lite or the library itself`() {
        val runtime = child(listOf("-Djna.library.path=${System.getProperty("jna.library.path")}"), "/nowhere/tflite.so")
        assertTrue(runtime, runtime.startsWith("Runtime: ") && "/nowhere/tflite.so" in runtime)
        val unpackaged = child(listOf("-Djna.library.path=/nowhere"), null)
        assertTrue(unpackaged, unpackaged.startsWith("Runtime: ") && "shelfscan_ffi can't be loaded" in unpackaged)
    }

    @Test
    fun `logging may be started anywhere and again`() {
        startLogging(LogLevel.DEBUG)
        startLogging(LogLevel.ERROR)
    }

    /** What another process says that opens the bundle. */
    private fun child(properties: List<String>, tflite: String?): String {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val classpath = System.getProperty("java.class.path")
        val command = listOf(java) + properties + listOf("-cp", classpath, "dev.shelfscan.OpenerKt", Fixtures.bundle.path)
        val builder = ProcessBuilder(command).redirectErrorStream(true)
        tflite?.let { builder.environment()["TFLITE_LIBRARY_PATH"] = it }
        val process = builder.start()
        val said = process.inputStream.use { it.readBytes() }.decodeToString()
        assertEquals(said, 0, process.waitFor())
        return said
    }
}
