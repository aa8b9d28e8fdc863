package dev.shelfscan

import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.InputStream
import java.net.HttpRetryException
import java.net.HttpURLConnection
import java.net.URL
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/**
 * Requests to one server, with the platform's own client.
 *
 * Owns telling an answer that came whole from one that didn't. Refuses redirects, which would carry the token to wherever
 * someone points; what an answer means is the queue's to say.
 */
internal class Http(server: String) {
    private val server = server.trimEnd('/')

    init {
        require(server.startsWith("https://") || server.startsWith("http://")) { "`$server` is no server's address: https://…" }
    }

    /** Sends, and waits for the answer. A connection whose coroutine is cancelled is broken off. */
    suspend fun send(method: String, path: String, headers: List<HttpHeader>, body: ByteArray?): HttpOutcome {
        val connection = URL(server + path).openConnection() as HttpURLConnection
        val sending = Job(currentCoroutineContext()[Job])
        sending.invokeOnCompletion { cancelled ->
            // Not in the thread that cancels: closing a connection may write to it, which a main thread must not.
            if (cancelled != null) CoroutineScope(Dispatchers.IO).launch { connection.disconnect() }
        }
        try {
            return withContext(Dispatchers.IO) {
                try {
                    exchange(connection, method, headers, body)
                } catch (error: IOException) {
                    HttpOutcome.Failed("${error::class.simpleName}: ${error.message}")
                }
            }
        } finally {
            sending.complete()
        }
    }

    private fun exchange(
        connection: HttpURLConnection,
        method: String,
        headers: List<HttpHeader>,
        body: ByteArray?,
    ): HttpOutcome {
        connection.requestMethod = method
        connection.instanceFollowRedirects = false
        connection.useCaches = false
        connection.connectTimeout = CONNECT_MILLISECONDS
        connection.readTimeout = READ_MILLISECONDS
        headers.forEach { connection.setRequestProperty(it.name, it.value) }
        if (body != null) {
            connection.doOutput = true
            connection.setFixedLengthStreamingMode(body.size)
            connection.outputStream.use { it.write(body) }
        }
        val status = try {
            connection.responseCode
        } catch (refused: HttpRetryException) {
            // "Would have to send again with other credentials": the status is what the queue wants to know.
            refused.responseCode()
        }
        if (status !in 100..599) throw IOException("the answer is not HTTP")
        val stream = if (status >= 400) connection.errorStream else connection.inputStream
        val most = if (status == 200) ANSWER_BYTES else ERROR_BYTES
        val answer = stream?.use { it.readAtMost(most) } ?: ByteArray(0)
        if (status == 200 && answer.size > most) throw IOException("the answer has more than $ANSWER_BYTES bytes")
        val promised = connection.contentLengthLong
        if (stream != null && answer.size < minOf(promised, most.toLong())) throw IOException("the answer was cut short")
        return HttpOutcome.Answered(status.toUShort(), connection.getHeaderField("Retry-After"), answer.take(most))
    }

    /** One byte more than `most`, where there are more. */
    private fun InputStream.readAtMost(most: Int): ByteArray {
        val out = ByteArrayOutputStream()
        val buffer = ByteArray(1 shl 14)
        while (out.size() <= most) {
            val read = read(buffer, 0, minOf(buffer.size, most + 1 - out.size()))
            if (read < 0) break
            out.write(buffer, 0, read)
        }
        return out.toByteArray()
    }

    private fun ByteArray.take(most: Int): ByteArray = if (size > most) copyOf(most) else this

    private companion object {
        const val CONNECT_MILLISECONDS = 15_000
        const val READ_MILLISECONDS = 60_000

        /** As much as the queue reads of new SKUs, and of anything else. */
        const val ANSWER_BYTES = 64 shl 20
        const val ERROR_BYTES = 64 shl 10
    }
}
