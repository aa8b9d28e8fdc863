package dev.shelfscan.sample

import android.app.Application
import dev.shelfscan.LogLevel
import dev.shelfscan.CropQueue
import dev.shelfscan.CropSyncJob
import dev.shelfscan.ShelfScanner
import dev.shelfscan.SyncResult
import dev.shelfscan.open
import dev.shelfscan.startLogging
import dev.shelfscan.sync
import dev.shelfscan.syncConditions
import java.io.File
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/** Keeps what outlives a turned screen: the scanner, the queue, and the shelf that is looked at. */
open class SampleApp : Application() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private val scanner = Once { openScanner() }
    private val queue = Once { CropQueue.open(File(noBackupFilesDir, "review.redb"), Office.settings) }
    private val syncing = Mutex()

    /** The shelf on the screen; none before the first scan. For the main thread alone. */
    var shelf: Shelf? = null

    val office: Office by lazy { Office(this) }

    /** The scanner, opened when it is first asked for. */
    suspend fun scanner(): ShelfScanner = scanner.get()

    /** The queue, opened when it is first asked for. */
    suspend fun queue(): CropQueue = queue.get()

    /** Sends what waits: now, or when [SyncJob] says so, but not both at a time. */
    suspend fun sync(): SyncResult = syncing.withLock {
        val queue = queue().apply { setToken(office.token.ifEmpty { null }) }
        if (office.server.isEmpty()) return SyncResult(sent = 0, refused = 0)
        queue.sync(office.server, { syncConditions(this) }, scanner())
    }

    /** Something was queued. */
    fun scheduleSync() {
        if (office.server.isNotEmpty()) CropSyncJob.schedule(this, SyncJob::class.java, SyncJob.ID, Office.settings.metered)
    }

    /** Opens the bundle in `src/main/assets/bundles/drinks`, which the build copies there. */
    protected open suspend fun openScanner(): ShelfScanner {
        startLogging(LogLevel.INFO)
        return ShelfScanner.open(this, "bundles/drinks")
    }

    /** The models stay, as the person comes back to them; what makes the next scan quick is given back. */
    override fun onTrimMemory(level: Int) {
        super.onTrimMemory(level)
        if (level >= TRIM_MEMORY_UI_HIDDEN) scope.launch { scanner.ifThere()?.releaseMemory() }
    }

    /** Opened once, in no screen's life; after a failure it is tried again. */
    private inner class Once<T : Any>(private val open: suspend () -> T) {
        private var opening: Deferred<T>? = null

        suspend fun get(): T {
            val opened = synchronized(this) {
                opening?.takeUnless { it.isCancelled } ?: scope.async { open() }.also { opening = it }
            }
            return opened.await()
        }

        suspend fun ifThere(): T? = synchronized(this) { opening }?.takeIf { it.isCompleted && !it.isCancelled }?.await()
    }
}
