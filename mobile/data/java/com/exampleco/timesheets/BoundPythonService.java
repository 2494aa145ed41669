package com.exampleco.timesheets;

import android.content.Intent;
import android.os.Binder;
import android.os.IBinder;
import org.kivy.android.PythonService;

/** A Python service that starts when it is bound: a job may bind one, but not start one. */
public class BoundPythonService extends PythonService {
    @Override
    public IBinder onBind(Intent intent) {
        onStartCommand(intent, 0, 0);
        return new Binder();
    }
}
