package dev.shelfscan

import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.random.Random
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** A camera that is faster than the scans: its frames are dropped, and each is closed once. */
class LiveScanTest {
    private class CountedFrame(private val pixels: Picture) : Frame {
        val closed = AtomicInteger()
        override val picture: Picture
            get() = pixels.also { check(closed.get() == 0) { "the frame was closed before it was looked at" } }

        override fun close() {
            closed.incrementAndGet()
        }
    }

    /** Offers a frame every few milliseconds from a thread of its own. */
    private class Camera(private val picture: Picture, private val pause: Long = 2) : FrameSource {
        val frames = CopyOnWriteArrayList<CountedFrame>()
        val stopped = AtomicBoolean()

        override fun start(offer: (Frame) -> Unit): AutoCloseable {
            val running = thread {
                while (!stopped.get()) {
                    offer(CountedFrame(picture).also { frames += it })
                    Thread.sleep(pause)
                }
            }
            return AutoCloseable {
                stopped.set(true)
                running.join()
                // As a camera may: a last frame after it was told to stop.
                offer(CountedFrame(picture).also { frames += it })
            }
        }

        fun assertEachClosedOnce() {
            assertTrue("the camera runs on", stopped.get())
            val counts = frames.groupingBy { it.closed.get() }.eachCount()
            assertEquals("times closed, to frames", mapOf(1 to frames.size), counts)
        }
    }

    private val scanner = Fixtures.scanner
    private val small = Fixtures.few.packed()
    private val options = ScanOptions(closerLooks = false)

    @Test
    fun `frames are dropped under load and all are closed once`() = runBlocking {
        val camera = Camera(small)
        val results = scanner.scanFrames(camera, options).take(6).toList()
        assertEquals(6, results.size)
        assertTrue(results.all { it.result.facings.isNotEmpty() })
        assertTrue("nothing was dropped of ${camera.frames.size}", results.drop(1).sumOf { it.dropped } > 5)
        assertTrue("more was counted than there was", results.sumOf { it.dropped } + 6 <= camera.frames.size)
        camera.assertEachClosedOnce()
    }

    @Test
    fun `the latest frame wins`() = runBlocking {
        val (first, passed, latest) = listOf(CountedFrame(small), CountedFrame(small), CountedFrame(Fixtures.rows.packed()))
        val source = FrameSource { offer ->
            offer(first)
            offer(passed)
            offer(latest)
            AutoCloseable {}
        }
        val result = scanner.scanFrames(source, options).first()
        assertEquals(Fixtures.rows.width.toUInt(), result.result.width)
        assertEquals(2, result.dropped)
        assertEquals(listOf(1, 1, 1), listOf(first, passed, latest).map { it.closed.get() })
    }

    @Test
    fun `a slow collector gets fresh frames, not old ones`() = runBlocking {
        val camera = Camera(small, pause = 5)
        val results = mutableListOf<FrameResult>()
        scanner.scanFrames(camera, options).take(3).collect {
            results += it
            delay(200)
        }
        assertTrue("$results", results.drop(1).all { it.dropped >= 10 })
        camera.assertEachClosedOnce()
    }

    @Test
    fun `cancelling in the middle of a scan closes what is out`() = runBlocking {
        val camera = Camera(Fixtures.rows.packed(), pause = 20)
        val live = launch(Dispatchers.Default) { scanner.scanFrames(camera).collect {} }
        withTimeout(30_000) { while (camera.frames.size < 10) delay(5) }
        live.cancelAndJoin()
        camera.assertEachClosedOnce()
    }

    @Test
    fun `a collector that fails stops the camera`() {
        val camera = Camera(small)
        val failure = assertThrows(IllegalStateException::class.java) {
            runBlocking { scanner.scanFrames(camera, options).collect { error("the view is gone") } }
        }
        assertEquals("the view is gone", failure.message)
        camera.assertEachClosedOnce()
    }

    @Test
    fun `a frame that can't be scanned ends the flow with its error`() {
        val camera = Camera(PackedPixels(direct(ByteArray(60)), 4, 4, 16, PixelFormat.RGBA))
        assertThrows(ShelfscanException.Photo::class.java) { runBlocking { scanner.scanFrames(camera, options).collect {} } }
        camera.assertEachClosedOnce()
    }

    @Test
    fun `a camera that does not start keeps no frame`() {
        val frame = CountedFrame(small)
        val source = FrameSource { offer ->
            offer(frame)
            error("the camera is in use")
        }
        assertThrows(IllegalStateException::class.java) { runBlocking { scanner.scanFrames(source, options).collect {} } }
        assertEquals(1, frame.closed.get())
    }

    @Test
    fun `a closed scanner ends the flow and closes the frames`() = runBlocking {
        withBundle { bundle ->
            val own = ShelfScanner.open(bundle, threads = 1)
            val camera = Camera(small)
            assertThrows(ShelfscanException.Closed::class.java) {
                runBlocking { own.scanFrames(camera, options).collect { own.close() } }
            }
            camera.assertEachClosedOnce()
            own.closeAndWait()
        }
    }

    @Test
    fun `the camera is started for each collection and stopped after it`() = runBlocking {
        val starts = AtomicInteger()
        val running = AtomicBoolean()
        val source = FrameSource { offer ->
            starts.incrementAndGet()
            assertFalse("started twice", running.getAndSet(true))
            offer(CountedFrame(small))
            AutoCloseable { running.set(false) }
        }
        val frames = scanner.scanFrames(source, options)
        assertEquals(0, starts.get())
        repeat(2) { frames.first() }
        assertEquals(2, starts.get())
        assertFalse(running.get())
    }

    @Test
    fun `frames from many threads are closed once, whenever the collector goes`() = runBlocking {
        val random = Random(7)
        var offered = 0
        val tiny = PackedPixels(direct(ByteArray(64 * 64 * 3) { 90 }), 64, 64, 64 * 3, PixelFormat.RGB)
        repeat(40) {
            val frames = CopyOnWriteArrayList<CountedFrame>()
            val stop = AtomicBoolean()
            val threads = CopyOnWriteArrayList<Thread>()
            val source = FrameSource { offer ->
                threads += List(3) {
                    thread {
                        // Goes on for a while after the stop.
                        var left = 20
                        while (left > 0) {
                            if (stop.get()) left--
                            offer(CountedFrame(tiny).also { frames += it })
                            Thread.yield()
                            if (frames.size > 20_000) break
                        }
                    }
                }
                AutoCloseable {
                    stop.set(true)
                    if (it % 2 == 0) threads.forEach(Thread::join)
                }
            }
            val live = launch(Dispatchers.Default) { scanner.scanFrames(source, options).collect {} }
            delay(random.nextLong(1, 40))
            live.cancelAndJoin()
            stop.set(true)
            threads.forEach(Thread::join)
            offered += frames.size
            assertEquals("times closed", emptyList<Int>(), frames.map { it.closed.get() }.filter { it != 1 })
        }
        assertTrue("$offered frames in all", offered > 1000)
    }
}
