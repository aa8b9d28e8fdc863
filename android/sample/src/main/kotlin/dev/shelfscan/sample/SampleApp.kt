package dev.shelfscan.sample

import android.app.Application
import dev.shelfscan.LogLevel
import dev.shelfscan.ShelfScanner
import dev.shelfscan.open
import dev.shelfscan.startLogging
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.launch

/** Keeps what outlives a turned screen: the scanner, and the shelf that is looked at. */
open class SampleApp : Application() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private var opening: Deferred<ShelfScanner>? = null

    /** The shelf on the screen; none before the first scan. For the main thread alone. */
    var shelf: Shelf? = null

    /** The scanner, opened once, when it is first asked for; asked for again after a failure, it is tried again. */
    suspend fun scanner(): ShelfScanner {
        val scanner = synchronized(this) {
            opening?.takeUnless { it.isCancelled } ?: scope.async { openScanner() }.also { opening = it }
        }
        return scanner.await()
    }

    /** Opens the bundle in `src/main/assets/bundles/drinks`, which the build copies there. */
    protected open suspend fun openScanner(): ShelfScanner {
        startLogging(LogLevel.INFO)
        return ShelfScanner.open(this, "bundles/drinks")
    }

    /** The models stay, as the person comes back to them; what makes the next scan quick is given back. */
    override fun onTrimMemory(level: Int) {
        super.onTrimMemory(level)
        val opened = opening ?: return
        if (level >= TRIM_MEMORY_UI_HIDDEN && opened.isCompleted && !opened.isCancelled) {
            scope.launch { opened.await().releaseMemory() }
        }
    }
}
