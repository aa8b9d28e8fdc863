package dev.shelfscan

import java.io.IOException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/**
 * Opens the store's copy of a bundle. One that was damaged on the phone is made anew from the source, unless SKUs were enrolled
 * into it: those must not be lost in silence.
 */
internal suspend fun openCopy(store: BundleStore, threads: Int, source: () -> BundleFiles): ShelfScanner {
    suspend fun installed() = withContext(Dispatchers.IO) {
        try {
            source().use(store::install)
        } catch (error: IOException) {
            throw ShelfscanException.Bundle("the bundle can't be brought to the app's own folder: ${error.message}")
        }
    }
    val copy = installed()
    return try {
        ShelfScanner.open(copy, threads)
    } catch (damaged: ShelfscanException.Bundle) {
        if (!withContext(Dispatchers.IO) { store.discard(copy) }) throw damaged
        ShelfScanner.open(installed(), threads)
    }
}
