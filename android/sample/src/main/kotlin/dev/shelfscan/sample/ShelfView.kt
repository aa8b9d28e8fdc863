package dev.shelfscan.sample

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.RectF
import android.view.MotionEvent
import android.view.View
import dev.shelfscan.Facing
import dev.shelfscan.Overlay
import dev.shelfscan.ScaleType

/** Draws the shelf with a box around each facing, in its SKU's colour, and says which facing was tapped. */
class ShelfView(context: Context) : View(context) {
    /** What is drawn. After a correction, `invalidate()`. */
    var shelf: Shelf? = null
        set(value) {
            field = value
            contentDescription = value?.let { "${it.facings.size} facings" }
            invalidate()
        }

    /** Called with the facing under the finger. */
    var onFacing: (Facing) -> Unit = {}

    private val density = resources.displayMetrics.density
    private val box = Paint(Paint.ANTI_ALIAS_FLAG).apply { style = Paint.Style.STROKE }
    private val label = Paint(Paint.ANTI_ALIAS_FLAG).apply { textSize = 11 * density }
    private val behind = Paint()
    private var down: Pair<Float, Float>? = null

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        val (shelf, overlay) = Pair(shelf ?: return, overlay() ?: return)
        val (left, top) = overlay.toView(0f, 0f)
        val (right, bottom) = overlay.toView(shelf.result.width.toFloat(), shelf.result.height.toFloat())
        canvas.drawBitmap(shelf.picture, null, RectF(left, top, right, bottom), null)
        for (facing in shelf.facings) {
            val (boxLeft, boxTop, boxRight, boxBottom) = overlay.toView(facing.rect)
            box.color = colourOf(shelf.skuOf(facing))
            box.strokeWidth = (if (shelf.isCorrected(facing)) 3f else 1.5f) * density
            canvas.drawRect(boxLeft, boxTop, boxRight, boxBottom, box)
            canvas.save()
            canvas.clipRect(boxLeft, boxTop, boxRight, boxBottom)
            behind.color = box.color
            canvas.drawRect(boxLeft, boxTop, boxRight, boxTop + 14 * density, behind)
            label.color = if (Color.luminance(box.color) > 0.4f) Color.BLACK else Color.WHITE
            canvas.drawText(shelf.nameOf(shelf.skuOf(facing)), boxLeft + 2 * density, boxTop + 11 * density, label)
            canvas.restore()
        }
    }

    override fun onTouchEvent(event: MotionEvent): Boolean {
        if (event.action == MotionEvent.ACTION_DOWN) down = Pair(event.x, event.y)
        return if (event.action == MotionEvent.ACTION_UP) performClick() else true
    }

    override fun performClick(): Boolean {
        super.performClick()
        val (x, y) = down ?: return false
        down = null
        val facing = overlay()?.facingAt(shelf?.facings.orEmpty(), x, y) ?: return false
        onFacing(facing)
        return true
    }

    /** None before the view is laid out. */
    private fun overlay(): Overlay? =
        shelf?.result?.takeIf { width > 0 && height > 0 }?.let { Overlay(it, width, height, ScaleType.FIT) }

    /** The same colour for a SKU in every photo, far apart for most. */
    private fun colourOf(sku: String?): Int =
        if (sku == null) Color.LTGRAY else Color.HSVToColor(floatArrayOf(hueOf(sku), 0.9f, 0.85f))

    private fun hueOf(sku: String): Float = Math.floorMod(sku.hashCode() * 47, 360).toFloat()
}
