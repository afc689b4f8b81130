package peer;

import java.nio.charset.StandardCharsets;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.data.binary.BinaryStringData;
import peer.Records.Generator;

/**
 * The events of Nexmark, each a function of its id, as docs/nexmark.md defines them draw by draw. As rows of Flink's tables in
 * their internal form, and texts that occur again share their bytes, so that Flink converts and copies nothing.
 */
final class NexmarkEvents implements Generator<RowData> {
    private static final long serialVersionUID = 1;
    static final int PERSON = 0;
    static final int AUCTION = 1;
    static final int BID = 2;
    private static final long BASE_MILLIS = 1436918400000L;
    private static final long RATE = 100_000;

    private static final long[] DECADES = {1, 10, 100, 1_000, 10_000, 100_000};
    private static final long[] POWERS = {
        100000000, 103663293, 107460783, 111397386, 115478198, 119708503, 124093776, 128639694, 133352143, 138237223,
        143301257, 148550802, 153992653, 159633854, 165481710, 171543790, 177827941, 184342299, 191095297, 198095678,
        205352503, 212875166, 220673407, 228757320, 237137371, 245824407, 254829675, 264164832, 273841963, 283873596,
        294272718, 305052789, 316227766, 327812115, 339820833, 352269465, 365174127, 378551525, 392418976, 406794432,
        421696503, 437144481, 453158364, 469758882, 486967525, 504806572, 523299115, 542469094, 562341325, 582941535,
        604296390, 626433537, 649381632, 673170382, 697830585, 723394163, 749894209, 777365030, 805842188, 835362547,
        865964323, 897687132, 930572041, 964661620, 1000000000};
    private static final String[] FIRST_NAMES =
            {"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"};
    private static final String[] LAST_NAMES =
            {"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"};
    private static final StringData[] CITIES = texts("Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend",
            "Redmond", "Seattle", "Kent", "Cheyenne");
    private static final StringData[] STATES = texts("AZ", "CA", "ID", "OR", "WA", "WY");
    private static final String[] HOT_CHANNELS = {"Google", "Facebook", "Baidu", "Apple"};
    private static final int CHANNELS = 10_000;
    private static final byte[] LETTERS = letters();
    private static final StringData[] CHANNEL_NAMES = new StringData[HOT_CHANNELS.length + CHANNELS];
    private static final StringData[] CHANNEL_URLS = new StringData[HOT_CHANNELS.length + CHANNELS];

    static {
        for (int i = 0; i < CHANNEL_NAMES.length; ++i) {
            final Random random = new Random(0x7000000000000000L + i);
            final StringBuilder url = new StringBuilder("https://www.nexmark.com/");
            for (int directory = 0; directory < 3; ++directory) url.append(random.word(5, '_')).append('/');
            url.append("item.htm?query=1");
            String name = i < HOT_CHANNELS.length ? HOT_CHANNELS[i] : "";
            if (i >= HOT_CHANNELS.length) {
                final int number = i - HOT_CHANNELS.length;
                name = "channel-" + number;
                if (random.below(10) > 0) url.append("&channel_id=").append(Math.abs((long) Integer.reverse(number)));
            }
            CHANNEL_NAMES[i] = text(name);
            CHANNEL_URLS[i] = text(url.toString());
        }
    }

    private static final class Random {
        private long state;

        Random(long seed) {
            state = mix(seed + 0x4E65786D61726BL);
        }

        long next() {
            state += 0x9E3779B97F4A7C15L;
            return mix(state);
        }

        long below(long limit) {
            return ((next() >>> 32) * limit) >>> 32;
        }

        StringBuilder word(long longest, char separator) {
            final StringBuilder out = new StringBuilder();
            for (long left = 3 + below(longest - 3); left > 0; --left) {
                final long drawn = next();
                final boolean separates = ((drawn >>> 32) * 13) >>> 32 == 0;
                out.append(separates ? separator : (char) ('a' + (((drawn & 0xFFFFFFFFL) * 26) >>> 32)));
            }
            return out;
        }

        String trimmed(long longest) {
            return word(longest, ' ').toString().strip();
        }
    }

    static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    private static byte[] letters() {
        final Random random = new Random(0x7100000000000000L);
        final byte[] letters = new byte[1 << 20];
        for (int i = 0; i < letters.length; ++i) letters[i] = (byte) ('a' + random.below(26));
        return letters;
    }

    private static StringData text(String text) {
        return BinaryStringData.fromBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    private static StringData[] texts(String... all) {
        final StringData[] out = new StringData[all.length];
        for (int i = 0; i < all.length; ++i) out[i] = text(all[i]);
        return out;
    }

    private static TimestampData time(long millis) {
        return TimestampData.fromEpochMillis(millis);
    }

    @Override
    public long timeOf(long id) {
        return BASE_MILLIS + id * 1000 / RATE;
    }

    /** The row is (event type, person, auction, bid, dateTime); two of the three in the middle are null. */
    @Override
    public RowData generate(long id, RowData unused) {
        final GenericRowData row = new GenericRowData(5);
        final Random random = new Random(id);
        final TimestampData time = time(timeOf(id));
        final long place = id % 50;
        final int type = place > 3 ? BID : place > 0 ? AUCTION : PERSON;
        row.setField(0, type);
        row.setField(1 + type, type == BID ? bid(id, random, time)
                : type == AUCTION ? auction(id, random, time) : person(id, random, time));
        row.setField(4, time);
        return row;
    }

    private static long lastAuction(long id) {
        return id / 50 * 3 + Math.min(id % 50, 3) - 1;
    }

    private static long lastPerson(long id) {
        return id / 50;
    }

    private static long hotOf(long last) {
        return last / 100 * 100;
    }

    private static long activePerson(long id, Random random) {
        final long people = lastPerson(id) + 1;
        final long active = Math.min(people, 1000);
        return people - active + random.below(active + 10);
    }

    private static long auctionInFlight(long id, Random random) {
        final long last = lastAuction(id);
        final long first = Math.max(last - 100, 0);
        return first + random.below(last - first + 11);
    }

    private static long price(Random random) {
        final long drawn = random.next();
        final int decade = (int) (((drawn >>> 32) * 6) >>> 32);
        final int step = (int) ((drawn >>> 26) & 63);
        final long within = drawn & 0x3FFFFFF;
        final long power = POWERS[step] + (((POWERS[step + 1] - POWERS[step]) * within) >>> 26);
        return (power * DECADES[decade] + 500_000) / 1_000_000;
    }

    private static StringData extra(Random random, long size, long average) {
        if (size > average) return text("");
        final long missing = average - size;
        final long delta = (2 * missing + 5) / 10;
        final int length = (int) (missing - delta + (delta == 0 ? 0 : random.below(2 * delta)));
        return BinaryStringData.fromBytes(LETTERS, (int) random.below(LETTERS.length - length), length);
    }

    private static int sizeOf(StringData text) {
        return ((BinaryStringData) text).getSizeInBytes();
    }

    private static RowData person(long id, Random random, TimestampData time) {
        final GenericRowData row = new GenericRowData(8);
        row.setField(0, 1000 + lastPerson(id));
        final String first = FIRST_NAMES[(int) random.below(FIRST_NAMES.length)];
        final StringData name = text(first + " " + LAST_NAMES[(int) random.below(LAST_NAMES.length)]);
        final String mailbox = random.trimmed(7);
        final StringData email = text(mailbox + "@" + random.trimmed(5) + ".com");
        final StringBuilder card = new StringBuilder();
        for (int group = 0; group < 4; ++group) {
            if (group > 0) card.append(' ');
            final long digits = random.below(10_000);
            for (int unit = 1000; unit > 0; unit /= 10) card.append((char) ('0' + digits / unit % 10));
        }
        final StringData creditCard = text(card.toString());
        final StringData city = CITIES[(int) random.below(CITIES.length)];
        final StringData state = STATES[(int) random.below(STATES.length)];
        row.setField(1, name);
        row.setField(2, email);
        row.setField(3, creditCard);
        row.setField(4, city);
        row.setField(5, state);
        row.setField(6, time);
        row.setField(7,
                extra(random, 8 + sizeOf(name) + sizeOf(email) + sizeOf(creditCard) + sizeOf(city) + sizeOf(state), 200));
        return row;
    }

    private RowData auction(long id, Random random, TimestampData time) {
        final GenericRowData row = new GenericRowData(10);
        row.setField(0, 1000 + lastAuction(id));
        final long seller = random.below(4) > 0 ? hotOf(lastPerson(id)) : activePerson(id, random);
        row.setField(7, 1000 + seller);
        row.setField(8, 10 + random.below(5));
        final long initialBid = price(random);
        final long horizon = timeOf(id + 1666) - time.getMillisecond();
        row.setField(3, initialBid);
        row.setField(5, time);
        row.setField(6, time(time.getMillisecond() + 1 + random.below(Math.max(2 * horizon, 1))));
        final StringData itemName = text(random.trimmed(20));
        final StringData description = text(random.trimmed(100));
        row.setField(1, itemName);
        row.setField(2, description);
        row.setField(4, initialBid + price(random));
        row.setField(9, extra(random, 48 + sizeOf(itemName) + sizeOf(description), 500));
        return row;
    }

    private static RowData bid(long id, Random random, TimestampData time) {
        final GenericRowData row = new GenericRowData(7);
        row.setField(0, 1000 + (random.below(2) > 0 ? hotOf(lastAuction(id)) : auctionInFlight(id, random)));
        row.setField(1, 1000 + (random.below(4) > 0 ? hotOf(lastPerson(id)) + 1 : activePerson(id, random)));
        row.setField(2, price(random));
        final int channel = (int) (random.below(2) > 0 ? random.below(4) : 4 + random.below(CHANNELS));
        row.setField(3, CHANNEL_NAMES[channel]);
        row.setField(4, CHANNEL_URLS[channel]);
        row.setField(5, time);
        row.setField(6, extra(random, 32, 100));
        return row;
    }
}
