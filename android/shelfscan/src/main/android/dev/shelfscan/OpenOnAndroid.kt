package dev.shelfscan

import android.content.Context
import android.content.res.AssetManager
import java.io.File
import java.io.InputStream

/**
 * Opens a bundle that the app ships in its assets: `open(context, "bundles/drinks")` for `src/main/assets/bundles/drinks`.
 *
 * It is copied once into a folder of the app's own, as models are mapped into memory from files, and SKUs enrolled into them;
 * the folder is not part of backups. An app update with another bundle brings another copy. Earlier copies are removed, except
 * those into which SKUs were enrolled. Files are checked and the self-test runs each time.
 *
 * @param threads how many a scan may use; 0 for as many as the device has cores, at most 4.
 */
suspend fun ShelfScanner.Companion.open(context: Context, asset: String, threads: Int = 0): ShelfScanner {
    val assets = context.applicationContext.assets
    return openCopy(copiesOf(context), threads) { AssetFiles(assets, asset.trim('/')) }
}

/** Opens a bundle that the app downloaded, a folder or a `.zip` of one, from a copy of the app's own. */
suspend fun ShelfScanner.Companion.open(context: Context, bundle: File, threads: Int = 0): ShelfScanner =
    openCopy(copiesOf(context), threads) { bundleFiles(bundle) }

/** Found off the main thread: asking for it makes the folder. */
private fun copiesOf(context: Context): () -> File = { File(context.noBackupFilesDir, "shelfscan/bundles") }

private class AssetFiles(private val assets: AssetManager, private val folder: String) : BundleFiles {
    override val title: String = "assets/$folder"

    override fun names(): List<String> =
        assets.list(folder).orEmpty().filter { assets.list("$folder/$it").isNullOrEmpty() }

    override fun open(name: String): InputStream = assets.open("$folder/$name", AssetManager.ACCESS_STREAMING)
}
