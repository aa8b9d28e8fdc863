package dev.shelfscan

import java.util.concurrent.Callable
import java.util.concurrent.Executors
import kotlin.time.measureTime
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** The life of a scanner: shared by threads, closed once, freed when the last scan is done. */
class ClosingTest {
    @Test
    fun `eight threads on one scanner get what one gets`() {
        val pixels = Fixtures.rows
        val parts = List(8) { number ->
            val left = number * 250
            pixels.stored(800, pixels.height) { x, y -> Pair(left + x, y) }.packed()
        }
        // Below the coroutines too: they have as many threads as the machine has cores.
        Scanner.open(Fixtures.bundle.path, 2u).use { scanner ->
            fun scan(part: Picture) = part.scan(scanner, ScanOptions(), Cancellation()).toJson("part")
            val alone = parts.map(::scan)
            assertEquals("the parts differ", 8, alone.toSet().size)
            val threads = Executors.newFixedThreadPool(8)
            try {
                assertEquals(alone, threads.invokeAll(parts.map { part -> Callable { scan(part) } }).map { it.get() })
            } finally {
                threads.shutdownNow()
            }
            val together = runBlocking { parts.map { async { Fixtures.scanner.scan(it) } }.awaitAll() }
            assertEquals(alone, together.map { it.toJson("part") })
        }
    }

    @Test
    fun `closing returns at once, and the scan in progress comes to its end`() = runBlocking {
        withBundle { bundle ->
            val scanner = ShelfScanner.open(bundle, threads = 2)
            val wanted = scanner.scan(Fixtures.shelf).toJson("shelf")
            val scan = async(Dispatchers.Default) { scanner.scan(Fixtures.shelf) }
            delay(100)
            assertTrue("the scan was done before the scanner was closed", scan.isActive)
            val took = measureTime {
                scanner.close()
                scanner.close()
            }
            assertTrue("closing took $took", took.inWholeMilliseconds < 200)
            assertTrue("closing waited for the scan", scan.isActive)
            val calls: List<suspend () -> Unit> = listOf(
                { scanner.scan(Fixtures.shelf) },
                { scanner.scan(Fixtures.few.packed()) },
                { scanner.skus() },
                { scanner.bundle() },
                { scanner.releaseMemory() },
                { scanner.removeSku("7up") },
                { scanner.enrol(Sku("new", "New")) },
            )
            for (call in calls) assertThrows(ShelfscanException.Closed::class.java) { runBlocking { call() } }
            assertEquals(wanted, scan.await().toJson("shelf"))
            scanner.closeAndWait()
        }
    }

    @Test
    fun `closing and waiting waits for the scan in progress`() = runBlocking {
        withBundle { bundle ->
            val scanner = ShelfScanner.open(bundle, threads = 2)
            scanner.scan(Fixtures.shelf)
            val scan = async(Dispatchers.Default) { scanner.scan(Fixtures.shelf) }
            delay(100)
            scanner.closeAndWait()
            // The native call is over; its result is on its way through a coroutine or two.
            delay(100)
            assertTrue("the models were freed under a scan", scan.isCompleted)
            scanner.closeAndWait()
        }
    }

    @Test
    fun `an enrolment outlives its scanner as an error`() = runBlocking {
        withBundle { bundle ->
            val scanner = ShelfScanner.open(bundle)
            val enrolment = scanner.enrol(Sku("new", "New"))
            scanner.use { enrolment.add(Fixtures.few.packed()) }
            assertThrows(ShelfscanException.Closed::class.java) { runBlocking { enrolment.save() } }
            assertThrows(ShelfscanException.Closed::class.java) { runBlocking { enrolment.add(Fixtures.few.packed()) } }
            Unit
        }
    }

    @Test
    fun `opening that is cancelled leaves no scanner`() = runBlocking {
        val opening = async(Dispatchers.Default) { ShelfScanner.open(Fixtures.bundle) }
        delay(5)
        opening.cancel()
        opening.join()
        assertTrue(opening.isCancelled)
    }
}
