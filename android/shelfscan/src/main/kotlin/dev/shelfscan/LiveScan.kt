package dev.shelfscan

import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/**
 * One picture of a camera. Whoever has it must close it, or the camera stops once all its buffers are out: [scanFrames] closes
 * every frame it was handed, once.
 */
interface Frame : AutoCloseable {
    /** The frame's pixels, valid until it is closed. */
    val picture: Picture
}

/** A camera, as far as [scanFrames] is concerned. */
fun interface FrameSource {
    /**
     * Starts the camera. Each picture is handed to `offer`, from any thread; it never blocks, and the frame is no longer the
     * caller's. Returns what stops the camera; frames offered after that are closed unseen.
     */
    fun start(offer: (Frame) -> Unit): AutoCloseable
}

/**
 * What one frame showed.
 *
 * @property result the scan.
 * @property dropped frames passed over since the result before, as later ones came while it was made.
 */
data class FrameResult(val result: ScanResult, val dropped: Int)

/**
 * Scans what a camera sees. The camera runs while the flow is collected; the flow ends when its collector does.
 *
 * One frame is scanned at a time, and while it is, and while the collector is busy, only the latest waits: others are dropped,
 * so that results are as fresh as the device allows. Every frame is closed once, scanned or not, whatever ends the flow. A
 * frame that can't be scanned ends it with its [ShelfscanException].
 */
fun ShelfScanner.scanFrames(source: FrameSource, options: ScanOptions = ScanOptions()): Flow<FrameResult> = flow {
    val dropped = AtomicInteger()
    // The channel gives back each frame that leaves it in another way than to the loop below: replaced, cancelled, left over.
    val waiting = Channel<Frame>(Channel.CONFLATED) { frame ->
        dropped.incrementAndGet()
        frame.close()
    }
    try {
        val camera = source.start { frame ->
            if (waiting.trySend(frame).isFailure) frame.close()
        }
        camera.use {
            for (frame in waiting) {
                val passed = dropped.getAndSet(0)
                val result = frame.use { scan(it.picture, options) }
                emit(FrameResult(result, passed))
            }
        }
    } finally {
        waiting.cancel()
    }
}
