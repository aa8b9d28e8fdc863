package dev.shelfscan.sample

import android.app.Activity
import android.app.AlertDialog
import android.content.ActivityNotFoundException
import android.content.Intent
import android.graphics.Color
import android.net.Uri
import android.os.Bundle
import android.provider.MediaStore
import android.view.Gravity
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.Button
import android.widget.EditText
import android.widget.LinearLayout
import android.widget.ScrollView
import android.widget.TableLayout
import android.widget.TableRow
import android.widget.TextView
import dev.shelfscan.Correction
import dev.shelfscan.Facing
import dev.shelfscan.ShelfscanException
import java.io.IOException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.async
import kotlinx.coroutines.cancel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/**
 * Photo of a shelf in, counts out: take or choose one, see each facing with its SKU's name, tap one that is wrong and say what it
 * is, read the counts, and see what waits for the office. A long press on "Sync now" asks for the office's server. Views are made
 * in code so that all there is to see stands here.
 */
class ShelfActivity : Activity() {
    private val scope = MainScope()
    private val app: SampleApp
        get() = application as SampleApp
    private var scan: Job? = null

    private lateinit var shelfView: ShelfView
    private lateinit var status: TextView
    private lateinit var counts: TableLayout
    private lateinit var queueState: TextView
    private lateinit var cancel: Button

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(views())
        show()
        scope.launch { showQueue() }
    }

    /** The scan in progress ends with the screen: native work too. */
    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    private fun views(): View {
        shelfView = ShelfView(this).apply { onFacing = ::ask }
        status = TextView(this).apply { setPadding(dp(12), dp(8), dp(12), dp(8)) }
        counts = TableLayout(this).apply {
            setColumnStretchable(0, true)
            setPadding(dp(12), 0, dp(12), dp(12))
        }
        queueState = TextView(this).apply { setPadding(dp(12), dp(4), dp(12), dp(4)) }
        cancel = button("Cancel") { scan?.cancel() }
        val buttons = LinearLayout(this).apply {
            gravity = Gravity.CENTER_HORIZONTAL
            addView(button("Take a photo", ::takePhoto))
            addView(button("Choose one", ::choosePhoto))
            addView(button("Sync now", ::syncNow).apply { setOnLongClickListener { askForOffice().let { true } } })
            addView(cancel)
        }
        return LinearLayout(this).apply {
            orientation = LinearLayout.VERTICAL
            fitsSystemWindows = true
            addView(shelfView, LinearLayout.LayoutParams(MATCH_PARENT, 0, 3f))
            addView(status, LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT))
            val table = ScrollView(context).apply { addView(counts) }
            addView(table, LinearLayout.LayoutParams(MATCH_PARENT, 0, 2f))
            addView(queueState, LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT))
            addView(buttons, LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT))
        }
    }

    private fun takePhoto() {
        val intent = Intent(MediaStore.ACTION_IMAGE_CAPTURE)
            .putExtra(MediaStore.EXTRA_OUTPUT, CameraPhoto.uri(this))
            .addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION or Intent.FLAG_GRANT_WRITE_URI_PERMISSION)
        ask(intent, CAMERA)
    }

    private fun choosePhoto() =
        ask(Intent(Intent.ACTION_GET_CONTENT).setType("image/*").addCategory(Intent.CATEGORY_OPENABLE), GALLERY)

    @Suppress("DEPRECATION") // androidx.activity has what replaces it; this sample does without.
    private fun ask(intent: Intent, request: Int) =
        try {
            startActivityForResult(intent, request)
        } catch (_: ActivityNotFoundException) {
            status.text = "This device has no app for that."
        }

    @Deprecated("As startActivityForResult")
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        if (result != RESULT_OK) return
        (if (request == CAMERA) CameraPhoto.uri(this) else data?.data)?.let(::scan)
    }

    /** Scans a photo; one that is still being scanned is given up. */
    fun scan(photo: Uri) {
        scan?.cancel()
        scan = scope.launch {
            status.text = "Scanning…"
            cancel.visibility = View.VISIBLE
            try {
                val shelf = shelfOf(photo)
                app.shelf = shelf
                show()
                app.queue().offer(app.scanner(), shelf.photo, shelf.result)
                queued()
            } catch (error: ShelfscanException) {
                status.text = error.message
            } catch (error: IOException) {
                status.text = error.message
            } finally {
                cancel.visibility = View.GONE
                if (status.text == "Scanning…") show()
            }
        }
    }

    private suspend fun shelfOf(photo: Uri): Shelf = coroutineScope {
        val bytes = withContext(Dispatchers.IO) { contentResolver.photo(photo) }
        val picture = async(Dispatchers.Default) { picture(bytes) }
        val scanner = app.scanner()
        Shelf(bytes, picture.await(), scanner.scan(bytes), scanner.skus())
    }

    private fun show() {
        val shelf = app.shelf
        cancel.visibility = View.GONE
        shelfView.shelf = shelf
        counts.removeAllViews()
        if (shelf == null) {
            status.text = "Take a photo of a shelf, straight on."
            return
        }
        val seconds = "%.1f s".format(shelf.result.timings.total / 1000)
        val advice = shelf.result.quality.findings.map { it.advice }
        val facings = "${shelf.facings.size} facings in $seconds. Tap one to correct it."
        status.text = (listOf(facings) + advice).joinToString("\n")
        shelf.counts().forEach { (name, count) -> counts.addView(row(name, count)) }
    }

    /** Asks what a facing is. */
    private fun ask(facing: Facing) {
        val shelf = app.shelf ?: return
        val choices = shelf.choices(facing)
        val names = choices.map { it.name } + "another product…" + "no product"
        AlertDialog.Builder(this)
            .setTitle("Which product is it? Now: ${shelf.nameOf(shelf.skuOf(facing))}")
            .setItems(names.toTypedArray()) { _, chosen ->
                when (chosen) {
                    choices.size -> askForName(shelf, facing)
                    choices.size + 1 -> correct(shelf, facing, Correction.NotAProduct)
                    else -> correct(shelf, facing, Correction.Sku(choices[chosen].id))
                }
            }
            .setNegativeButton(android.R.string.cancel, null)
            .show()
    }

    private fun askForName(shelf: Shelf, facing: Facing) {
        val name = EditText(this).apply { hint = "Its name" }
        AlertDialog.Builder(this)
            .setTitle("A product that is not known yet")
            .setView(name)
            .setPositiveButton(android.R.string.ok) { _, _ ->
                val said = name.text.trim().toString().ifEmpty { return@setPositiveButton }
                correct(shelf, facing, Correction.NewSku(said, facing.container, null))
            }
            .setNegativeButton(android.R.string.cancel, null)
            .show()
    }

    /** Counts what the person says, and has the office learn it. */
    private fun correct(shelf: Shelf, facing: Facing, correction: Correction) {
        when (correction) {
            is Correction.Sku -> shelf.correct(facing, correction.id)
            is Correction.NewSku -> shelf.correct(facing, null)
            is Correction.NotAProduct -> shelf.remove(facing)
        }
        show()
        scope.launch {
            val intake = attempt { app.queue().correct(app.scanner(), shelf.photo, facing, correction) } ?: return@launch
            queued()
            if (intake.full > 0u) queueState.text = "The queue is full: this correction is not kept for the office."
        }
    }

    private fun syncNow() {
        if (app.office.server.isEmpty()) return askForOffice()
        scope.launch {
            queueState.text = "Syncing…"
            val result = attempt { app.sync() } ?: return@launch
            val held = result.held?.let { " Held: ${it.name.lowercase().replace('_', ' ')}." }.orEmpty()
            showQueue(" Just sent: ${result.sent}.$held")
        }
    }

    /** After something was queued. */
    private suspend fun queued() {
        showQueue()
        app.scheduleSync()
    }

    private suspend fun showQueue(besides: String = "") {
        val state = attempt { app.queue().status() } ?: return
        val error = state.lastError?.let { " Last error: $it." }.orEmpty()
        queueState.text = "For the office: ${state.waiting} waiting, ${state.sent} sent, ${state.refused} refused.$besides$error"
    }

    /** What it gives, or none where it fails, which is said. */
    private suspend fun <T : Any> attempt(call: suspend () -> T): T? =
        try {
            call()
        } catch (error: ShelfscanException) {
            queueState.text = error.message
            null
        } catch (error: IllegalArgumentException) {
            queueState.text = error.message
            null
        }

    private fun askForOffice() {
        val (server, token) = listOf("https://office.example.com" to app.office.server, "the device's token" to app.office.token)
            .map { (hint, text) -> EditText(this).apply { this.hint = hint; setText(text) } }
        val fields = LinearLayout(this).apply {
            orientation = LinearLayout.VERTICAL
            setPadding(dp(20), 0, dp(20), 0)
            addView(server)
            addView(token)
        }
        AlertDialog.Builder(this)
            .setTitle("The office's server")
            .setView(fields)
            .setPositiveButton(android.R.string.ok) { _, _ ->
                app.office.remember(server.text.toString(), token.text.toString())
                if (app.office.server.isNotEmpty()) syncNow()
            }
            .setNegativeButton(android.R.string.cancel, null)
            .show()
    }

    private fun row(name: String, count: Int) = TableRow(this).apply {
        addView(TextView(context).apply { text = name })
        addView(
            TextView(context).apply {
                text = count.toString()
                gravity = Gravity.END
                setTextColor(Color.BLACK)
            },
        )
    }

    private fun button(text: String, onClick: () -> Unit) = Button(this).apply {
        this.text = text
        setOnClickListener { onClick() }
    }

    private fun dp(size: Int): Int = (size * resources.displayMetrics.density).toInt()

    private companion object {
        const val CAMERA = 1
        const val GALLERY = 2
    }
}
