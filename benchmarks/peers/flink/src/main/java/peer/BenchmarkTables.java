package peer;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.LookupTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.connector.source.lookup.LookupFunctionProvider;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.LookupFunction;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.types.RowKind;

/**
 * The connector of the tables in SQL: the events of {@link NexmarkEvents}, or those of the workload W3, as a source, and a sink
 * that adds up hashes of rows.
 */
public final class BenchmarkTables implements DynamicTableSourceFactory, DynamicTableSinkFactory {
    private static final ConfigOption<Long> EVENTS = ConfigOptions.key("events").longType().defaultValue(0L);
    /** The keys of W3; 0 for Nexmark. */
    private static final ConfigOption<Long> KEYS = ConfigOptions.key("keys").longType().defaultValue(0L);

    /** How many rows a table to look up has; 0 for one of events. */
    private static final ConfigOption<Long> SIDE_ROWS = ConfigOptions.key("side-rows").longType().defaultValue(0L);

    @Override
    public String factoryIdentifier() {
        return "benchmark";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(EVENTS, KEYS, SIDE_ROWS);
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        final FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        final long sideRows = helper.getOptions().get(SIDE_ROWS);
        if (sideRows > 0) return new SideTable(sideRows);
        return new Events(helper.getOptions().get(EVENTS), helper.getOptions().get(KEYS));
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        final FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        final LogicalType[] types =
                context.getPhysicalRowDataType().getLogicalType().getChildren().toArray(new LogicalType[0]);
        return new Results(types, helper.getOptions().get(KEYS) > 0);
    }

    /** The events of W3 as rows (key, number, time), times in units of a microsecond. */
    private static final class EventRows implements Records.Generator<RowData> {
        private static final long serialVersionUID = 1;
        private final Records.Events events;

        EventRows(long keys) {
            events = new Records.Events(keys, 10);
        }

        @Override
        public RowData generate(long index, RowData unused) {
            final Records.Event event = events.generate(index, null);
            return GenericRowData.of(event.key, event.value, TimestampData.fromEpochMillis(event.micros));
        }

        @Override
        public long timeOf(long index) {
            return events.timeOf(index);
        }
    }

    private static final class Events implements ScanTableSource {
        private final long count;
        private final long keys;

        Events(long count, long keys) {
            this.count = count;
            this.keys = keys;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return ChangelogMode.insertOnly();
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            return SourceProvider.of(
                    new IndexSource<RowData>(keys > 0 ? new EventRows(keys) : new NexmarkEvents(), count, false));
        }

        @Override
        public DynamicTableSource copy() {
            return new Events(count, keys);
        }

        @Override
        public String asSummaryString() {
            return "events";
        }
    }

    /** Rows (key, key as a text), looked up in a map in memory. */
    private static final class SideTable implements LookupTableSource {
        private final long rows;

        SideTable(long rows) {
            this.rows = rows;
        }

        @Override
        public LookupRuntimeProvider getLookupRuntimeProvider(LookupContext context) {
            return LookupFunctionProvider.of(new SideRows(rows));
        }

        @Override
        public DynamicTableSource copy() {
            return new SideTable(rows);
        }

        @Override
        public String asSummaryString() {
            return "side input";
        }
    }

    /** See {@link SideTable}. */
    public static final class SideRows extends LookupFunction {
        private static final long serialVersionUID = 1;
        private final long rows;
        private transient Map<Long, Collection<RowData>> table;

        SideRows(long rows) {
            this.rows = rows;
        }

        @Override
        public void open(FunctionContext context) {
            table = new HashMap<>();
            for (long key = 0; key < rows; ++key) {
                table.put(key, List.of(GenericRowData.of(key, StringData.fromString(Long.toString(key)))));
            }
        }

        @Override
        public Collection<RowData> lookup(RowData key) {
            return table.getOrDefault(key.getLong(0), List.of());
        }
    }

    /** A replaced row is taken out again, so that only those count which are left at the end. */
    private static final class Results implements DynamicTableSink {
        private final LogicalType[] types;
        private final boolean ofWindows;

        Results(LogicalType[] types, boolean ofWindows) {
            this.types = types;
            this.ofWindows = ofWindows;
        }

        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            return ChangelogMode.all();
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
            if (ofWindows) {
                return SinkV2Provider.of(new SummingSink<RowData>((totals, row) -> {
                    totals.addWindow(row.getLong(0), row.getTimestamp(1, 3).getMillisecond(), row.getLong(2), row.getDouble(3));
                    totals.checksum += Double.doubleToRawLongBits(row.getDouble(4));
                }));
            }
            final LogicalType[] columns = types;
            return SinkV2Provider.of(new SummingSink<RowData>((totals, row) -> {
                final long hash = new RowHash().add(row, columns).value();
                final boolean added = row.getRowKind() == RowKind.INSERT || row.getRowKind() == RowKind.UPDATE_AFTER;
                totals.checksum += added ? hash : -hash;
                totals.count += added ? 1 : -1;
            }));
        }

        @Override
        public DynamicTableSink copy() {
            return new Results(types, ofWindows);
        }

        @Override
        public String asSummaryString() {
            return "sum of row hashes";
        }
    }
}
