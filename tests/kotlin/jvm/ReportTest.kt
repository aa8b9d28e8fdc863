package dev.shelfscan

import java.io.File
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

/** What an app gets is what the command line gives, to the byte. */
class ReportTest {
    @Test
    fun `the sample gives the bytes of the command line`() = runBlocking {
        val result = Fixtures.scanner.scan(Fixtures.shelf)
        assertTrue("${result.facings.size} facings", result.facings.size > 80)
        assertEquals(Fixtures.commandLine(Fixtures.shelfFile.path), result.toJson(Fixtures.shelfFile.path))
    }

    @Test
    fun `real photos give the bytes of the command line, together and with one that fails`() = runBlocking {
        val photos = Fixtures.realPhotos(5)
        withFolder { folder ->
            val damaged = File(folder, "damaged.jpg").apply { writeText("no photo") }
            val results = photos.map { NamedResult(it.path, Fixtures.scanner.scan(it.readBytes())) }
            assertTrue("few facings: $results", results.sumOf { it.result.facings.size } >= 20)
            val failure = runCatching { Fixtures.scanner.scan(damaged.readBytes()) }.exceptionOrNull()
            val ours = reportJson(results, listOf(Failed(damaged.path, failure?.message.orEmpty())))
            val theirs = Fixtures.commandLine(*photos.map { it.path }.toTypedArray(), damaged.path, exitCode = 1)
            assertEquals(theirs, ours)
        }
    }

    @Test
    fun `pixels give the bytes of a file that keeps them`() = runBlocking {
        withFolder { folder ->
            val file = File(folder, "rows.png").apply { writeBytes(Fixtures.rows.image().encoded("png")) }
            val result = Fixtures.scanner.scan(Fixtures.rows.packed())
            assertTrue("${result.facings.size} facings", result.facings.size > 10)
            assertEquals(Fixtures.commandLine(file.path), result.toJson(file.path))
        }
    }
}
