package docs

import android.content.Context
import android.graphics.Bitmap
import android.media.Image
import android.media.ImageReader
import android.view.View
import android.widget.TextView
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
    abstract val mainExecutor: Executor

    abstract fun show(result: ScanResult)

    abstract fun report(text: String)
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
