#include "value.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace millrace::conformance {

using nlohmann::json;

namespace {

[[noreturn]] void failKind(const Value& value, const char* expected) {
    throw std::runtime_error(std::string("expected ") + expected + ", found " + value.text());
}

template <class Integers, class Doubles>
Value arithmetic(const Value& a, const Value& b, Integers integers, Doubles doubles) {
    if (a.isInteger() && b.isInteger()) {
        return static_cast<std::int64_t>(
            integers(static_cast<std::uint64_t>(a.integer()), static_cast<std::uint64_t>(b.integer())));
    }
    return doubles(a.number(), b.number());
}

}  // namespace

bool Value::boolean() const {
    if (const auto* value = std::get_if<bool>(&data_)) return *value;
    failKind(*this, "true or false");
}
std::int64_t Value::integer() const {
    if (const auto* value = std::get_if<std::int64_t>(&data_)) return *value;
    failKind(*this, "an integer");
}
double Value::number() const {
    if (const auto* value = std::get_if<double>(&data_)) return *value;
    if (const auto* value = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*value);
    failKind(*this, "a number");
}
const std::string& Value::string() const {
    if (const auto* value = std::get_if<std::string>(&data_)) return *value;
    failKind(*this, "a string");
}
const Value::Array& Value::array() const {
    if (const auto* value = std::get_if<Array>(&data_)) return *value;
    failKind(*this, "an array");
}
Value::Array& Value::array() {
    if (auto* value = std::get_if<Array>(&data_)) return *value;
    failKind(*this, "an array");
}
const Value& Value::at(std::size_t n) const {
    const Array& values = array();
    if (n >= values.size()) failKind(*this, ("an array with an element " + std::to_string(n)).c_str());
    return values[n];
}
Value& Value::at(std::size_t n) {
    return const_cast<Value&>(std::as_const(*this).at(n));
}

std::string Value::text() const {
    return toJson(*this).dump();
}

bool operator==(const Value& a, const Value& b) {
    return a.data_ == b.data_;
}
bool operator<(const Value& a, const Value& b) {
    if (a.isInteger() && b.isInteger()) return a.integer() < b.integer();
    if (a.isNumber() && b.isNumber()) return a.number() < b.number();
    return a.data_ < b.data_;
}
Value operator+(const Value& a, const Value& b) {
    return arithmetic(
        a, b, [](std::uint64_t x, std::uint64_t y) { return x + y; }, [](double x, double y) { return x + y; });
}
Value operator-(const Value& a, const Value& b) {
    return arithmetic(
        a, b, [](std::uint64_t x, std::uint64_t y) { return x - y; }, [](double x, double y) { return x - y; });
}
Value operator*(const Value& a, const Value& b) {
    return arithmetic(
        a, b, [](std::uint64_t x, std::uint64_t y) { return x * y; }, [](double x, double y) { return x * y; });
}
std::ostream& operator<<(std::ostream& out, const Value& value) {
    return out << value.text();
}

void Value::encode(ByteWriter& writer) const {
    writer.write(static_cast<std::uint8_t>(data_.index()));
    switch (data_.index()) {
        case 1:
            return writer.write(static_cast<std::uint8_t>(boolean()));
        case 2:
            return writer.write(integer());
        case 3:
            return writer.write(std::get<double>(data_));
        case 4:
            return writer.writeString(string());
        case 5:
            writer.writeLength(array().size());
            for (const Value& value : array()) value.encode(writer);
            return;
        default:
            return;
    }
}
void Value::decode(ByteReader& reader, int depth) {
    if (depth > 100) reader.fail("arrays within arrays, more than 100 levels deep");
    switch (const auto kind = reader.read<std::uint8_t>("the kind of a value")) {
        case 0:
            data_ = std::monostate{};
            return;
        case 1:
            data_ = reader.read<std::uint8_t>() != 0;
            return;
        case 2:
            data_ = reader.read<std::int64_t>();
            return;
        case 3:
            data_ = reader.read<double>();
            return;
        case 4:
            data_ = std::string(reader.readString());
            return;
        case 5: {
            Array values(reader.readLength());
            for (Value& value : values) value.decode(reader, depth + 1);
            data_ = std::move(values);
            return;
        }
        default:
            reader.fail("no value has the kind " + std::to_string(kind));
    }
}
std::uint64_t Value::hash() const {
    ByteWriter writer;
    encode(writer);
    return detail::mixBytes(detail::kKeyHashSeed, reinterpret_cast<const char*>(writer.data()), writer.size());
}

Value fromJson(const json& value) {
    switch (value.type()) {
        case json::value_t::null:
            return {};
        case json::value_t::boolean:
            return value.get<bool>();
        case json::value_t::number_integer:
            return value.get<std::int64_t>();
        case json::value_t::number_unsigned:
            if (value.get<std::uint64_t>() > INT64_MAX) {
                throw std::runtime_error("the integer " + value.dump() + " does not fit into 64 bits with a sign");
            }
            return value.get<std::int64_t>();
        case json::value_t::number_float:
            return value.get<double>();
        case json::value_t::string:
            return value.get<std::string>();
        case json::value_t::array: {
            Value::Array values;
            for (const json& each : value) values.push_back(fromJson(each));
            return values;
        }
        default:
            throw std::runtime_error("a record must not contain an object: " + value.dump());
    }
}
json toJson(const Value& value) {
    if (value.isNull()) return nullptr;
    if (value.isInteger()) return value.integer();
    if (value.isDouble()) return value.number();
    if (value.isString()) return value.string();
    if (!value.isArray()) return value.boolean();
    json array = json::array();
    for (const Value& each : value.array()) array.push_back(toJson(each));
    return array;
}

}  // namespace millrace::conformance
