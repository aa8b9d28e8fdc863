package dev.shelfscan.sample

import android.graphics.Bitmap
import dev.shelfscan.Facing
import dev.shelfscan.ScanResult
import dev.shelfscan.Sku

/**
 * A scanned shelf, and what a person says of it.
 *
 * @property photo the photo's file.
 * @property picture the photo, upright, small enough to draw.
 * @property result what the scan says; its boxes are in pixels of the photo, not of [picture].
 * @property skus the SKUs that the bundle can name.
 */
class Shelf(val photo: ByteArray, val picture: Bitmap, val result: ScanResult, val skus: List<Sku>) {
    private val names = skus.associate { it.id to it.name }
    private val corrected = mutableMapOf<Facing, String?>()
    private val removed = mutableSetOf<Facing>()

    /** What stands on the shelf, after corrections. */
    val facings: List<Facing>
        get() = result.facings - removed

    /** The SKU's id after corrections; none where it is unknown. */
    fun skuOf(facing: Facing): String? = if (facing in corrected) corrected[facing] else facing.sku

    fun isCorrected(facing: Facing): Boolean = facing in corrected

    /** A person says which SKU this facing is; none for one that the bundle does not know. */
    fun correct(facing: Facing, sku: String?) {
        if (sku == facing.sku) corrected -= facing else corrected[facing] = sku
    }

    fun nameOf(sku: String?): String = if (sku == null) "unknown" else names[sku] ?: sku

    /** A person says that this is nothing that is sold. */
    fun remove(facing: Facing) {
        removed += facing
    }

    /** Facings of each SKU after corrections, most first, the unknown ones last. */
    fun counts(): List<Pair<String, Int>> {
        val counts = facings.groupingBy { skuOf(it) }.eachCount()
        val (unknown, named) = counts.entries.partition { it.key == null }
        val sorted = named.sortedWith(compareByDescending<Map.Entry<String?, Int>> { it.value }.thenBy { nameOf(it.key) })
        return (sorted + unknown).map { nameOf(it.key) to it.value }
    }

    /** The SKUs to choose from for a facing: what it may be first, then all others by name. */
    fun choices(facing: Facing): List<Sku> {
        val likely = facing.candidates.mapNotNull { candidate -> skus.find { it.id == candidate.sku } }
        return likely + (skus - likely.toSet()).sortedBy { it.name }
    }
}
