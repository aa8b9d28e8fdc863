package dev.shelfscan

import kotlin.math.abs
import kotlin.random.Random
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** Where boxes are drawn. Cases are drawn at random with a fixed seed. */
class OverlayTest {
    private class Case(random: Random) {
        val photo = Point(random.nextInt(1, 9000).toFloat(), random.nextInt(1, 9000).toFloat())
        val view = Point(random.nextInt(1, 4000).toFloat(), random.nextInt(1, 4000).toFloat())
        val scaleType = ScaleType.entries.random(random)
        val rotation = listOf(0, 90, 180, 270).random(random)
        val mirrored = random.nextBoolean()
        val overlay = Overlay(photo.x, photo.y, view.x, view.y, scaleType, rotation, mirrored)
        val corners = listOf(Point(0f, 0f), Point(photo.x, 0f), Point(0f, photo.y), photo)
        val point = Point(random.nextFloat() * photo.x, random.nextFloat() * photo.y)

        override fun toString() = "$photo in $view, $scaleType, rotated by $rotation, mirrored: $mirrored"
    }

    private fun cases(count: Int = 3000): Sequence<Case> = Random(20).let { random -> generateSequence { Case(random) }.take(count) }

    private fun near(a: Float, b: Float, size: Float) = abs(a - b) <= 1e-3f * maxOf(1f, size)

    private fun Overlay.shown(point: Point) = toView(point.x, point.y)

    @Test
    fun `a point goes to the view and back`() {
        for (case in cases()) {
            val shown = case.overlay.shown(case.point)
            val back = case.overlay.toPhoto(shown.x, shown.y)
            val size = maxOf(case.photo.x, case.photo.y)
            assertTrue("$case: ${case.point} came back as $back", near(back.x, case.point.x, size) && near(back.y, case.point.y, size))
        }
    }

    @Test
    fun `FIT shows all of the photo and FILL leaves no bar`() {
        for (case in cases()) {
            val corners = case.corners.map { case.overlay.shown(it) }
            val (left, right) = Pair(corners.minOf { it.x }, corners.maxOf { it.x })
            val (top, bottom) = Pair(corners.minOf { it.y }, corners.maxOf { it.y })
            val (w, h) = case.view
            val slack = 1e-3f * maxOf(w, h, right - left, bottom - top)
            if (case.scaleType == ScaleType.FIT) {
                assertTrue("$case: $corners", left >= -slack && top >= -slack && right <= w + slack && bottom <= h + slack)
            } else {
                assertTrue("$case: $corners", left <= slack && top <= slack && right >= w - slack && bottom >= h - slack)
            }
            val touches = abs(right - left - w) <= slack || abs(bottom - top - h) <= slack
            assertTrue("$case: one side fits: $corners", touches)
            assertTrue("$case: not centred: $corners", abs(left + right - w) <= 2 * slack && abs(top + bottom - h) <= 2 * slack)
        }
    }

    @Test
    fun `boxes stay boxes of the same shape`() {
        for (case in cases()) {
            val (x, y) = case.point
            val box = FacingBox(x * 0.2f, y * 0.3f, x, y)
            val shown = case.overlay.toView(box)
            assertTrue("$case: $shown", shown.left <= shown.right && shown.top <= shown.bottom)
            val (w, h) = Pair(box.right - box.left, box.bottom - box.top)
            val (shownW, shownH) = Pair(shown.right - shown.left, shown.bottom - shown.top)
            val (across, down) = if (case.rotation % 180 == 0) Pair(w, h) else Pair(h, w)
            val skew = abs(shownW * down - shownH * across)
            assertTrue("$case: $box shown as $shown", skew <= 2e-3f * maxOf(1f, shownW * down, shownH * across, w + h))
            val middle = case.overlay.toView((box.left + box.right) / 2, (box.top + box.bottom) / 2)
            assertTrue("$case: $middle not in $shown", near(middle.x, (shown.left + shown.right) / 2, case.view.x + shownW))
        }
    }

    @Test
    fun `corners go where a turned and mirrored picture has them`() {
        // A photo of 40 x 20 in a view that shows it at twice its size; its upper left corner is at (0, 0).
        fun corner(rotation: Int, mirrored: Boolean = false): Point {
            val (w, h) = if (rotation % 180 == 0) Pair(80f, 40f) else Pair(40f, 80f)
            return Overlay(40f, 20f, w, h, ScaleType.FIT, rotation, mirrored).toView(0f, 0f)
        }
        assertEquals(Point(0f, 0f), corner(0))
        assertEquals(Point(40f, 0f), corner(90))
        assertEquals(Point(80f, 40f), corner(180))
        assertEquals(Point(0f, 80f), corner(270))
        assertEquals(Point(80f, 0f), corner(0, mirrored = true))
        assertEquals(Point(0f, 0f), corner(90, mirrored = true))
    }

    @Test
    fun `bars and cuts are where they must be`() {
        val box = FacingBox(10f, 10f, 20f, 30f)
        // 100 x 50 into 200 x 300: scaled by 2 with bars of 100 above and below, or by 6 with 200 cut off at the sides.
        assertEquals(ViewBox(20f, 120f, 40f, 160f), Overlay(100f, 50f, 200f, 300f, ScaleType.FIT).toView(box))
        assertEquals(ViewBox(-140f, 60f, -80f, 180f), Overlay(100f, 50f, 200f, 300f, ScaleType.FILL).toView(box))
    }

    @Test
    fun `a finger finds the smallest facing under it`() {
        val result = kotlinx.coroutines.runBlocking { Fixtures.scanner.scan(Fixtures.rows.packed()) }
        val overlay = Overlay(result, 1080, 1920, ScaleType.FIT, rotation = 90)
        for (facing in result.facings) {
            val shown = overlay.toView(facing.rect)
            val found = overlay.facingAt(result.facings, (shown.left + shown.right) / 2, (shown.top + shown.bottom) / 2)
            val area = { box: FacingBox -> (box.right - box.left) * (box.bottom - box.top) }
            assertTrue("$found for $facing", found == facing || found != null && area(found.rect) <= area(facing.rect))
        }
        assertEquals(null, overlay.facingAt(result.facings, 1f, 1f))
    }

    @Test
    fun `a view without a size and a crooked turn are refused`() {
        val unlaid = assertThrows(IllegalArgumentException::class.java) { Overlay(100f, 50f, 0f, 0f) }
        assertTrue(unlaid.message.orEmpty(), "laid out" in unlaid.message.orEmpty())
        assertThrows(IllegalArgumentException::class.java) { Overlay(100f, 50f, 10f, 10f, rotation = 45) }
    }
}
