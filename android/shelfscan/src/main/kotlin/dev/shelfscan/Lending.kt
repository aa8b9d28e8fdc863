package dev.shelfscan

import com.sun.jna.Memory
import java.nio.ByteBuffer

/**
 * Calls [work] with the buffer's bytes, from its position to its limit, in a direct buffer at position 0. A direct buffer's
 * bytes are not copied; others are, into memory that is freed when [work] is done.
 *
 * The native side takes a buffer's first byte for the first byte of the photo, whatever the position: hence the slice.
 */
internal fun <T> lend(bytes: ByteBuffer, work: (ByteBuffer) -> T): T {
    if (!bytes.isDirect && bytes.hasRemaining()) {
        return copied(bytes.remaining()) { direct ->
            direct.put(bytes.duplicate())
            direct.rewind()
            work(direct)
        }
    }
    try {
        // An empty slice need not be direct for the native side, but must say so.
        return work(if (bytes.isDirect) bytes.slice() else ByteBuffer.allocateDirect(0))
    } finally {
        // Native code sees an address alone: without this the collector may free the bytes during the call.
        // (Reference.reachabilityFence says it better and needs Android 9.)
        synchronized(bytes) {}
    }
}

/** Calls [work] with a copy of the bytes that native code can read. */
internal fun <T> lend(bytes: ByteArray, work: (ByteBuffer) -> T): T = lend(ByteBuffer.wrap(bytes), work)

/** Native memory that is freed at once, where that of `allocateDirect` waits for the garbage collector. */
private fun <T> copied(size: Int, work: (ByteBuffer) -> T): T =
    Memory(size.toLong()).use { memory -> work(memory.getByteBuffer(0, size.toLong())) }
