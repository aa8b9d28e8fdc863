package dev.shelfscan

import java.io.File
import java.nio.ByteBuffer
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.withContext

/**
 * The crops that a person should look at, kept on the phone until the office's server has them: what a scan was unsure of, and
 * what people corrected. An item that was accepted is on the disk, and stays there through crashes and dead batteries until the
 * server has it or says why not.
 *
 * One object for a file, kept as long as the app runs. Every function may be called from the main thread.
 */
class CropQueue internal constructor(internal val queue: ReviewQueue) : AutoCloseable {
    /** Where a damaged file was put aside when the queue was opened; none where all was well. */
    val setAside: File? = queue.setAside()?.let(::File)

    /**
     * Offers the uncertain facings of a photo that was scanned with these options. Which of them are worth keeping, and how
     * many, is for the settings; what it says of those that are not is for the curious.
     */
    suspend fun offer(
        scanner: ShelfScanner,
        photo: ByteArray,
        result: ScanResult,
        options: ScanOptions = ScanOptions(),
        capture: Capture = capturedNow(),
    ): Intake = writing(scanner) { lend(photo) { bytes -> queue.offerFile(it, bytes, result, options, capture, now()) } }

    /** Offers the uncertain facings of a picture that was scanned with these options. */
    suspend fun offer(
        scanner: ShelfScanner,
        picture: Picture,
        result: ScanResult,
        options: ScanOptions = ScanOptions(),
        capture: Capture = capturedNow(),
    ): Intake = writing(scanner) { picture.offerTo(queue, it, result, options, capture) }

    /**
     * Takes what a person says of a facing on a photo. A facing that the scan missed may be made up: its box counts. An intake
     * that counts it as `full` did not keep it, and the person should know.
     */
    suspend fun correct(
        scanner: ShelfScanner,
        photo: ByteArray,
        facing: Facing,
        correction: Correction,
        capture: Capture = capturedNow(),
    ): Intake = writing(scanner) { lend(photo) { bytes -> queue.correctFile(it, bytes, facing, correction, capture, now()) } }

    /** Takes what a person says of a facing on packed pixels. */
    suspend fun correct(
        scanner: ShelfScanner,
        picture: PackedPixels,
        facing: Facing,
        correction: Correction,
        capture: Capture = capturedNow(),
    ): Intake = writing(scanner) { open ->
        lend(picture.pixels) { queue.correctPixels(open, it, picture.layout(), facing, correction, capture, now()) }
    }

    /** Counts, and what holds the queue up. */
    suspend fun status(): QueueStatus = withContext(Dispatchers.IO) { queue.status() }

    /** The items accepted last, the latest first. Those sent or given up are remembered for the last 2,000. */
    suspend fun latest(most: Int = 100): List<QueuedItem> = withContext(Dispatchers.IO) { queue.latest(most.toUInt()) }

    /** An item's crop, a JPEG, while it waits or was refused. */
    suspend fun crop(id: String): ByteArray? = withContext(Dispatchers.IO) { queue.crop(id) }

    /** Gives up an item because a person says so. */
    suspend fun drop(id: String): QueuedItem = writing { queue.dropItem(id, now()) }

    /** Has a refused item sent again. */
    suspend fun retry(id: String): QueuedItem = writing { queue.retry(id) }

    /** The device's token for the server. It is kept in memory only: give it after each start, and anew where it was refused. */
    fun setToken(token: String?): Unit = queue.setToken(token)

    /** Closes the file once the calls in progress are done. */
    override fun close(): Unit = queue.close()

    /** Not stopped half-way: the caller is told what is on the disk. */
    private suspend fun <T> writing(write: () -> T): T = withContext(NonCancellable + Dispatchers.IO) { write() }

    private suspend fun <T> writing(scanner: ShelfScanner, write: (Scanner) -> T): T = scanner.finishing(write)

    companion object {
        /**
         * Opens the queue's file, or makes it. One that is damaged is renamed, kept, and named by [setAside]; a new one begins.
         *
         * Fails with [ShelfscanException.Queue] where another process, or another object of this one, has it open.
         */
        suspend fun open(file: File, settings: QueueSettings): CropQueue = withContext(NonCancellable + Dispatchers.IO) {
            CropQueue(linked { ReviewQueue.openOrSetAside(file.path, settings) })
        }
    }
}

/** A photo taken just now, and what the app wants to be known of it, such as the store. */
fun capturedNow(vararg tags: Pair<String, String>): Capture = Capture(now(), tags.toMap())

internal fun now(): ULong = System.currentTimeMillis().toULong()

private fun Picture.offerTo(
    queue: ReviewQueue,
    scanner: Scanner,
    result: ScanResult,
    options: ScanOptions,
    capture: Capture,
): Intake = when (this) {
    is PackedPixels -> lend(pixels) { queue.offerPixels(scanner, it, layout(), result, options, capture, now()) }
    is YuvPlanes -> {
        fun offer(y: ByteBuffer, u: ByteBuffer, v: ByteBuffer) =
            queue.offerYuv(scanner, y, u, v, layout(), result, options, capture, now())
        lend(y) { y -> lend(u) { u -> lend(v) { v -> offer(y, u, v) } } }
    }
}
