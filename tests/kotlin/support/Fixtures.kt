package dev.shelfscan

import java.awt.image.BufferedImage
import java.io.ByteArrayOutputStream
import java.io.File
import java.nio.ByteBuffer
import java.nio.file.Files
import javax.imageio.ImageIO
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals

/** What the tests share: the shipped bundle, photos, and the command line to compare with. */
object Fixtures {
    val root = File(property("root"))
    val bundle = File(root, "models/bundles/drinks")
    val shelfFile = File(root, "models/sample/shelf.jpg")
    val shelf: ByteArray by lazy { shelfFile.readBytes() }

    /** Two whole rows of the sample shelf. */
    val rows: Pixels by lazy { Pixels.of(ImageIO.read(shelfFile).getSubimage(200, 1000, 2650, 995)) }

    /** Some bottles, large: quick to scan. */
    val few: Pixels by lazy { Pixels.of(ImageIO.read(shelfFile).getSubimage(200, 1000, 620, 500)) }

    /** Shared by tests that do not close or change it. */
    val scanner: ShelfScanner by lazy { runBlocking { ShelfScanner.open(bundle, threads = 2) } }

    /** Real photos; the test is skipped where there are none. */
    fun realPhotos(count: Int): List<File> {
        val folder = File(property("photos"))
        val photos = folder.listFiles { file -> file.extension == "jpg" }.orEmpty().sorted().take(count)
        return photos.ifEmpty { skip("no photos at $folder") }
    }

    /** What `shelfscan scan PHOTO… --json -` writes. */
    fun commandLine(vararg photos: String, exitCode: Int = 0): String {
        val command = listOf(property("command"), "scan", *photos, "--bundle", bundle.path, "--json", "-")
        val process = ProcessBuilder(command).directory(root).redirectError(ProcessBuilder.Redirect.DISCARD).start()
        val json = process.inputStream.use { it.readBytes() }.decodeToString()
        assertEquals("exit code of $command", exitCode, process.waitFor())
        return json
    }

    fun property(name: String): String = checkNotNull(System.getProperty("shelfscan.$name")) { "-Dshelfscan.$name is not set" }
}

/** A folder that is gone afterwards. */
inline fun <T> withFolder(work: (File) -> T): T {
    val folder = Files.createTempDirectory("shelfscan").toFile()
    try {
        return work(folder)
    } finally {
        folder.deleteRecursively()
    }
}

/** With a copy of the shipped bundle that may be changed. */
inline fun <T> withBundle(work: (File) -> T): T = withFolder { folder ->
    Fixtures.bundle.copyRecursively(File(folder, "drinks"))
    work(File(folder, "drinks"))
}

/** Upright red, green and blue, row by row. */
class Pixels(val rgb: ByteArray, val width: Int, val height: Int) {
    fun at(x: Int, y: Int): Int = (y * width + x) * 3

    /** Stored as `from` says: which upright pixel is at a place of the stored picture. */
    fun stored(width: Int, height: Int, from: (x: Int, y: Int) -> Pair<Int, Int>): Pixels {
        val stored = Pixels(ByteArray(width * height * 3), width, height)
        for (y in 0 until height) {
            for (x in 0 until width) {
                val (fromX, fromY) = from(x, y)
                System.arraycopy(rgb, at(fromX, fromY), stored.rgb, stored.at(x, y), 3)
            }
        }
        return stored
    }

    fun packed(orientation: Orientation = Orientation.UPRIGHT): PackedPixels =
        PackedPixels(direct(rgb), width, height, width * 3, PixelFormat.RGB, orientation)

    fun image(): BufferedImage {
        val image = BufferedImage(width, height, BufferedImage.TYPE_INT_RGB)
        for (y in 0 until height) {
            for (x in 0 until width) {
                val (red, green, blue) = rgb.copyOfRange(at(x, y), at(x, y) + 3).map { it.toInt() and 0xff }
                image.setRGB(x, y, (red shl 16) or (green shl 8) or blue)
            }
        }
        return image
    }

    companion object {
        fun of(image: BufferedImage): Pixels {
            val pixels = Pixels(ByteArray(image.width * image.height * 3), image.width, image.height)
            val line = IntArray(image.width)
            for (y in 0 until image.height) {
                image.getRGB(0, y, image.width, 1, line, 0, image.width)
                line.forEachIndexed { x, rgb ->
                    val start = pixels.at(x, y)
                    pixels.rgb[start] = (rgb shr 16).toByte()
                    pixels.rgb[start + 1] = (rgb shr 8).toByte()
                    pixels.rgb[start + 2] = rgb.toByte()
                }
            }
            return pixels
        }
    }
}

fun BufferedImage.encoded(format: String): ByteArray =
    ByteArrayOutputStream().also { check(ImageIO.write(this, format, it)) { "no writer for $format" } }.toByteArray()

fun direct(bytes: ByteArray): ByteBuffer = ByteBuffer.allocateDirect(bytes.size).put(bytes).apply { rewind() }
