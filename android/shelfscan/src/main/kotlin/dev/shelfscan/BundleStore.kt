package dev.shelfscan

import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.io.InputStream
import java.security.MessageDigest
import java.util.zip.ZipFile

/** A bundle's files, wherever they are. */
internal interface BundleFiles : AutoCloseable {
    /** What tells this bundle from the app's others, in the name of a folder. */
    val title: String

    /** Names of all files. */
    fun names(): List<String>

    /** The bytes of a file. */
    fun open(name: String): InputStream

    override fun close() {}
}

/**
 * Copies of bundles in folders of the app's own, where they can be mapped into memory and enrolled into.
 *
 * Owns the copying, which leaves a whole copy or none, and when a copy is done with. A copy is known by the SHA-256 of the
 * manifest it was made from, which holds those of all other files: the same bundle is copied once, another one beside it.
 * Refuses to judge a bundle: opening it checks every file.
 */
internal class BundleStore(private val root: File) {
    /**
     * The folder with the copy, made if need be. Copies of earlier bundles of this title are removed, but for those into which
     * SKUs were enrolled: their pictures may be nowhere else.
     *
     * @throws ShelfscanException.Bundle when the source is no bundle.
     * @throws IOException when it can't be read or there is no room; nothing is left of it then.
     */
    fun install(bundle: BundleFiles): File = synchronized(lock) {
        val manifest = manifestOf(bundle)
        val copies = File(root, folderName(bundle.title))
        val copy = File(copies, keyOf(manifest))
        val others = copies.listFiles().orEmpty().filter { it != copy }
        others.filter { it.name.startsWith(UNFINISHED) || isUnchanged(it) }.forEach { it.deleteRecursively() }
        if (!copy.isDirectory) copy(bundle, manifest, copy)
        copy
    }

    /** Removes a copy that can't be opened, unless SKUs were enrolled into it; whether it did. */
    fun discard(copy: File): Boolean = synchronized(lock) { isUnchanged(copy) && copy.deleteRecursively() }

    private fun manifestOf(bundle: BundleFiles): ByteArray {
        if (MANIFEST !in bundle.names()) {
            throw ShelfscanException.Bundle("${bundle.title} is no bundle: it has no $MANIFEST")
        }
        return bundle.open(MANIFEST).use { it.readAtMost(MANIFEST_BYTES, MANIFEST) }
    }

    private fun copy(bundle: BundleFiles, manifest: ByteArray, copy: File) {
        val unfinished = File(copy.parentFile, UNFINISHED + copy.name)
        try {
            if (!unfinished.mkdirs()) throw IOException("$unfinished can't be made: is the storage full?")
            var left = BUNDLE_BYTES
            for (name in checked(bundle.names())) {
                val file = File(unfinished, name)
                val source = if (name == MANIFEST) manifest.inputStream() else bundle.open(name)
                FileOutputStream(file).use { out ->
                    left -= source.use { it.copyAtMost(left, out, bundle.title) }
                    out.fd.sync()
                }
            }
            if (!unfinished.renameTo(copy)) throw IOException("$unfinished can't be renamed to ${copy.name}")
        } finally {
            unfinished.deleteRecursively()
        }
    }

    private fun checked(names: List<String>): List<String> {
        if (names.size > FILES) throw ShelfscanException.Bundle("a bundle has at most $FILES files, this has ${names.size}")
        names.firstOrNull { !PLAIN_NAME.matches(it) }?.let {
            throw ShelfscanException.Bundle("a bundle's files have plain names, not `$it`")
        }
        return names
    }

    private fun isUnchanged(copy: File): Boolean {
        val manifest = File(copy, MANIFEST)
        return manifest.isFile && manifest.length() <= MANIFEST_BYTES && keyOf(manifest.readBytes()) == copy.name
    }

    companion object {
        private const val MANIFEST = "manifest.json"
        private const val UNFINISHED = "unfinished-"
        private const val FILES = 64
        private const val MANIFEST_BYTES = 8L shl 20
        private const val BUNDLE_BYTES = 1L shl 30
        private val PLAIN_NAME = Regex("[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")

        /** One for all stores: two may share a folder. */
        private val lock = Any()

        private fun keyOf(manifest: ByteArray): String = sha256(manifest).take(16)

        /** A name for any title, and another for another title. */
        private fun folderName(title: String): String =
            title.replace(Regex("[^A-Za-z0-9_-]+"), "-").takeLast(40) + "-" + sha256(title.toByteArray()).take(8)

        private fun sha256(bytes: ByteArray): String =
            MessageDigest.getInstance("SHA-256").digest(bytes).joinToString("") { "%02x".format(it) }
    }
}

/** A bundle in a folder, or as a `.zip` of one. */
internal fun bundleFiles(bundle: File): BundleFiles =
    when {
        bundle.isDirectory -> FolderFiles(bundle)
        bundle.isFile -> ZippedFiles(bundle)
        else -> throw ShelfscanException.Bundle("there is no bundle at $bundle")
    }

private class FolderFiles(private val folder: File) : BundleFiles {
    override val title: String = folder.path

    override fun names(): List<String> = folder.listFiles().orEmpty().filter { it.isFile }.map { it.name }

    override fun open(name: String): InputStream = File(folder, name).inputStream()
}

/** The files beside the archive's manifest: at its top, or in the one folder that was packed. */
private class ZippedFiles(private val file: File) : BundleFiles {
    private val zip =
        try {
            ZipFile(file)
        } catch (error: IOException) {
            throw ShelfscanException.Bundle("$file is no bundle: neither a folder nor a whole zip archive (${error.message})")
        }
    private val folder: String =
        zip.entries().asSequence().map { it.name }.filter { it == "manifest.json" || it.endsWith("/manifest.json") }
            .minByOrNull { it.length }.orEmpty().removeSuffix("manifest.json")

    override val title: String = file.path

    override fun names(): List<String> =
        zip.entries().asSequence()
            .filter { !it.isDirectory && it.name.startsWith(folder) }
            .map { it.name.removePrefix(folder) }
            .toList()

    override fun open(name: String): InputStream =
        zip.getInputStream(zip.getEntry(folder + name) ?: throw IOException("$file has no `$folder$name`"))

    override fun close() = zip.close()
}

private fun InputStream.readAtMost(most: Long, name: String): ByteArray {
    val out = java.io.ByteArrayOutputStream()
    copyAtMost(most, out, name)
    return out.toByteArray()
}

private fun InputStream.copyAtMost(most: Long, out: java.io.OutputStream, name: String): Long {
    val buffer = ByteArray(1 shl 16)
    var copied = 0L
    while (true) {
        val read = read(buffer)
        if (read < 0) return copied
        copied += read
        if (copied > most) throw ShelfscanException.Bundle("$name is no bundle: it is larger than any")
        out.write(buffer, 0, read)
    }
}
