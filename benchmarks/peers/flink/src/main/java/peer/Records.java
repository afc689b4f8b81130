package peer;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** The records of the workloads, as benchmarks/throughput/records.hpp defines them: pure functions of their index. */
final class Records {
    static final long GOLDEN = 0x9E3779B97F4A7C15L;
    static final long MIX = 0xD6E8FEB86659FD93L;
    static final long THIRD = 0xC2B2AE3D27D4EB4FL;

    private Records() {}

    static long randomOf(long index) {
        long x = index * GOLDEN;
        x = (x ^ (x >>> 32)) * MIX;
        x = (x ^ (x >>> 32)) * MIX;
        return x ^ (x >>> 32);
    }

    /** Makes the record of an index, in {@code reuse} if that is not null. */
    interface Generator<T> extends java.io.Serializable {
        T generate(long index, T reuse);

        long timeOf(long index);
    }

    static final class Event {
        long key;
        long micros;
        double value;
    }

    /** Keys are uniform in [0, keys); the event of index i is that of the workload's index {@code first + i * every}. */
    static final class Events implements Generator<Event> {
        private final long keys;
        private final long stepMicros;
        private final long first;
        private final long every;

        Events(long keys, long stepMicros) {
            this(keys, stepMicros, 0, 1);
        }

        Events(long keys, long stepMicros, long first, long every) {
            this.keys = keys;
            this.stepMicros = stepMicros;
            this.first = first;
            this.every = every;
        }

        @Override
        public Event generate(long index, Event reuse) {
            final Event event = reuse != null ? reuse : new Event();
            final long i = first + index * every;
            final long h = randomOf(i);
            event.key = ((h >>> 32) * keys) >>> 32;
            event.micros = i * stepMicros;
            event.value = h & 0x3fff;
            return event;
        }

        @Override
        public long timeOf(long index) {
            return (first + index * every) * stepMicros;
        }
    }

    static final class Trade {
        int symbol;
        int industry;
        double price;
        long micros;
    }

    /** 5000 symbols in 50 industries, one trade every 100 us. */
    static final class Trades implements Generator<Trade> {
        @Override
        public Trade generate(long index, Trade reuse) {
            final Trade trade = reuse != null ? reuse : new Trade();
            final long h = randomOf(index);
            trade.symbol = (int) (((h >>> 32) * 5000) >>> 32);
            trade.industry = trade.symbol % 50;
            trade.price = 1 + (h & 0xffff);
            trade.micros = index * 100;
            return trade;
        }

        @Override
        public long timeOf(long index) {
            return index * 100;
        }
    }

    // ---- serializers of their own: Flink's for POJOs and tuples reflect or box, which would cost it more than half

    abstract static class RecordSerializer<T> extends TypeSerializerSingleton<T> {
        private static final long serialVersionUID = 1;
        private final int length;

        RecordSerializer(int length) {
            this.length = length;
        }

        @Override
        public boolean isImmutableType() {
            return false;
        }

        @Override
        public int getLength() {
            return length;
        }

        @Override
        public T copy(T from, T reuse) {
            return copy(from);
        }

        @Override
        public T deserialize(T reuse, DataInputView source) throws IOException {
            return deserialize(source);
        }

        @Override
        public void copy(DataInputView source, DataOutputView target) throws IOException {
            target.write(source, length);
        }
    }

    static final class EventSerializer extends RecordSerializer<Event> {
        private static final long serialVersionUID = 1;
        static final EventSerializer INSTANCE = new EventSerializer();

        EventSerializer() {
            super(24);
        }

        @Override
        public Event createInstance() {
            return new Event();
        }

        @Override
        public Event copy(Event from) {
            final Event event = new Event();
            event.key = from.key;
            event.micros = from.micros;
            event.value = from.value;
            return event;
        }

        @Override
        public void serialize(Event event, DataOutputView target) throws IOException {
            target.writeLong(event.key);
            target.writeLong(event.micros);
            target.writeDouble(event.value);
        }

        @Override
        public Event deserialize(DataInputView source) throws IOException {
            final Event event = new Event();
            event.key = source.readLong();
            event.micros = source.readLong();
            event.value = source.readDouble();
            return event;
        }

        @Override
        public TypeSerializerSnapshot<Event> snapshotConfiguration() {
            return new Snapshot();
        }

        public static final class Snapshot extends SimpleTypeSerializerSnapshot<Event> {
            public Snapshot() {
                super(() -> INSTANCE);
            }
        }
    }

    static final class TradeSerializer extends RecordSerializer<Trade> {
        private static final long serialVersionUID = 1;
        static final TradeSerializer INSTANCE = new TradeSerializer();

        TradeSerializer() {
            super(24);
        }

        @Override
        public Trade createInstance() {
            return new Trade();
        }

        @Override
        public Trade copy(Trade from) {
            final Trade trade = new Trade();
            trade.symbol = from.symbol;
            trade.industry = from.industry;
            trade.price = from.price;
            trade.micros = from.micros;
            return trade;
        }

        @Override
        public void serialize(Trade trade, DataOutputView target) throws IOException {
            target.writeInt(trade.symbol);
            target.writeInt(trade.industry);
            target.writeDouble(trade.price);
            target.writeLong(trade.micros);
        }

        @Override
        public Trade deserialize(DataInputView source) throws IOException {
            final Trade trade = new Trade();
            trade.symbol = source.readInt();
            trade.industry = source.readInt();
            trade.price = source.readDouble();
            trade.micros = source.readLong();
            return trade;
        }

        @Override
        public TypeSerializerSnapshot<Trade> snapshotConfiguration() {
            return new Snapshot();
        }

        public static final class Snapshot extends SimpleTypeSerializerSnapshot<Trade> {
            public Snapshot() {
                super(() -> INSTANCE);
            }
        }
    }
}
