package dev.shelfscan

import java.io.File
import java.nio.ByteBuffer
import java.util.concurrent.atomic.AtomicBoolean
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/**
 * A bundle of models at work: photos in, facings and counts per SKU out.
 *
 * Opening takes a second and some memory, so keep one for as long as the app scans and share it: any number of coroutines may
 * scan at once. Every function may be called from the main thread; the work is done elsewhere. Cancelling the coroutine stops
 * the scan after the model run it is in.
 *
 * Functions fail with a [ShelfscanException] whose message says what is wrong and what to do.
 */
class ShelfScanner internal constructor(private val scanner: Scanner) : AutoCloseable {
    private val closed = AtomicBoolean()
    private val freed = Job()

    /**
     * Scans the bytes of a photo file (JPEG, PNG, WebP), following its EXIF orientation. They are copied once, for Java may move
     * an array; a direct [ByteBuffer] is not copied.
     */
    suspend fun scan(photo: ByteArray, options: ScanOptions = ScanOptions()): ScanResult =
        scanning { scanner, cancellation -> lend(photo) { scanner.scanFile(it, options, cancellation) } }

    /**
     * Scans the bytes of a photo file (JPEG, PNG, WebP) from the buffer's position to its limit, which stay as they are. The
     * bytes must not change until the call returns. A direct buffer is not copied.
     */
    suspend fun scan(photo: ByteBuffer, options: ScanOptions = ScanOptions()): ScanResult =
        scanning { scanner, cancellation -> lend(photo) { scanner.scanFile(it, options, cancellation) } }

    /** Scans pixels, which must not change until the call returns. Direct buffers are not copied. */
    suspend fun scan(picture: Picture, options: ScanOptions = ScanOptions()): ScanResult =
        scanning { scanner, cancellation -> picture.scan(scanner, options, cancellation) }

    /** What identifies the bundle. */
    suspend fun bundle(): BundleInfo = withContext(Dispatchers.IO) { open().bundle() }

    /** The SKUs that the bundle can name, by id. */
    suspend fun skus(): List<Sku> = withContext(Dispatchers.IO) { open().skus() }

    /** Begins to enrol a SKU from photos of it, or to add photos to a known one. Nothing changes before [Enrolment.save]. */
    fun enrol(sku: Sku): Enrolment = Enrolment(this, GallerySession(open(), sku))

    /** Takes a SKU out of the bundle, on disk too, once the scans in progress are done. Not cancelled half-way. */
    suspend fun removeSku(id: String): BundleInfo = finishing { it.removeSku(id) }

    /**
     * Gives back what is kept between photos to be quick: decoded pixels and scratch, not the models. For
     * `ComponentCallbacks2.onTrimMemory`.
     */
    suspend fun releaseMemory(): Unit = withContext(Dispatchers.IO) { open().releaseMemory() }

    /**
     * Ends the scanner's life. Returns at once, whatever the thread: calls from now on fail with [ShelfscanException.Closed],
     * scans in progress come to their end, and then the models are freed. Closing again does nothing.
     */
    override fun close() {
        if (closed.compareAndSet(false, true)) {
            // The empty object that is left is the garbage collector's: a call in flight may still hold it.
            CoroutineScope(Dispatchers.IO).launch { scanner.shutDown() }.invokeOnCompletion { freed.complete() }
        }
    }

    /** Closes, and waits until the scans in progress are done and the models are freed. */
    suspend fun closeAndWait() {
        close()
        freed.join()
    }

    /** Runs a scan that ends early, with its borrowed bytes given back, when the coroutine is cancelled. */
    internal suspend fun <T> scanning(scan: (Scanner, Cancellation) -> T): T {
        val scanner = open()
        return CallingOff(currentCoroutineContext()[Job]).use { callingOff ->
            try {
                withContext(Dispatchers.Default) { scan(scanner, callingOff.cancellation) }
            } catch (cancelled: ShelfscanException.Cancelled) {
                currentCoroutineContext().ensureActive()
                throw cancelled
            }
        }
    }

    /** Runs what must not be left half-way, or without the caller knowing how it ended. */
    internal suspend fun <T> finishing(work: (Scanner) -> T): T {
        val scanner = open()
        return withContext(NonCancellable + Dispatchers.IO) { work(scanner) }
    }

    private fun open(): Scanner = if (closed.get()) throw ShelfscanException.Closed(CLOSED) else scanner

    companion object {
        private const val CLOSED = "the scanner was closed; open the bundle again to go on"

        /**
         * Opens the bundle in a folder: checks every file and runs the self-test.
         *
         * The folder is used where it is, and enrolling changes it. On Android, `ShelfScanner.open(context, …)` brings a bundle
         * from the app's assets or from a download into a folder of the app's own first.
         *
         * @param threads how many a scan may use; 0 for as many as the device has cores, at most 4.
         */
        suspend fun open(folder: File, threads: Int = 0): ShelfScanner {
            require(threads >= 0) { "threads must be 0 or more, not $threads" }
            var opened: ShelfScanner? = null
            try {
                return withContext(Dispatchers.IO) {
                    ShelfScanner(linked { Scanner.open(folder.path, threads.toUInt()) }).also { opened = it }
                }
            } catch (cancelled: CancellationException) {
                opened?.close()
                throw cancelled
            }
        }
    }
}

/** Calls a scan off when its coroutine is cancelled: in the very thread that cancels, however busy the others are. */
private class CallingOff(job: Job?) : AutoCloseable {
    val cancellation = Cancellation()
    private val child = Job(job)
    private var over = false

    init {
        child.invokeOnCompletion { callOff() }
    }

    @Synchronized
    private fun callOff() {
        if (!over) cancellation.cancel()
    }

    override fun close() {
        synchronized(this) {
            over = true
            cancellation.close()
        }
        child.complete()
    }
}

/** An app without the native library is a fault that its developer can mend: not a `NoClassDefFoundError` that names none. */
internal fun <T> linked(call: () -> T): T =
    try {
        call()
    } catch (error: LinkageError) {
        val device = "${System.getProperty("os.name")} on ${System.getProperty("os.arch")}"
        val reason = generateSequence<Throwable>(error) { it.cause }.last().message
        throw ShelfscanException.Runtime(
            "the library shelfscan_ffi can't be loaded on $device: is it packaged for this ABI? ($reason)",
        )
    }
