package dev.shelfscan

import kotlin.time.Duration
import kotlin.time.measureTime
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.DelicateCoroutinesApi
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** Cancelling a coroutine stops the scan itself, not just the waiting for it. */
class CancellationTest {
    private val scanner = Fixtures.scanner

    /** How long the whole scan takes, now that everything is warm. */
    private fun whole(): Duration = runBlocking {
        scanner.scan(Fixtures.shelf)
        measureTime { scanner.scan(Fixtures.shelf) }
    }

    @Test
    fun `a cancelled scan stops half-way and the scanner goes on`() = runBlocking {
        val whole = whole()
        val before = scanner.scan(Fixtures.shelf).toJson("shelf")
        val scan = async(Dispatchers.Default) { scanner.scan(Fixtures.shelf) }
        delay(whole / 4)
        assertTrue("the scan was done before it could be cancelled", scan.isActive)
        val took = measureTime {
            scan.cancel()
            // Ends only when the native call has returned: its bytes are borrowed.
            scan.join()
        }
        assertTrue("took $took to stop, a whole scan takes $whole", took < whole / 3)
        assertTrue(scan.isCancelled)
        assertThrows(CancellationException::class.java) { runBlocking { scan.await() } }
        assertEquals(before, scanner.scan(Fixtures.shelf).toJson("shelf"))
    }

    @Test
    fun `a timeout stops the scan`() {
        val whole = whole()
        val took = measureTime {
            assertThrows(TimeoutCancellationException::class.java) {
                runBlocking { withTimeout(whole / 4) { scanner.scan(Fixtures.shelf) } }
            }
        }
        assertTrue("took $took, a whole scan takes $whole", took < whole * 0.7)
    }

    @Test
    fun `a scan is cancelled although its own thread is busy`() {
        val whole = whole()
        val took = runBlocking {
            val scan = launch { scanner.scan(Fixtures.shelf) }
            delay(whole / 4)
            // This thread, which the scan's coroutine is to go on in, does something else meanwhile.
            val cancelled = Thread {
                scan.cancel()
            }
            cancelled.start()
            cancelled.join()
            val native = measureTime { Thread.sleep((whole / 2).inWholeMilliseconds) }
            native + measureTime { scan.join() }
        }
        assertTrue("took $took, a whole scan takes $whole", took < whole * 0.75)
    }

    @Test
    @OptIn(DelicateCoroutinesApi::class)
    fun `one that was cancelled before it began does not begin`() = runBlocking {
        val took = measureTime {
            val scan = async(start = CoroutineStart.ATOMIC) { scanner.scan(Fixtures.shelf) }
            scan.cancel()
            scan.join()
            assertTrue(scan.isCancelled)
        }
        assertTrue("took $took", took.inWholeMilliseconds < 200)
    }

    @Test
    fun `cancelling one scan leaves the others alone`() = runBlocking {
        val wanted = scanner.scan(Fixtures.shelf).toJson("shelf")
        val scans = List(3) { async { scanner.scan(Fixtures.shelf) } }
        delay(50)
        scans[1].cancel()
        assertEquals(listOf(wanted, wanted), listOf(scans[0], scans[2]).map { it.await().toJson("shelf") })
    }
}
