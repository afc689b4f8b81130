package peer;

import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.TimestampType;
import org.apache.flink.table.types.logical.VarCharType;

/** Whether the events are those of docs/nexmark.md: exits with 1 if a checksum is another one. */
public final class NexmarkCheck {
    private static final LogicalType NUMBER = new BigIntType();
    private static final LogicalType TEXT = VarCharType.STRING_TYPE;
    private static final LogicalType TIME = new TimestampType(3);
    /** Of a person, an auction and a bid. */
    private static final LogicalType[][] FIELDS = {
        {NUMBER, TEXT, TEXT, TEXT, TEXT, TEXT, TIME, TEXT},
        {NUMBER, TEXT, TEXT, NUMBER, NUMBER, TIME, TIME, NUMBER, NUMBER, TEXT},
        {NUMBER, NUMBER, NUMBER, TEXT, TEXT, TIME, TEXT},
    };

    private NexmarkCheck() {}

    public static void main(String[] args) {
        final boolean same = check(1_000, 0xc892ec724fb11196L) & check(1_000_000, 0x9646348e41bd145bL);
        System.exit(same ? 0 : 1);
    }

    private static boolean check(long events, long expected) {
        final NexmarkEvents generator = new NexmarkEvents();
        long sum = 0;
        for (long id = 0; id < events; ++id) {
            final RowData row = generator.generate(id, null);
            final int type = row.getInt(0);
            sum += new RowHash().add(type).add(row.getRow(1 + type, FIELDS[type].length), FIELDS[type]).value();
        }
        System.out.printf("%d events of Nexmark: checksum %016x, %s%n", events, sum,
                sum == expected ? "as it should be" : String.format("but it should be %016x", expected));
        return sum == expected;
    }
}
