package dev.shelfscan

import java.io.File
import java.io.IOException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/**
 * Opens the copy of a bundle in a folder of copies. One that was damaged on the phone is made anew from the source, unless SKUs
 * were enrolled into it: those must not be lost in silence.
 */
internal suspend fun openCopy(folder: () -> File, threads: Int, source: () -> BundleFiles): ShelfScanner {
    val store by lazy { BundleStore(folder()) }
    suspend fun installed() = withContext(Dispatchers.IO) {
        try {
            source().use { store.install(it) }
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
