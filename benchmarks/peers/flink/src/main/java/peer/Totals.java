package peer;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** What a run has put out, added up in a way that does not depend on the order, and when it began and ended. */
final class Totals {
    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    long count;
    long checksum;
    double sum;

    void addWindow(long key, long endMicros, long records, double value) {
        checksum += ((key + 1) * Records.GOLDEN) ^ (endMicros * Records.MIX) ^ (records * Records.THIRD)
                ^ Double.doubleToRawLongBits(value);
        ++count;
    }

    void addRolling(long key, double total) {
        checksum += ((key + 1) * Records.GOLDEN) ^ Double.doubleToRawLongBits(total);
        ++count;
    }

    void addPair(long key, long leftMicros, long rightMicros, double total) {
        checksum += ((key + 1) * Records.GOLDEN) ^ (leftMicros * Records.MIX) ^ (rightMicros * Records.THIRD)
                ^ Double.doubleToRawLongBits(total);
        ++count;
    }

    // ---- of the run as a whole: all tasks of the local cluster are threads of this process

    private static Totals all = new Totals();
    private static long startNanos;
    private static long startCpuNanos;
    private static long endNanos;
    private static long endCpuNanos;

    static synchronized void reset() {
        all = new Totals();
        startNanos = 0;
    }

    /** The first reader that starts begins the measurement: deploying the job is not part of it. */
    static synchronized void started() {
        if (startNanos != 0) return;
        startCpuNanos = PROCESS.getProcessCpuTime();
        startNanos = System.nanoTime();
    }

    /** The last sink that has seen its end of input ends the measurement. */
    static synchronized void ended(Totals sink) {
        all.count += sink.count;
        all.checksum += sink.checksum;
        all.sum += sink.sum;
        endNanos = System.nanoTime();
        endCpuNanos = PROCESS.getProcessCpuTime();
    }

    static synchronized Totals ofAllSinks() {
        return all;
    }

    static synchronized double seconds() {
        return 1e-9 * (endNanos - startNanos);
    }

    static synchronized double cpuSeconds() {
        return 1e-9 * (endCpuNanos - startCpuNanos);
    }
}
