package peer;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.co.ProcessJoinFunction;
import org.apache.flink.streaming.api.functions.windowing.WindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import peer.Records.Event;
import peer.Records.Events;
import peer.Records.Generator;
import peer.Records.Trade;
import peer.Records.Trades;

/**
 * The pipelines of benchmarks/throughput/pipelines.hpp as a user of Flink writes them. A unit of event time stands for a
 * microsecond: Flink counts in whole units and does not mind what they are, so {@code micros} below makes durations of them.
 */
final class Workloads {
    private static final TypeInformation<Event> EVENT =
            new SerializerInformation<>(Event.class, Records.EventSerializer.INSTANCE);
    private static final TypeInformation<Trade> TRADE =
            new SerializerInformation<>(Trade.class, Records.TradeSerializer.INSTANCE);
    private static final KeySelector<Event, Long> EVENT_KEY = event -> event.key;

    private final StreamExecutionEnvironment env;
    private final long keys;
    private final long count;
    /** Source, keyed operator and sink in one task: no exchange, no second thread. */
    private final boolean chained;

    Workloads(StreamExecutionEnvironment env, long keys, long count, boolean chained) {
        this.env = env;
        this.keys = keys;
        this.count = count;
        this.chained = chained;
    }

    void build(String workload) {
        switch (workload) {
            case "W1" -> mapFilterMap();
            case "W2" -> tumblingAverage();
            case "W3" -> slidingStatistics(10);
            case "W3/60" -> slidingStatistics(60);
            case "W4" -> sessions();
            case "W6" -> rollingSum();
            case "W8" -> averagePrice();
            case "W9" -> intervalJoin();
            default -> throw new IllegalArgumentException("no workload " + workload);
        }
    }

    private static Duration micros(long units) {
        return Duration.ofMillis(units);
    }

    private static Duration seconds(long seconds) {
        return micros(1_000_000 * seconds);
    }

    private <T> SingleOutputStreamOperator<T> source(Generator<T> generator, long records, boolean reuse,
            TypeInformation<T> type) {
        return env.fromSource(new IndexSource<>(generator, records, reuse), WatermarkStrategy.noWatermarks(), "source", type);
    }

    private <T, K> KeyedStream<T, K> keyed(DataStream<T> stream, KeySelector<T, K> key, TypeInformation<K> keyType) {
        return chained ? DataStreamUtils.reinterpretAsKeyedStream(stream, key, keyType) : stream.keyBy(key, keyType);
    }

    // ---- W1

    private void mapFilterMap() {
        source(new Events(1000, 1), count, true, EVENT)
                .map(event -> {
                    event.value *= 1.1;
                    return event;
                })
                .returns(EVENT)
                .filter(event -> event.key % 3 != 0)
                .map(event -> {
                    event.value += 1.0;
                    return event;
                })
                .returns(EVENT)
                .sinkTo(new SummingSink<Event>((totals, event) -> {
                    totals.sum += event.value;
                    ++totals.count;
                }));
    }

    // ---- W2, W3, W4, W8: windows

    static final class Statistics {
        double total;
        double largest = -1e300;
        long records;
    }

    static final class WindowResult {
        long key;
        long startMicros;
        long endMicros;
        Statistics content;
    }

    /** What all aggregates share. A result is the accumulator itself: the window is purged once it has fired. */
    abstract static class Aggregate<T> implements AggregateFunction<T, Statistics, Statistics> {
        @Override
        public Statistics createAccumulator() {
            return new Statistics();
        }

        @Override
        public Statistics getResult(Statistics accumulator) {
            return accumulator;
        }

        @Override
        public Statistics merge(Statistics a, Statistics b) {
            a.total += b.total;
            a.records += b.records;
            a.largest = Math.max(a.largest, b.largest);
            return a;
        }
    }

    static final class CountAndTotal extends Aggregate<Event> {
        @Override
        public Statistics add(Event event, Statistics accumulator) {
            accumulator.total += event.value;
            ++accumulator.records;
            return accumulator;
        }
    }

    static final class CountAndTotalOfTrades extends Aggregate<Trade> {
        @Override
        public Statistics add(Trade trade, Statistics accumulator) {
            accumulator.total += trade.price;
            ++accumulator.records;
            return accumulator;
        }
    }

    static final class AllStatistics extends Aggregate<Event> {
        @Override
        public Statistics add(Event event, Statistics accumulator) {
            accumulator.total += event.value;
            accumulator.largest = Math.max(accumulator.largest, event.value);
            ++accumulator.records;
            return accumulator;
        }
    }

    static final class WithKeyAndWindow<K extends Number> implements WindowFunction<Statistics, WindowResult, K, TimeWindow> {
        @Override
        public void apply(K key, TimeWindow window, Iterable<Statistics> input, Collector<WindowResult> out) {
            final WindowResult result = new WindowResult();
            result.key = key.longValue();
            result.startMicros = window.getStart();
            result.endMicros = window.getEnd();
            result.content = input.iterator().next();
            out.collect(result);
        }
    }

    private <T, K extends Number> DataStream<WindowResult> aggregated(KeyedStream<T, K> stream,
            WindowAssigner<Object, TimeWindow> windows, Aggregate<T> aggregate) {
        final TypeInformation<Statistics> statistics = TypeInformation.of(Statistics.class);
        return stream.window(windows).aggregate(aggregate, new WithKeyAndWindow<K>(), statistics,
                TypeInformation.of(WindowResult.class));
    }

    private static void addAverage(Totals totals, WindowResult window) {
        totals.addWindow(window.key, window.endMicros, window.content.records,
                window.content.total / window.content.records);
    }

    private void tumblingAverage() {
        aggregated(keyed(source(new Events(keys, 1), count, true, EVENT), EVENT_KEY, Types.LONG),
                TumblingEventTimeWindows.of(seconds(1)), new CountAndTotal())
                .sinkTo(new SummingSink<WindowResult>(Workloads::addAverage));
    }

    private void slidingStatistics(long sizeSeconds) {
        aggregated(keyed(source(new Events(keys, 10), count, true, EVENT), EVENT_KEY, Types.LONG),
                SlidingEventTimeWindows.of(seconds(sizeSeconds), seconds(1)), new AllStatistics())
                .sinkTo(new SummingSink<WindowResult>((totals, window) -> {
                    totals.addWindow(window.key, window.endMicros, window.content.records, window.content.total);
                    totals.checksum += Double.doubleToRawLongBits(window.content.largest);
                }));
    }

    private void sessions() {
        aggregated(keyed(source(new Events(keys, 1), count, true, EVENT), EVENT_KEY, Types.LONG),
                EventTimeSessionWindows.withGap(micros(100_000)), new CountAndTotal())
                .sinkTo(new SummingSink<WindowResult>((totals, window) -> {
                    totals.addWindow(window.key, window.startMicros, window.content.records, window.content.total);
                    totals.checksum += window.endMicros * Records.THIRD;
                }));
    }

    private void averagePrice() {
        final KeySelector<Trade, Integer> industry = trade -> trade.industry;
        aggregated(keyed(source(new Trades(), count, true, TRADE), industry, Types.INT),
                TumblingEventTimeWindows.of(seconds(60)), new CountAndTotalOfTrades())
                .sinkTo(new SummingSink<WindowResult>(Workloads::addAverage));
    }

    // ---- W6

    /** The state keeps the first record of a key: with a source in the same task each must be an object of its own. */
    private void rollingSum() {
        final SingleOutputStreamOperator<Event> events = source(new Events(keys, 1), count, !chained, EVENT);
        // running sums depend on the order of a key's records, which two sources would leave open
        events.setParallelism(1);
        keyed(events, EVENT_KEY, Types.LONG)
                .reduce((sum, event) -> {
                    sum.value += event.value;
                    return sum;
                })
                .sinkTo(new SummingSink<Event>((totals, event) -> totals.addRolling(event.key, event.value)));
    }

    // ---- W9

    static final class Pair {
        long key;
        long leftMicros;
        long rightMicros;
        double sum;
    }

    static final class JoinPair extends ProcessJoinFunction<Event, Event, Pair> {
        private static final long serialVersionUID = 1;

        @Override
        public void processElement(Event left, Event right, Context context, Collector<Pair> out) {
            final Pair pair = new Pair();
            pair.key = left.key;
            pair.leftMicros = left.micros;
            pair.rightMicros = right.micros;
            pair.sum = left.value + right.value;
            out.collect(pair);
        }
    }

    private void intervalJoin() {
        final KeyedStream<Event, Long> left =
                source(new Events(keys, 1, 0, 2), (count + 1) / 2, true, EVENT).keyBy(EVENT_KEY, Types.LONG);
        final KeyedStream<Event, Long> right =
                source(new Events(keys, 1, 1, 2), count / 2, true, EVENT).keyBy(EVENT_KEY, Types.LONG);
        left.intervalJoin(right)
                .between(micros(-50_000), micros(50_000))
                .process(new JoinPair(), TypeInformation.of(Pair.class))
                .sinkTo(new SummingSink<Pair>((totals, pair) ->
                        totals.addPair(pair.key, pair.leftMicros, pair.rightMicros, pair.sum)));
    }
}
