// EXPECT: millrace: CSV: a field of the record has a type that cannot be read from text
// EXPECT: trades
#include <millrace/formats/csv_format.hpp>

#include <vector>

struct Order {
    std::string symbol;
    std::vector<int> trades;
};

int main() {
    millrace::CsvFormat<Order> format;
    Order order;
    format.readHeader("symbol,trades");
    std::string line;
    format.encode(order, line);
    return format.column("Trades", &Order::trades).parse("A,1", order).ok() ? 0 : 1;
}
