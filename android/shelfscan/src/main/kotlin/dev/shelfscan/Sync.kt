package dev.shelfscan

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.withContext

/**
 * What came of a sync.
 *
 * @property sent items that the server has now.
 * @property refused items that it won't have; [CropQueue.latest] says why.
 * @property office what came of asking for new SKUs; none where it was not asked.
 * @property resumeAt where something is left to be sent later: when, Unix time in milliseconds.
 * @property held where something has to change before the rest is sent: what.
 */
data class SyncResult(
    val sent: Int,
    val refused: Int,
    val office: DownloadResult? = null,
    val resumeAt: Long? = null,
    val held: HoldReason? = null,
)

/**
 * Sends what waits, one item after the other, until nothing is left or something holds it up; then asks for new SKUs, if there
 * is a scanner to take them. A failure of the network is no error: the queue waits longer each time, and [SyncResult.resumeAt]
 * says until when. Cancelling breaks the connection off; what was being sent is sent again another time, which does no harm.
 *
 * @param server the server's address, as `https://office.example.com`.
 * @param conditions asked before each item; on Android, `syncConditions(context)`.
 */
suspend fun CropQueue.sync(
    server: String,
    conditions: () -> SyncConditions,
    scanner: ShelfScanner? = null,
): SyncResult {
    val http = Http(server)
    var result = SyncResult(sent = 0, refused = 0)
    while (true) {
        val upload = when (val next = withContext(Dispatchers.IO) { queue.nextUpload(now(), conditions()) }) {
            is NextUpload.Ready -> next.request
            is NextUpload.Wait -> return result.copy(resumeAt = next.until.toLong())
            is NextUpload.Held -> return result.copy(held = next.reason)
            NextUpload.Nothing -> break
        }
        val item = upload(http, upload)
        result = when (item.state) {
            is ItemState.Sent -> result.copy(sent = result.sent + 1)
            is ItemState.Refused -> result.copy(refused = result.refused + 1)
            else -> result
        }
    }
    return if (scanner == null) result else result.copy(office = askForSkus(http, conditions(), scanner))
}

private suspend fun CropQueue.upload(http: Http, request: UploadRequest): QueuedItem {
    val outcome = try {
        http.send(request.method, request.path, request.headers, request.body)
    } catch (cancelled: CancellationException) {
        withContext(NonCancellable + Dispatchers.IO) { queue.report(request.id, HttpOutcome.Aborted, now()) }
        throw cancelled
    }
    return withContext(NonCancellable + Dispatchers.IO) { queue.report(request.id, outcome, now()) }
}

private suspend fun CropQueue.askForSkus(http: Http, conditions: SyncConditions, scanner: ShelfScanner): DownloadResult? {
    val next = scanner.finishing { queue.nextDownload(it, now(), conditions) }
    val request = (next as? NextDownload.Ready)?.request ?: return null
    val outcome = try {
        http.send(request.method, request.path, request.headers, body = null)
    } catch (cancelled: CancellationException) {
        scanner.finishing { queue.reportDownload(it, HttpOutcome.Aborted, now()) }
        throw cancelled
    }
    return scanner.finishing { queue.reportDownload(it, outcome, now()) }
}
