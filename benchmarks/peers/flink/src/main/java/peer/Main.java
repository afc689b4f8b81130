package peer;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Runs a workload in a local cluster of this process and prints a line of JSON for each run; --help says how. */
public final class Main {
    private static final String USAGE = """
            usage: peer.Main --workload NAME [--keys N] [--parallelism N] [--chained] [--records N] [--repetitions N] [--on-request]
              NAME is W1, W2, W3, W3/SQL, W3/60, W4, W6, W8 or W9, or a query of Nexmark, q0 to q23 without q6.
              --chained     source, keyed operator and sink in one task instead of an exchange between two (parallelism 1)
              --on-request  a run for each line of standard input, until it ends
              The first run of a process warms the compiler up and is marked so.
            """;

    private String workload = "";
    private long keys = 1000;
    private int parallelism = 1;
    private boolean chained;
    private long records = 20_000_000;
    private int repetitions = 1;
    private boolean onRequest;
    private int runs;

    private Main() {}

    public static void main(String[] args) throws Exception {
        final Main main = new Main();
        if (!main.parse(args)) {
            System.err.print(USAGE);
            System.exit(2);
        }
        if (main.onRequest) {
            final BufferedReader requests =
                    new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            while (requests.readLine() != null) main.run();
        } else {
            for (int i = 0; i < main.repetitions; ++i) main.run();
        }
        System.exit(0);
    }

    private boolean parse(String[] args) {
        for (int i = 0; i < args.length; ++i) {
            if (args[i].equals("--chained")) {
                chained = true;
            } else if (args[i].equals("--on-request")) {
                onRequest = true;
            } else if (i + 1 == args.length) {
                return false;
            } else {
                final String value = args[i + 1];
                switch (args[i++]) {
                    case "--workload" -> workload = value;
                    case "--keys" -> keys = Long.parseLong(value);
                    case "--parallelism" -> parallelism = Integer.parseInt(value);
                    case "--records" -> records = Long.parseLong(value);
                    case "--repetitions" -> repetitions = Integer.parseInt(value);
                    default -> {
                        return false;
                    }
                }
            }
        }
        return !workload.isEmpty() && !(chained && parallelism > 1);
    }

    private StreamExecutionEnvironment environment() {
        final Configuration configuration = new Configuration();
        configuration.setString("state.backend.type", "hashmap");
        configuration.setString("taskmanager.memory.network.min", "256mb");
        configuration.setString("taskmanager.memory.network.max", "256mb");
        configuration.setString("taskmanager.memory.managed.size", "1gb");
        configuration.setString("taskmanager.numberOfTaskSlots", Integer.toString(parallelism));
        configuration.setString("restart-strategy.type", "none");
        final StreamExecutionEnvironment env =
                StreamExecutionEnvironment.createLocalEnvironment(parallelism, configuration);
        env.getConfig().enableObjectReuse();
        return env;
    }

    private void run() throws Exception {
        Totals.reset();
        final StreamExecutionEnvironment env = environment();
        final long begin = System.nanoTime();
        if (workload.startsWith("q")) {
            NexmarkQueries.run(env, workload, records);
        } else if (workload.equals("W3/SQL")) {
            SlidingInSql.run(env, keys, records);
        } else {
            new Workloads(env, keys, records, chained).build(workload);
            env.execute(workload);
        }
        final double jobSeconds = 1e-9 * (System.nanoTime() - begin);
        final Totals totals = Totals.ofAllSinks();
        System.out.printf(Locale.ROOT, "{\"peer\": \"flink\", \"version\": \"%s\", \"workload\": \"%s\", \"keys\": %d,"
                + " \"parallelism\": %d, \"chained\": %b, \"warm_up\": %b, \"records\": %d, \"seconds\": %.6f,"
                + " \"cpu_seconds\": %.6f, \"job_seconds\": %.6f, \"count\": %d, \"checksum\": \"%016x\", \"sum\": %.4f,"
                + " \"peak_memory_mib\": %d}%n",
                EnvironmentInformation.getVersion(), workload, keys, parallelism, chained, runs == 0, records,
                Totals.seconds(), Totals.cpuSeconds(), jobSeconds, totals.count, totals.checksum, totals.sum,
                peakMemoryMib());
        System.out.flush();
        ++runs;
    }

    /** Of the whole process, heap included: the largest resident set so far. */
    private static long peakMemoryMib() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
        }
        return 0;
    }
}
