package dev.shelfscan

import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.content.Context
import android.content.Intent
import android.net.ConnectivityManager
import android.net.NetworkCapabilities
import android.os.BatteryManager
import android.os.PersistableBundle
import java.io.File
import java.util.concurrent.CountDownLatch
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowNetworkCapabilities

/** The background sync as the system runs it, against a server on this machine. */
@RunWith(RobolectricTestRunner::class)
class CropSyncJobTest {
    class TestJob : CropSyncJob() {
        override suspend fun sync(): SyncResult = queue.sync(server, { syncConditions(this) })
    }

    companion object {
        lateinit var queue: CropQueue
        lateinit var server: String
    }

    private val context: Context = RuntimeEnvironment.getApplication()
    private val connectivity = checkNotNull(context.getSystemService(ConnectivityManager::class.java))
    private var accepted = 0

    @Before
    fun queued() = runBlocking {
        val settings = QueueSettings(metered = MeteredUse.CORRECTIONS, publicKeys = emptyList())
        queue = CropQueue.open(File(context.noBackupFilesDir, "review.redb"), settings)
        queue.setToken("secret")
        accepted = queue.offer(Fixtures.scanner, Fixtures.shelf, Fixtures.scanner.scan(Fixtures.shelf)).accepted.toInt()
        assertTrue("$accepted", accepted > 0)
    }

    @After
    fun closed() = queue.close()

    private fun network(metered: Boolean) {
        val capabilities = ShadowNetworkCapabilities.newInstance()
        shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)
        if (!metered) shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED)
        shadowOf(connectivity).setNetworkCapabilities(connectivity.activeNetwork, capabilities)
    }

    private fun battery(percent: Int, plugged: Boolean) = @Suppress("DEPRECATION") context.sendStickyBroadcast(
        Intent(Intent.ACTION_BATTERY_CHANGED)
            .putExtra(BatteryManager.EXTRA_LEVEL, percent)
            .putExtra(BatteryManager.EXTRA_SCALE, 100)
            .putExtra(BatteryManager.EXTRA_PLUGGED, if (plugged) BatteryManager.BATTERY_PLUGGED_AC else 0),
    )

    private fun parameters() =
        JobParameters(null, null, 7, PersistableBundle.EMPTY, null, null, 0, false, false, false, null, null, null)

    private fun started() = Robolectric.buildService(TestJob::class.java).create().get().also {
        assertTrue("the work goes on in the background", it.onStartJob(parameters()))
    }

    private fun finished(job: TestJob): Boolean {
        val end = System.nanoTime() + 30_000_000_000
        while (!shadowOf(job).isJobFinished) {
            assertTrue("the job did not finish", System.nanoTime() < end)
            Thread.sleep(5)
        }
        return !shadowOf(job).isRescheduleNeeded
    }

    @Test
    fun `the job sends what waits and is done`() = OfficeServer.answering(201).use { office ->
        server = office.address
        network(metered = false)
        assertTrue("it wants to run again", finished(started()))
        assertEquals(accepted, office.received.size)
        assertEquals(0uL, runBlocking { queue.status() }.waiting)
    }

    @Test
    fun `a busy server has the job run again`() = OfficeServer.answering(503).use { office ->
        server = office.address
        network(metered = false)
        assertFalse("it was left at that", finished(started()))
        assertEquals(1, office.received.size)
    }

    @Test
    fun `a costly network is spared`() = OfficeServer.answering(201).use { office ->
        server = office.address
        network(metered = true)
        assertTrue(finished(started()))
        assertEquals(0, office.received.size)
    }

    @Test
    fun `a job that the system stops breaks off and loses nothing`() {
        val (arrived, over) = Pair(CountDownLatch(1), CountDownLatch(1))
        OfficeServer {
            arrived.countDown()
            over.await()
        }.use { office ->
            server = office.address
            network(metered = false)
            val job = started()
            arrived.await()
            assertTrue("it is to be run again", job.onStopJob(parameters()))
            val end = System.nanoTime() + 10_000_000_000
            while (runBlocking { queue.status() }.sending > 0uL) assertTrue("it is still sending", System.nanoTime() < end)
            over.countDown()
            assertFalse("a stopped job says nothing", shadowOf(job).isJobFinished)
        }
        assertEquals(accepted.toULong(), runBlocking { queue.status() }.waiting)
    }

    @Test
    fun `one job is scheduled, for networks that the settings allow`() {
        val scheduler = checkNotNull(context.getSystemService(JobScheduler::class.java))
        repeat(2) { assertTrue(CropSyncJob.schedule(context, TestJob::class.java, jobId = 7)) }
        val job = scheduler.allPendingJobs.single()
        assertTrue(job.isRequireBatteryNotLow)
        @Suppress("DEPRECATION")
        assertEquals(JobInfo.NETWORK_TYPE_ANY, job.networkType)
        CropSyncJob.schedule(context, TestJob::class.java, jobId = 8, metered = MeteredUse.NOTHING)
        @Suppress("DEPRECATION")
        assertEquals(JobInfo.NETWORK_TYPE_UNMETERED, scheduler.getPendingJob(8)?.networkType)
    }

    @Test
    fun `conditions are those of the phone`() {
        network(metered = false)
        battery(percent = 80, plugged = false)
        assertEquals(SyncConditions(NetworkKind.UNMETERED, batteryLow = false), syncConditions(context))
        network(metered = true)
        battery(percent = 15, plugged = false)
        assertEquals(SyncConditions(NetworkKind.METERED, batteryLow = true), syncConditions(context))
        battery(percent = 5, plugged = true)
        assertFalse(syncConditions(context).batteryLow)
        shadowOf(connectivity).setDefaultNetworkActive(false)
        shadowOf(connectivity).setActiveNetworkInfo(null)
        assertEquals(NetworkKind.NONE, syncConditions(context).network)
    }
}
