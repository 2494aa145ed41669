package com.exampleco.timesheets;

import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.content.ServiceConnection;
import android.os.IBinder;
import androidx.annotation.NonNull;
import androidx.work.Constraints;
import androidx.work.ExistingPeriodicWorkPolicy;
import androidx.work.NetworkType;
import androidx.work.PeriodicWorkRequest;
import androidx.work.WorkManager;
import androidx.work.Worker;
import androidx.work.WorkerParameters;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Sends pending changes every quarter of an hour at most, while there is a network. */
public class SendWorker extends Worker {
    private static final String NAME = "send-pending";

    public SendWorker(@NonNull Context context, @NonNull WorkerParameters parameters) {
        super(context, parameters);
    }

    /** Schedules the job once; it survives restarts of the device. */
    public static void schedule(Context context) {
        Constraints connected = new Constraints.Builder()
            .setRequiredNetworkType(NetworkType.CONNECTED).build();
        PeriodicWorkRequest request =
            new PeriodicWorkRequest.Builder(SendWorker.class, 15, TimeUnit.MINUTES)
                .setConstraints(connected).build();
        WorkManager.getInstance(context)
            .enqueueUniquePeriodicWork(NAME, ExistingPeriodicWorkPolicy.KEEP, request);
    }

    public static void cancel(Context context) {
        WorkManager.getInstance(context).cancelUniqueWork(NAME);
    }

    @NonNull
    @Override
    public Result doWork() {
        final CountDownLatch ended = new CountDownLatch(1);
        ServiceConnection connection = new ServiceConnection() {
            @Override
            public void onServiceConnected(ComponentName name, IBinder service) { }

            @Override
            public void onServiceDisconnected(ComponentName name) {
                ended.countDown();  // Python has ended, and its process with it
            }
        };
        Intent intent = ServiceSender.getDefaultIntent(getApplicationContext(), "", "", "", "");
        getApplicationContext().bindService(intent, connection, Context.BIND_AUTO_CREATE);
        try {
            return ended.await(60, TimeUnit.SECONDS) ? Result.success() : Result.retry();
        } catch (InterruptedException error) {
            return Result.retry();
        } finally {
            getApplicationContext().unbindService(connection);
        }
    }
}
