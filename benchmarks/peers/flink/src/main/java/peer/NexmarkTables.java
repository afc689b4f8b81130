package peer;

import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.types.RowKind;

/** The connector of Nexmark's tables: events of {@link NexmarkEvents} as a source, and a sink that adds up hashes of rows. */
public final class NexmarkTables implements DynamicTableSourceFactory, DynamicTableSinkFactory {
    private static final ConfigOption<Long> EVENTS = ConfigOptions.key("events").longType().defaultValue(0L);

    @Override
    public String factoryIdentifier() {
        return "nexmark";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(EVENTS);
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        final FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        return new Events(helper.getOptions().get(EVENTS));
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        final LogicalType[] types =
                context.getPhysicalRowDataType().getLogicalType().getChildren().toArray(new LogicalType[0]);
        return new Results(types);
    }

    private static final class Events implements ScanTableSource {
        private final long count;

        Events(long count) {
            this.count = count;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return ChangelogMode.insertOnly();
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            return SourceProvider.of(new IndexSource<RowData>(new NexmarkEvents(), count, false));
        }

        @Override
        public DynamicTableSource copy() {
            return new Events(count);
        }

        @Override
        public String asSummaryString() {
            return "Nexmark events";
        }
    }

    /** A replaced row is taken out again, so that only those count which are left at the end. */
    private static final class Results implements DynamicTableSink {
        private final LogicalType[] types;

        Results(LogicalType[] types) {
            this.types = types;
        }

        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            return ChangelogMode.all();
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
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
            return new Results(types);
        }

        @Override
        public String asSummaryString() {
            return "sum of row hashes";
        }
    }
}
