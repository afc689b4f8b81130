package peer;

import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Records of a generator with their event time, and behind every 1000 of them a watermark with the time of the last one.
 * Parallel readers take blocks of 1000 in turn. A poll emits a whole block, so that the mailbox costs Flink nothing.
 */
final class IndexSource<T> implements Source<T, IndexSource.NoSplit, Void> {
    private static final long serialVersionUID = 1;
    static final long BLOCK = 1000;

    private final Records.Generator<T> generator;
    private final long count;
    /** Whether one object serves for all records: only where nothing downstream keeps it. */
    private final boolean reuse;

    IndexSource(Records.Generator<T> generator, long count, boolean reuse) {
        this.generator = generator;
        this.count = count;
        this.reuse = reuse;
    }

    static final class NoSplit implements SourceSplit {
        @Override
        public String splitId() {
            return "";
        }
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.BOUNDED;
    }

    @Override
    public SourceReader<T, NoSplit> createReader(SourceReaderContext context) {
        return new Reader<>(generator, count, reuse, context.getIndexOfSubtask(), context.currentParallelism());
    }

    private static final class Reader<T> implements SourceReader<T, NoSplit> {
        private final Records.Generator<T> generator;
        private final long count;
        private final long stride;
        private final boolean reuse;
        private long next;
        private T record;

        Reader(Records.Generator<T> generator, long count, boolean reuse, int lane, int lanes) {
            this.generator = generator;
            this.count = count;
            this.reuse = reuse;
            next = lane * BLOCK;
            stride = (lanes - 1) * BLOCK;
        }

        @Override
        public void start() {
            Totals.started();
        }

        @Override
        public InputStatus pollNext(ReaderOutput<T> output) {
            if (next >= count) return InputStatus.END_OF_INPUT;
            final long end = Math.min(count, next + BLOCK);
            for (; next < end; ++next) {
                final T made = generator.generate(next, record);
                if (reuse) record = made;
                output.collect(made, generator.timeOf(next));
            }
            output.emitWatermark(new Watermark(generator.timeOf(end - 1)));
            next += stride;
            return next >= count ? InputStatus.END_OF_INPUT : InputStatus.MORE_AVAILABLE;
        }

        @Override
        public CompletableFuture<Void> isAvailable() {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public List<NoSplit> snapshotState(long checkpointId) {
            return Collections.emptyList();
        }

        @Override
        public void addSplits(List<NoSplit> splits) {}

        @Override
        public void notifyNoMoreSplits() {}

        @Override
        public void close() {}
    }

    @Override
    public SplitEnumerator<NoSplit, Void> createEnumerator(SplitEnumeratorContext<NoSplit> context) {
        return new NoEnumerator();
    }

    @Override
    public SplitEnumerator<NoSplit, Void> restoreEnumerator(SplitEnumeratorContext<NoSplit> context, Void state) {
        return new NoEnumerator();
    }

    @Override
    public SimpleVersionedSerializer<NoSplit> getSplitSerializer() {
        return new Nothing<>();
    }

    @Override
    public SimpleVersionedSerializer<Void> getEnumeratorCheckpointSerializer() {
        return new Nothing<>();
    }

    private static final class NoEnumerator implements SplitEnumerator<NoSplit, Void> {
        @Override
        public void start() {}

        @Override
        public void handleSplitRequest(int subtask, String host) {}

        @Override
        public void addSplitsBack(List<NoSplit> splits, int subtask) {}

        @Override
        public void addReader(int subtask) {}

        @Override
        public Void snapshotState(long checkpointId) {
            return null;
        }

        @Override
        public void close() {}
    }

    private static final class Nothing<S> implements SimpleVersionedSerializer<S> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(S value) {
            return new byte[0];
        }

        @Override
        public S deserialize(int version, byte[] bytes) {
            return null;
        }
    }
}
