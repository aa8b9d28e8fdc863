package dev.shelfscan

import android.app.AlertDialog
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.net.ConnectivityManager
import android.net.NetworkCapabilities
import android.net.Uri
import android.os.Looper
import android.view.MotionEvent
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.EditText
import android.widget.TableLayout
import android.widget.TableRow
import android.widget.TextView
import dev.shelfscan.sample.SampleApp
import dev.shelfscan.sample.ShelfActivity
import dev.shelfscan.sample.ShelfView
import dev.shelfscan.sample.picture
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import org.robolectric.shadows.ShadowDialog
import org.robolectric.shadows.ShadowNetworkCapabilities

/** The sample app as a person uses it. */
@RunWith(RobolectricTestRunner::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(application = SampleTest.App::class, qualifiers = "w411dp-h891dp-xhdpi")
class SampleTest {
    class App : SampleApp() {
        override suspend fun openScanner(): ShelfScanner = ShelfScanner.open(Fixtures.bundle, threads = 2)
    }

    private val app: App
        get() = RuntimeEnvironment.getApplication() as App
    private val photo = Uri.parse("content://photos/shelf.jpg")

    private fun opened(): ActivityController<ShelfActivity> = Robolectric.buildActivity(ShelfActivity::class.java).setup()

    private fun ShelfActivity.scan(bytes: ByteArray) {
        shadowOf(contentResolver).registerInputStream(photo, bytes.inputStream())
        scan(photo)
    }

    /** Lets the main thread work until something is so. */
    private fun until(what: String, so: () -> Boolean) {
        val end = System.nanoTime() + 60_000_000_000
        while (!so()) {
            assertTrue("$what did not happen", System.nanoTime() < end)
            shadowOf(Looper.getMainLooper()).idle()
            Thread.sleep(5)
        }
    }

    private fun View.all(): Sequence<View> = sequence {
        yield(this@all)
        if (this@all is ViewGroup) for (index in 0 until childCount) yieldAll(getChildAt(index).all())
    }

    private inline fun <reified V : View> ShelfActivity.find(): V = window.decorView.all().filterIsInstance<V>().first()

    private fun ShelfActivity.shown(): String =
        window.decorView.all().filterIsInstance<TextView>().filter { it.isShown }.joinToString("\n") { it.text }

    private fun ShelfActivity.table(): List<Pair<String, Int>> = find<TableLayout>().let { table ->
        List(table.childCount) { table.getChildAt(it) as TableRow }.map { row ->
            val (name, count) = List(2) { (row.getChildAt(it) as TextView).text.toString() }
            name to count.toInt()
        }
    }

    private fun ShelfView.drawn(): Bitmap =
        Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888).also { draw(Canvas(it)) }

    private fun ShelfView.tap(x: Float, y: Float) = listOf(MotionEvent.ACTION_DOWN, MotionEvent.ACTION_UP).forEach { action ->
        dispatchTouchEvent(MotionEvent.obtain(0, 0, action, x, y, 0))
    }

    @Test
    fun `a photo becomes boxes and counts, and a tapped facing is corrected`() {
        val activity = opened().get()
        assertTrue(activity.shown(), "Take a photo" in activity.shown())
        activity.scan(Fixtures.rows.image().encoded("jpg"))
        until("the scan") { app.shelf != null }
        val shelf = checkNotNull(app.shelf)
        assertTrue("${shelf.result.facings.size} facings", shelf.result.facings.size > 10)
        assertTrue(activity.shown(), "${shelf.result.facings.size} facings" in activity.shown())
        assertEquals(shelf.result.facings.size, activity.table().sumOf { it.second })

        val view = activity.find<ShelfView>()
        val facing = shelf.result.facings.first { it.sku != null }
        val overlay = Overlay(shelf.result, view.width, view.height)
        val box = overlay.toView(facing.rect)
        val edge = view.drawn().getPixel(box.left.toInt(), ((box.top + box.bottom) / 2).toInt())
        val saturation = FloatArray(3).also { Color.colorToHSV(edge, it) }[1]
        assertTrue("no coloured box at $box: ${Integer.toHexString(edge)}", saturation > 0.4f)

        val before = activity.table().toMap()
        view.tap((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        val dialog = ShadowDialog.getLatestDialog() as AlertDialog
        val choices = shelf.choices(facing)
        assertEquals("the likeliest comes first", facing.candidates.first().sku, choices.first().id)
        val other = choices[1]
        shadowOf(dialog).clickOnItem(1)
        shadowOf(Looper.getMainLooper()).idle()
        assertTrue(shelf.isCorrected(facing))
        assertEquals(other.id, shelf.skuOf(facing))
        val after = activity.table().toMap()
        assertEquals((before[other.name] ?: 0) + 1, after[other.name])
        assertEquals(before.values.sum(), after.values.sum())

        view.tap((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        shadowOf(ShadowDialog.getLatestDialog() as AlertDialog).clickOnItem(choices.size)
        val asked = ShadowDialog.getLatestDialog() as AlertDialog
        asked.window!!.decorView.all().filterIsInstance<EditText>().first().setText("Lemonade")
        asked.getButton(AlertDialog.BUTTON_POSITIVE).performClick()
        shadowOf(Looper.getMainLooper()).idle()
        assertNull("a product that is not known yet", shelf.skuOf(facing))
        assertEquals("unknown", activity.table().last().first)

        view.tap((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        shadowOf(ShadowDialog.getLatestDialog() as AlertDialog).clickOnItem(choices.size + 1)
        assertEquals("no product is counted no more", before.values.sum() - 1, activity.table().sumOf { it.second })
    }

    @Test
    fun `what is unsure and what is corrected waits for the office, and is sent`() {
        val activity = opened().get()
        activity.scan(Fixtures.rows.image().encoded("jpg"))
        until("queueing") { " waiting" in activity.shown() && "For the office: 0 waiting" !in activity.shown() }
        val shelf = checkNotNull(app.shelf)
        val waiting = runBlocking { app.queue().status() }.waiting
        val view = activity.find<ShelfView>()
        val box = Overlay(shelf.result, view.width, view.height).toView(shelf.result.facings.first().rect)
        view.tap((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        shadowOf(ShadowDialog.getLatestDialog() as AlertDialog).clickOnItem(1)
        until("the correction") { "For the office: ${waiting + 1u} waiting" in activity.shown() }

        val connectivity = checkNotNull(app.getSystemService(ConnectivityManager::class.java))
        val capabilities = ShadowNetworkCapabilities.newInstance()
        shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)
        shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED)
        shadowOf(connectivity).setNetworkCapabilities(connectivity.activeNetwork, capabilities)
        OfficeServer.answering(201).use { server ->
            app.office.remember(server.address, "secret")
            activity.window.decorView.all().filterIsInstance<Button>().first { it.text == "Sync now" }.performClick()
            until("the sync") { "Just sent: ${waiting + 1u}." in activity.shown() }
            assertEquals((waiting + 1u).toInt(), server.received.size)
        }
        assertTrue(activity.shown(), "0 waiting, ${waiting + 1u} sent" in activity.shown())
    }

    @Test
    fun `a turned screen shows the same shelf`() {
        val controller = opened()
        controller.get().scan(Fixtures.few.image().encoded("jpg"))
        until("the scan") { app.shelf != null }
        val table = controller.get().table()
        controller.pause().stop().destroy()
        assertEquals(table, opened().get().table())
    }

    @Test
    fun `what is no photo is said`() {
        val activity = opened().get()
        activity.scan("no photo".toByteArray())
        until("a message") { "Scanning" !in activity.shown() && "Take a photo of" !in activity.shown() }
        assertNull(app.shelf)
    }

    @Test
    fun `leaving the screen ends the scan`() {
        val controller = opened()
        controller.get().scan(Fixtures.shelf)
        until("the scan begins") { "Scanning" in controller.get().shown() }
        controller.pause().stop().destroy()
        shadowOf(Looper.getMainLooper()).idle()
        Thread.sleep(1500)
        shadowOf(Looper.getMainLooper()).idle()
        assertNull("a scan nobody waits for was finished", app.shelf)
    }

    @Test
    fun `a large photo is drawn small and upright`() {
        val small = picture(Fixtures.shelf, most = 700)
        assertTrue("${small.width} x ${small.height}", maxOf(small.width, small.height) in 700..1400)
    }
}
