package dev.shelfscan.sample

import android.content.Context
import dev.shelfscan.MeteredUse
import dev.shelfscan.QueueSettings

/**
 * Where crops are sent to, as a person typed it. An app of one's own gets the token by signing in, and keeps it where other
 * secrets of it are.
 */
class Office(context: Context) {
    private val stored = context.getSharedPreferences("office", Context.MODE_PRIVATE)

    /** The server's address; empty where there is none yet. */
    val server: String
        get() = stored.getString("server", "").orEmpty()

    val token: String
        get() = stored.getString("token", "").orEmpty()

    fun remember(server: String, token: String) =
        stored.edit().putString("server", server.trim()).putString("token", token.trim()).apply()

    companion object {
        /** New SKUs are taken over from a server whose public key an app lists here. */
        val settings = QueueSettings(metered = MeteredUse.CORRECTIONS, publicKeys = emptyList())
    }
}
