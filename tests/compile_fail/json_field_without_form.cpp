// EXPECT: millrace: JSON lines: a field of the record has a type that has no form in JSON
// EXPECT: handler
#include <millrace/formats/json_lines_format.hpp>

struct Event {
    int id;
    int* handler;
};

int main() {
    millrace::JsonLinesFormat<Event> format;
    Event event{};
    return format.parse("{}", event).ok() ? 0 : 1;
}
