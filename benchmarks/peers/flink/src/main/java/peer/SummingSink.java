package peer;

import java.io.Serializable;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/** Adds up what it gets; the writers of all subtasks together make the result of the run. */
final class SummingSink<T> implements Sink<T> {
    private static final long serialVersionUID = 1;

    interface Add<T> extends Serializable {
        void add(Totals totals, T element);
    }

    private final Add<T> add;

    SummingSink(Add<T> add) {
        this.add = add;
    }

    @Override
    public SinkWriter<T> createWriter(WriterInitContext context) {
        final Add<T> fn = add;
        return new SinkWriter<T>() {
            private final Totals mine = new Totals();

            @Override
            public void write(T element, Context ignored) {
                fn.add(mine, element);
            }

            @Override
            public void flush(boolean endOfInput) {
                if (endOfInput) Totals.ended(mine);
            }

            @Override
            public void close() {}
        };
    }
}
