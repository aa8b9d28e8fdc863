package dev.shelfscan

import java.io.ByteArrayInputStream
import java.io.File
import java.io.IOException
import java.io.InputStream
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** Copies of bundles: whole or not there, made once, never thrown away with what was enrolled into them. */
class BundleStoreTest {
    private class Files(private val files: Map<String, ByteArray>, override val title: String = "assets/drinks") : BundleFiles {
        var opened = 0

        override fun names() = files.keys.toList()

        override fun open(name: String): InputStream {
            opened++
            return ByteArrayInputStream(files.getValue(name))
        }
    }

    private fun files(version: Int, size: Int = 10) =
        mapOf("detector.tflite" to ByteArray(size) { 1 }, "manifest.json" to "{\"version\": $version}".toByteArray())

    private fun zip(file: File, entries: Map<String, ByteArray>) = file.also {
        ZipOutputStream(it.outputStream()).use { zip ->
            for ((name, bytes) in entries) {
                zip.putNextEntry(ZipEntry(name))
                zip.write(bytes)
                zip.closeEntry()
            }
        }
    }

    private fun File.all(): Set<String> = walk().filter { it.isFile }.map { it.relativeTo(this).path }.toSet()

    @Test
    fun `a bundle is copied once`() = withFolder { folder ->
        val store = BundleStore(File(folder, "bundles"))
        val first = Files(files(1))
        val copy = store.install(first)
        assertEquals(setOf("detector.tflite", "manifest.json"), copy.all())
        assertEquals("{\"version\": 1}", File(copy, "manifest.json").readText())
        val second = Files(files(1))
        assertEquals(copy, store.install(second))
        assertEquals("only the manifest is read", 1, second.opened)
    }

    @Test
    fun `an update removes the copy before it, unless a SKU was enrolled into it`() = withFolder { folder ->
        val store = BundleStore(folder)
        val first = store.install(Files(files(1)))
        val other = store.install(Files(files(1), title = "assets/teas"))
        assertNotEquals("bundles of two titles share no folder", first, other)
        val second = store.install(Files(files(2)))
        assertFalse("the first copy is still there", first.exists())
        assertTrue("another bundle's copy was removed", other.exists())
        File(second, "manifest.json").writeText("{\"version\": 2, \"enrolled\": true}")
        assertEquals("what was enrolled into is used on", second, store.install(Files(files(2))))
        store.install(Files(files(3)))
        assertTrue("enrolled SKUs were removed", second.exists())
        assertFalse(store.discard(second))
        assertTrue(second.exists())
    }

    @Test
    fun `a copy that is cut short leaves nothing, and the next one is whole`() = withFolder { folder ->
        val store = BundleStore(folder)
        val cut = object : BundleFiles {
            override val title = "assets/drinks"

            override fun names() = listOf("manifest.json", "detector.tflite")

            override fun open(name: String): InputStream =
                if (name == "manifest.json") ByteArrayInputStream("{}".toByteArray()) else throw IOException("the card was pulled")
        }
        assertEquals("the card was pulled", assertThrows(IOException::class.java) { store.install(cut) }.message)
        assertEquals(emptySet<String>(), folder.all())

        // As a process leaves it that was killed.
        val copies = store.install(Files(files(1))).also { it.deleteRecursively() }.parentFile
        File(copies, "unfinished-0123").mkdirs()
        File(copies, "unfinished-0123/detector.tflite").writeText("half")
        val copy = store.install(Files(files(1)))
        assertEquals(setOf("${copy.name}/detector.tflite", "${copy.name}/manifest.json"), copies.all())
    }

    @Test
    fun `folders and archives are copied alike`() = runBlocking {
        withFolder { folder ->
            val store = BundleStore(File(folder, "bundles"))
            val shipped = Fixtures.bundle.listFiles().orEmpty().associate { it.name to it.readBytes() }
            val flat = zip(File(folder, "flat.zip"), shipped)
            val packed = zip(File(folder, "packed.zip"), shipped.mapKeys { "drinks/${it.key}" } + ("readme.txt" to ByteArray(9)))
            val copies = listOf(Fixtures.bundle, flat, packed).map { source -> bundleFiles(source).use(store::install) }
            assertEquals(3, copies.toSet().size)
            for (copy in copies) {
                assertEquals(shipped.keys, copy.all())
                ShelfScanner.open(copy, threads = 1).use { scanner -> assertEquals("drinks", scanner.bundle().name) }
            }
        }
    }

    @Test
    fun `what is no bundle is refused`() = withFolder { folder ->
        val store = BundleStore(File(folder, "bundles"))
        fun refused(mention: String, source: () -> BundleFiles) {
            val error = assertThrows(ShelfscanException.Bundle::class.java) { source().use(store::install) }
            assertTrue(error.message, mention in error.message.orEmpty())
        }
        refused("/nowhere") { bundleFiles(File("/nowhere")) }
        refused("manifest.json") { bundleFiles(File(folder, "empty").apply { mkdirs() }) }
        refused("zip") { bundleFiles(File(folder, "text.zip").apply { writeText("no archive") }) }
        val escaping = files(1) + ("../escaped" to ByteArray(1))
        refused("../escaped") { bundleFiles(zip(File(folder, "escaping.zip"), escaping)) }
        refused("deep/er") { bundleFiles(zip(File(folder, "deep.zip"), files(1) + ("deep/er" to ByteArray(1)))) }
        refused("at most 64") { Files(files(1) + (1..64).associate { "file$it" to ByteArray(0) }) }
        refused("larger") { Files(mapOf("manifest.json" to ByteArray((8 shl 20) + 1))) }
        assertFalse(File(folder, "escaped").exists())
        assertEquals(emptySet<String>(), File(folder, "bundles").all())
    }

    @Test
    fun `a damaged copy is made anew, but not one with enrolled SKUs`() = runBlocking {
        withFolder { folder ->
            val store = BundleStore(folder)
            val source = { bundleFiles(Fixtures.bundle) }
            val copy = source().use(store::install)
            fun damage() = File(copy, "embedder.tflite").run { writeBytes(readBytes().also { it[1000] = (it[1000] + 1).toByte() }) }
            damage()
            openCopy({ folder }, 1, source).use { assertEquals("drinks", it.bundle().name) }

            openCopy({ folder }, 1, source).use { scanner ->
                val enrolment = scanner.enrol(Sku("new", "New"))
                enrolment.add(Fixtures.few.packed())
                enrolment.save()
            }
            openCopy({ folder }, 1, source).use { scanner -> assertTrue(scanner.skus().any { it.id == "new" }) }
            damage()
            val error = assertThrows(ShelfscanException.Bundle::class.java) { runBlocking { openCopy({ folder }, 1, source) } }
            assertTrue(error.message, "embedder.tflite" in error.message.orEmpty())
            assertTrue("enrolled SKUs were removed", copy.exists())
        }
    }
}
