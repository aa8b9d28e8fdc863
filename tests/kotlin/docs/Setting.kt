package docs

import android.app.Application
import android.content.Context
import android.graphics.Bitmap
import android.media.Image
import android.media.ImageReader
import android.view.View
import android.widget.TextView
import dev.shelfscan.CropQueue
import dev.shelfscan.ScanResult
import dev.shelfscan.ShelfScanner
import java.io.File
import java.nio.ByteBuffer
import java.util.concurrent.Executor
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job

/** What the code of the page takes for granted: an app around it. Compiled, never run. */
abstract class Setting {
    abstract val context: Context
    abstract val lifecycleScope: CoroutineScope
    abstract val scanner: ShelfScanner
    abstract val result: ScanResult
    abstract val jpeg: ByteArray
    abstract val bitmap: Bitmap
    abstract val image: Image
    abstract val reader: ImageReader
    abstract val pixels: ByteBuffer
    abstract val pictures: List<ByteArray>
    abstract val download: File
    abstract val scan: Job
    abstract val view: View
    abstract val message: TextView
    abstract val sensorRotation: Int
    abstract val analysis: ImageAnalysis
    abstract val queue: CropQueue
    abstract val token: String

    abstract fun show(result: ScanResult)

    abstract fun report(text: String)

    abstract class App : Application() {
        abstract val server: String

        abstract suspend fun scanner(): ShelfScanner

        abstract suspend fun queue(): CropQueue
    }

    companion object {
        const val OFFICE_KEY = "1b3d9e5f0c7a42680d1e2f3a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e"
    }
}

// The shape of CameraX, whose own library is not needed to compile that the page's code fits it.

interface ImageInfo {
    val rotationDegrees: Int
}

interface PlaneProxy {
    val buffer: ByteBuffer
    val rowStride: Int
    val pixelStride: Int
}

interface ImageProxy : AutoCloseable {
    val width: Int
    val height: Int
    val planes: Array<PlaneProxy>
    val imageInfo: ImageInfo
}

interface ImageAnalysis {
    fun setAnalyzer(executor: Executor, analyzer: (ImageProxy) -> Unit)

    fun clearAnalyzer()
}
