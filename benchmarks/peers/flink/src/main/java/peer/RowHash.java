package peer;

import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/** The hash of a row of Nexmark's results, as docs/nexmark.md defines it. */
final class RowHash {
    private long hash = 0x6D696C6C72616365L;

    RowHash add(long value) {
        hash = (hash ^ value) * Records.GOLDEN;
        hash ^= hash >>> 32;
        return this;
    }

    RowHash add(BinaryStringData text) {
        final int size = text.getSizeInBytes();
        final int part = Math.min(size, 8);
        long first = 0;
        long last = 0;
        for (int i = 0; i < part; ++i) {
            first |= (text.byteAt(i) & 0xFFL) << (8 * i);
            last |= (text.byteAt(size - part + i) & 0xFFL) << (8 * i);
        }
        return add(size).add(first).add(last);
    }

    long value() {
        return NexmarkEvents.mix(hash);
    }

    /** Of the fields of a row; numbers are integers, times have milliseconds. */
    RowHash add(RowData row, LogicalType[] types) {
        for (int i = 0; i < types.length; ++i) {
            final LogicalTypeRoot root = types[i].getTypeRoot();
            if (row.isNullAt(i)) {
                throw new IllegalStateException("field " + i + " of a result is null");
            } else if (root == LogicalTypeRoot.BIGINT) {
                add(row.getLong(i));
            } else if (root == LogicalTypeRoot.INTEGER) {
                add(row.getInt(i));
            } else if (root == LogicalTypeRoot.VARCHAR || root == LogicalTypeRoot.CHAR) {
                add((BinaryStringData) row.getString(i));
            } else if (root == LogicalTypeRoot.TIMESTAMP_WITHOUT_TIME_ZONE) {
                add(row.getTimestamp(i, 3).getMillisecond());
            } else {
                throw new IllegalStateException("no hash for a field of type " + types[i]);
            }
        }
        return this;
    }
}
