package peer;

import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/** W3 in SQL, whose window functions share the slices of sliding windows; the DataStream API adds to each window. */
final class SlidingInSql {
    private SlidingInSql() {}

    /** Runs it to its end. A millisecond stands for a microsecond: windows of 10 s every second. */
    static void run(StreamExecutionEnvironment env, long keys, long count) throws Exception {
        // not one for each record: a watermark for every 1000, as in the other programs
        env.getConfig().setAutoWatermarkInterval(10_000);
        final StreamTableEnvironment tables = StreamTableEnvironment.create(env);
        tables.executeSql("""
                CREATE TEMPORARY TABLE events (`key` BIGINT NOT NULL, number DOUBLE NOT NULL, happened TIMESTAMP(3),
                  WATERMARK FOR happened AS happened
                ) WITH ('connector' = 'benchmark', 'events' = '%d', 'keys' = '%d')""".formatted(count, keys));
        tables.executeSql("""
                CREATE TEMPORARY TABLE results (`key` BIGINT, window_end TIMESTAMP(3), records BIGINT, total DOUBLE, largest DOUBLE
                ) WITH ('connector' = 'benchmark', 'keys' = '%d')""".formatted(keys));
        tables.executeSql("""
                INSERT INTO results SELECT `key`, window_end, count(*), sum(number), max(number)
                FROM TABLE(HOP(TABLE events, DESCRIPTOR(happened), INTERVAL '1000' SECOND(4), INTERVAL '10000' SECOND(5)))
                GROUP BY `key`, window_start, window_end""").await();
    }
}
