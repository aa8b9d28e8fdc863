package dev.shelfscan

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.Executors

/** A server that answers as a test says, and remembers what it was sent. */
class OfficeServer(private val answer: (HttpExchange) -> Unit) : AutoCloseable {
    class Received(val method: String, val path: String, val token: String?, val type: String?, val body: ByteArray)

    val received = CopyOnWriteArrayList<Received>()
    private val threads = Executors.newCachedThreadPool()
    private val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0).apply {
        executor = threads
        createContext("/") { exchange ->
            exchange.use {
                val headers = it.requestHeaders
                received += Received(
                    it.requestMethod,
                    it.requestURI.path,
                    headers.getFirst("Authorization"),
                    headers.getFirst("Content-Type"),
                    it.requestBody.readBytes(),
                )
                answer(it)
            }
        }
        start()
    }
    val address = "http://127.0.0.1:${server.address.port}"

    override fun close() {
        server.stop(0)
        threads.shutdownNow()
    }

    companion object {
        fun answering(status: Int, body: String = "", retryAfter: String? = null) = OfficeServer { exchange ->
            exchange.answer(status, body, retryAfter)
        }

        fun HttpExchange.answer(status: Int, body: String = "", retryAfter: String? = null) {
            retryAfter?.let { responseHeaders.add("Retry-After", it) }
            val bytes = body.toByteArray()
            sendResponseHeaders(status, if (bytes.isEmpty()) -1 else bytes.size.toLong())
            if (bytes.isNotEmpty()) responseBody.write(bytes)
        }
    }
}
