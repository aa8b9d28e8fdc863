package dev.shelfscan

import java.io.File
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertTrue
import org.junit.Test

/** A product becomes a SKU on the phone. */
class EnrolmentTest {
    private val product = File(Fixtures.root, "models/sample/gallery").listFiles().orEmpty().filter { it.isDirectory }.minOf { it }
    private val pictures = product.listFiles().orEmpty().sorted().map { it.readBytes() }

    private suspend fun ShelfScanner.counted(): UInt? = scan(Fixtures.shelf).counts.find { it.sku == product.name }?.count

    @Test
    fun `a product enrolled from pictures is named in the next scan, and by the next scanner`() = runBlocking {
        withBundle { bundle ->
            val scanner = ShelfScanner.open(bundle, threads = 2)
            val before = scanner.bundle()
            val enrolment = scanner.enrol(Sku(product.name, "New", container = "bottle"))
            for (picture in pictures) {
                val known = enrolment.add(picture, Subject.WHOLE)
                assertTrue("$known", known.isNotEmpty() && known.none { it.sku == product.name })
            }
            assertEquals(pictures.size, enrolment.count())
            assertTrue(enrolment.removeLast())
            assertEquals(pictures.size - 1, enrolment.count())
            assertNotEquals(before.index, enrolment.save().index)
            assertEquals(0, enrolment.count())
            assertTrue(scanner.skus().any { it.id == product.name && it.name == "New" && it.container == "bottle" })
            val counted = scanner.counted()
            assertTrue("$counted of ${product.name} on the sample's shelf", counted != null && counted > 0u)
            scanner.closeAndWait()

            val again = ShelfScanner.open(bundle, threads = 2)
            assertEquals(counted, again.counted())
            again.removeSku(product.name)
            assertEquals(null, again.counted())
            again.closeAndWait()
        }
    }

    @Test
    fun `files and pixels are taken for the same`() = runBlocking {
        val enrolment = Fixtures.scanner.enrol(Sku("new", "New"))
        val file = Fixtures.few.image().encoded("png")
        for (subject in Subject.entries) {
            assertEquals(enrolment.add(file, subject), enrolment.add(Fixtures.few.packed(), subject))
            assertEquals(enrolment.add(direct(file), subject), enrolment.add(file, subject))
        }
        assertEquals(8, enrolment.count())
        repeat(8) { assertTrue(enrolment.removeLast()) }
        assertTrue(!enrolment.removeLast())
    }
}
