package dev.shelfscan

import java.nio.ByteBuffer

/**
 * A SKU on its way into the bundle, from [ShelfScanner.enrol]. Add three to eight pictures of the product from different sides
 * and in different light, look at what each is taken for, then [save].
 *
 * Pictures that were added before a call was cancelled count: none of the functions stops half-way.
 */
class Enrolment internal constructor(private val scanner: ShelfScanner, private val session: GallerySession) {
    /** Pictures added so far. */
    suspend fun count(): Int = scanner.finishing { session.count().toInt() }

    /**
     * Adds a picture from the bytes of its file (JPEG, PNG, WebP). Gives the SKUs that the bundle knows which are most like it,
     * at most three, the likest first: whether the product is enrolled already, or hard to tell from another.
     */
    suspend fun add(photo: ByteArray, subject: Subject = Subject.CONTAINER): List<Candidate> =
        addBlocking { session -> lend(photo) { session.addFile(it, subject) } }

    /** Adds a picture from the bytes of its file, from the buffer's position to its limit. */
    suspend fun add(photo: ByteBuffer, subject: Subject = Subject.CONTAINER): List<Candidate> =
        addBlocking { session -> lend(photo) { session.addFile(it, subject) } }

    /** Adds a picture from packed pixels. */
    suspend fun add(picture: PackedPixels, subject: Subject = Subject.CONTAINER): List<Candidate> =
        addBlocking { picture.addTo(it, subject) }

    /** Takes the last picture back; whether there was one. */
    suspend fun removeLast(): Boolean = scanner.finishing { session.removeLast() }

    /**
     * Enrols the SKU from the pictures added, on disk and for the scans that begin after it; waits for those in progress. Begins
     * anew without pictures. Where it fails the bundle is as it was, and the pictures are kept.
     */
    suspend fun save(): BundleInfo = scanner.finishing { session.save() }

    internal suspend fun addBlocking(add: (GallerySession) -> List<Candidate>): List<Candidate> =
        scanner.finishing { add(session) }
}

internal fun PackedPixels.addTo(session: GallerySession, subject: Subject): List<Candidate> =
    lend(pixels) { session.addPixels(it, layout(), subject) }
