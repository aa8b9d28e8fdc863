package dev.shelfscan.sample

import dev.shelfscan.CropSyncJob
import dev.shelfscan.SyncResult

/** Sends the queue when the system finds the time good. */
class SyncJob : CropSyncJob() {
    override suspend fun sync(): SyncResult = (application as SampleApp).sync()

    companion object {
        const val ID = 1
    }
}
