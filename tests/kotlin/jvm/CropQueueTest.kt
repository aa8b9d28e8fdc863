package dev.shelfscan

import dev.shelfscan.OfficeServer.Companion.answer
import java.io.File
import java.security.MessageDigest
import java.util.concurrent.CountDownLatch
import kotlin.time.measureTime
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** Crops on their way to a server that does what servers do. */
class CropQueueTest {
    private val scanner = Fixtures.scanner
    private val settings = QueueSettings(metered = MeteredUse.CORRECTIONS, publicKeys = emptyList())
    private val good = { SyncConditions(NetworkKind.UNMETERED, batteryLow = false) }

    /** With a queue that holds the sample's uncertain facings. */
    private fun withQueue(work: suspend CoroutineScope.(CropQueue, Int) -> Unit): Unit = runBlocking {
        withFolder { folder ->
            CropQueue.open(File(folder, "review.redb"), settings).use { queue ->
                queue.setToken("secret")
                val intake = queue.offer(scanner, Fixtures.shelf, result, capture = capturedNow("store" to "17"))
                assertTrue("$intake", intake.accepted >= 3u)
                work(queue, intake.accepted.toInt())
            }
        }
    }

    private fun sha256(bytes: ByteArray): String =
        MessageDigest.getInstance("SHA-256").digest(bytes).joinToString("") { "%02x".format(it) }

    @Test
    fun `what a scan is unsure of is kept, and sent once`() = withQueue { queue, accepted ->
        assertEquals(accepted.toULong(), queue.status().waiting)
        val again = queue.offer(scanner, Fixtures.shelf, result)
        assertEquals("$again", 0u, again.accepted)
        val shown = queue.latest(1).single()
        val crop = checkNotNull(queue.crop(shown.id))
        assertArrayEquals("a JPEG", byteArrayOf(-1, -40, -1), crop.copyOf(3))

        OfficeServer.answering(201).use { server ->
            assertEquals(SyncResult(sent = accepted, refused = 0), queue.sync(server.address + "/", good))
            assertEquals(accepted, server.received.size)
            for (item in server.received) {
                assertEquals("PUT", item.method)
                assertEquals("Bearer secret", item.token)
                assertEquals("application/vnd.shelfscan.item", item.type)
                assertTrue(item.path, item.path.endsWith("/" + sha256(item.body)))
                assertTrue("the app's tags travel", "\"store\":\"17\"" in item.body.decodeToString())
            }
            assertEquals(SyncResult(sent = 0, refused = 0), queue.sync(server.address, good))
            assertEquals("sent twice", accepted, server.received.size)
        }
        val status = queue.status()
        assertEquals(Pair(0uL, accepted.toULong()), Pair(status.waiting, status.sent))
        assertNull(queue.crop(shown.id))
    }

    @Test
    fun `what the server won't have is kept with its reason, and may be tried again or dropped`() = withQueue { queue, accepted ->
        val reason = "{\"error\": {\"code\": \"bad_item\", \"message\": \"no such store\"}}"
        OfficeServer.answering(422, reason).use { server ->
            assertEquals(SyncResult(sent = 0, refused = accepted), queue.sync(server.address, good))
        }
        val (first, second) = queue.latest()
        val state = first.state as ItemState.Refused
        assertTrue("$state", state.status.toInt() == 422 && "no such store" in state.message)
        assertTrue(queue.retry(first.id).state is ItemState.Waiting)
        assertTrue(queue.drop(second.id).state is ItemState.Evicted)
        OfficeServer.answering(201).use { server -> assertEquals(1, queue.sync(server.address, good).sent) }
    }

    @Test
    fun `a server that is busy or gone is asked again later`() = withQueue { queue, accepted ->
        OfficeServer.answering(503, retryAfter = "120").use { server ->
            val result = queue.sync(server.address, good)
            assertEquals("one try is enough", 1, server.received.size)
            assertTrue("$result", checkNotNull(result.resumeAt) >= System.currentTimeMillis() + 100_000)
        }
        assertNotNull(queue.status().lastError)
        assertEquals(accepted.toULong(), queue.status().waiting)
    }

    @Test
    fun `no answer, half an answer, a redirect and a hotel's page are no answers`() {
        val half: (com.sun.net.httpserver.HttpExchange) -> Unit = {
            it.sendResponseHeaders(200, 1000)
            it.responseBody.write(ByteArray(10))
            it.responseBody.flush()
        }
        val elsewhere = OfficeServer.answering(201)
        val redirect: (com.sun.net.httpserver.HttpExchange) -> Unit = {
            it.responseHeaders.add("Location", elsewhere.address)
            it.answer(307)
        }
        val hotel: (com.sun.net.httpserver.HttpExchange) -> Unit = { it.answer(200, "<html>Welcome to the hotel</html>") }
        for (answer in listOf(half, redirect, hotel)) {
            withQueue { queue, accepted ->
                OfficeServer(answer).use { server ->
                    val result = queue.sync(server.address, good)
                    assertTrue("$result", result.sent == 0 && result.refused == 0 && result.resumeAt != null)
                }
                assertEquals(accepted.toULong(), queue.status().waiting)
            }
        }
        assertEquals("the token was carried elsewhere", 0, elsewhere.received.size)
        elsewhere.close()
        withQueue { queue, _ ->
            val result = queue.sync("http://127.0.0.1:1", good)
            assertTrue("$result", result.resumeAt != null)
        }
    }

    @Test
    fun `a refused token, a costly network and a low battery hold the queue up`() = withQueue { queue, _ ->
        OfficeServer.answering(401).use { server ->
            assertEquals(HoldReason.TOKEN_REJECTED, queue.sync(server.address, good).held)
            assertTrue(queue.status().tokenRejected)
            queue.setToken("another")
            val costly = queue.sync(server.address, { SyncConditions(NetworkKind.METERED, batteryLow = false) })
            assertEquals(HoldReason.METERED, costly.held)
            val empty = queue.sync(server.address, { SyncConditions(NetworkKind.UNMETERED, batteryLow = true) })
            assertEquals(HoldReason.BATTERY_LOW, empty.held)
            assertEquals(1, server.received.size)
        }
    }

    @Test
    fun `a correction goes first, over a network that costs too`() = withQueue { queue, accepted ->
        val facing = result.facings.first { it.sku != null }
        val corrected = queue.correct(scanner, Fixtures.shelf, facing, Correction.NewSku("Lemonade", "bottle", null))
        assertEquals("$corrected", 1u, corrected.accepted)
        OfficeServer.answering(201).use { server ->
            val result = queue.sync(server.address, { SyncConditions(NetworkKind.METERED, batteryLow = false) })
            assertEquals(Pair(1, HoldReason.METERED), Pair(result.sent, result.held))
            assertTrue("Lemonade" in server.received.single().body.decodeToString())
            assertEquals(accepted.toULong(), queue.status().waiting)
        }
        assertThrows(ShelfscanException.Item::class.java) {
            runBlocking { queue.correct(scanner, Fixtures.shelf, facing, Correction.NewSku("", null, null)) }
        }
    }

    @Test
    fun `cancelling breaks the connection off, and what was being sent is sent again`() = withQueue { queue, accepted ->
        val (arrived, over) = Pair(CountDownLatch(1), CountDownLatch(1))
        OfficeServer {
            arrived.countDown()
            over.await()
        }.use { server ->
            val syncing = async(Dispatchers.Default) { queue.sync(server.address, good) }
            arrived.await()
            delay(50)
            val took = measureTime {
                syncing.cancel()
                syncing.join()
            }
            assertTrue("took $took", took.inWholeMilliseconds < 5_000)
            over.countDown()
        }
        assertEquals(0uL, queue.status().sending)
        OfficeServer.answering(201).use { server -> assertEquals(accepted, queue.sync(server.address, good).sent) }
    }

    @Test
    fun `the queue outlives its process, and a damaged file is put aside`() = runBlocking {
        withFolder { folder ->
            val file = File(folder, "review.redb")
            val accepted = CropQueue.open(file, settings).use { queue ->
                queue.offer(scanner, Fixtures.rows.packed(), scanner.scan(Fixtures.rows.packed())).accepted
            }
            assertTrue("$accepted", accepted > 0u)
            CropQueue.open(file, settings).use { queue ->
                assertEquals(accepted.toULong(), queue.status().waiting)
                assertNull(queue.setAside)
                assertThrows(ShelfscanException.Queue::class.java) { runBlocking { CropQueue.open(file, settings) } }
            }
            file.writeText("this is no queue, and longer than a header of one would be".repeat(200))
            CropQueue.open(file, settings).use { queue ->
                assertEquals(0uL, queue.status().waiting)
                assertTrue("this is no queue" in checkNotNull(queue.setAside).readText())
            }
        }
    }

    @Test
    fun `settings and addresses that can't be are refused by name`() = withQueue { queue, _ ->
        val key = settings.copy(publicKeys = listOf("no key"))
        val error = assertThrows(ShelfscanException.Item::class.java) { runBlocking { CropQueue.open(File("/nowhere/q"), key) } }
        assertTrue(error.message, "no key" in error.message.orEmpty())
        val address = assertThrows(IllegalArgumentException::class.java) { runBlocking { queue.sync("office", good) } }
        assertTrue(address.message, "office" in address.message.orEmpty())
    }

    private companion object {
        val result: ScanResult by lazy { runBlocking { Fixtures.scanner.scan(Fixtures.shelf) } }
    }
}
