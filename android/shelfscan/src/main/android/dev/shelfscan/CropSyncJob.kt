package dev.shelfscan

import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.app.job.JobService
import android.content.BroadcastReceiver
import android.content.ComponentName
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.net.ConnectivityManager
import android.net.NetworkCapabilities
import android.os.BatteryManager
import android.os.Build
import android.util.Log
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/**
 * Syncs the queue in the background, when the system finds network and battery good. An app declares a subclass of its own in
 * its manifest, with `android:permission="android.permission.BIND_JOB_SERVICE"`, says in [sync] what to sync with, and calls
 * [schedule] after each scan that queued something; that is cheap, and one job is scheduled however often it is called.
 *
 * The app needs the permissions `INTERNET` and `ACCESS_NETWORK_STATE`.
 */
abstract class CropSyncJob : JobService() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private val running = mutableMapOf<Int, Job>()

    /** One sync with the app's queue, server and scanner: `queue.sync(server, { syncConditions(this) }, scanner)`. */
    protected abstract suspend fun sync(): SyncResult

    final override fun onStartJob(parameters: JobParameters): Boolean {
        running[parameters.jobId] = scope.launch {
            val again = try {
                sync().resumeAt != null
            } catch (cancelled: CancellationException) {
                // The system stopped the job, and knows.
                throw cancelled
            } catch (error: Exception) {
                Log.e("shelfscan", "the sync failed, and is tried again later", error)
                true
            }
            jobFinished(parameters, again)
        }
        return true
    }

    /** The conditions are good no more, or the time is up: what was being sent is sent again next time. */
    final override fun onStopJob(parameters: JobParameters): Boolean {
        running.remove(parameters.jobId)?.cancel()
        return true
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    companion object {
        private const val BACKOFF_MILLISECONDS = 30_000L

        /**
         * Has the system run the job once there is a network. A job of this id that is scheduled already stays as it is, with
         * what it has waited; whether it could be scheduled.
         *
         * @param jobId a number that no other job of the app has.
         * @param metered what the queue's settings say of networks that cost.
         */
        fun schedule(
            context: Context,
            service: Class<out CropSyncJob>,
            jobId: Int,
            metered: MeteredUse = MeteredUse.CORRECTIONS,
        ): Boolean {
            val scheduler = checkNotNull(context.getSystemService(JobScheduler::class.java))
            if (scheduler.allPendingJobs.any { it.id == jobId }) return true
            val network = if (metered == MeteredUse.NOTHING) JobInfo.NETWORK_TYPE_UNMETERED else JobInfo.NETWORK_TYPE_ANY
            val job = JobInfo.Builder(jobId, ComponentName(context, service))
                .setRequiredNetworkType(network)
                .setBackoffCriteria(BACKOFF_MILLISECONDS, JobInfo.BACKOFF_POLICY_EXPONENTIAL)
            if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.O) job.setRequiresBatteryNotLow(true)
            return scheduler.schedule(job.build()) == JobScheduler.RESULT_SUCCESS
        }
    }
}

/** What the phone's network and battery are like now. Needs the permission `ACCESS_NETWORK_STATE`. */
fun syncConditions(context: Context): SyncConditions {
    val connectivity = checkNotNull(context.getSystemService(ConnectivityManager::class.java))
    val network = connectivity.activeNetwork?.let(connectivity::getNetworkCapabilities)
    val kind = when {
        network == null || !network.hasCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET) -> NetworkKind.NONE
        network.hasCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED) -> NetworkKind.UNMETERED
        else -> NetworkKind.METERED
    }
    return SyncConditions(kind, batteryLow(context))
}

/** As the system sees it: at most 15 %, and not at a charger. */
private fun batteryLow(context: Context): Boolean {
    val none: BroadcastReceiver? = null
    val battery = context.registerReceiver(none, IntentFilter(Intent.ACTION_BATTERY_CHANGED)) ?: return false
    val level = battery.getIntExtra(BatteryManager.EXTRA_LEVEL, -1)
    val scale = battery.getIntExtra(BatteryManager.EXTRA_SCALE, -1)
    val plugged = battery.getIntExtra(BatteryManager.EXTRA_PLUGGED, 0) != 0
    return !plugged && level >= 0 && scale > 0 && level * 100 <= scale * LOW_PERCENT
}

private const val LOW_PERCENT = 15
