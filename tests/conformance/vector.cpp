#include "vector.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <tuple>

namespace millrace::conformance {

namespace {

OutputItem outputItem(const json& item) {
    OutputItem output;
    output.at = item.value("at", 0);
    if (item.contains("elem")) {
        output.name = item.value("side", "");
        output.value = fromJson(item.at("elem"));
        output.time = item.contains("ts") ? fromJson(item.at("ts")) : Value{};
    } else if (item.contains("watermark")) {
        output.kind = OutputItem::Kind::Watermark;
        output.time = fromJson(item.at("watermark"));
    } else if (item.contains("status")) {
        output.kind = OutputItem::Kind::Status;
        output.name = item.at("status").get<std::string>();
    } else if (item.contains("error")) {
        output.kind = OutputItem::Kind::Error;
        if (item.at("error").is_string()) output.errorText = item.at("error").get<std::string>();
    } else if (item.contains("query")) {
        output.kind = OutputItem::Kind::Query;
        output.name = item.at("query").get<std::string>();
        output.value = fromJson(item.at("value"));
    } else if (item.contains("windows")) {
        output.kind = OutputItem::Kind::Windows;
        output.value = fromJson(item.at("windows"));
    } else if (item.contains("window")) {
        output.kind = OutputItem::Kind::Merge;
        output.value = Value::Array{fromJson(item.at("window")), fromJson(item.at("merged")), fromJson(item.at("set"))};
    } else {
        throw std::runtime_error("unknown output item " + item.dump());
    }
    return output;
}

bool before(const OutputItem& a, const OutputItem& b) {
    return std::tie(a.kind, a.name, a.time, a.value) < std::tie(b.kind, b.name, b.time, b.value);
}

/// Outputs are streams of their own: within one step there is no order between the main output and a side output.
void putSideOutputsLast(std::vector<OutputItem>& items) {
    for (auto from = items.begin(); from != items.end();) {
        if (from->isMarker()) {
            ++from;
            continue;
        }
        const auto to =
            std::find_if(from, items.end(), [&](const OutputItem& i) { return i.isMarker() || i.at != from->at; });
        std::stable_sort(from, to, [](const OutputItem& a, const OutputItem& b) { return a.name < b.name; });
        from = to;
    }
}
void sortBetweenMarkers(std::vector<OutputItem>& items) {
    for (auto from = items.begin(); from != items.end();) {
        if (from->isMarker()) {
            ++from;
            continue;
        }
        const auto to =
            std::find_if(from, items.end(), [&](const OutputItem& i) { return i.isMarker() || i.at != from->at; });
        std::sort(from, to, before);
        from = to;
    }
}

std::string joined(const std::vector<OutputItem>& items) {
    std::string text;
    for (const OutputItem& item : items) text += (text.empty() ? "" : " ") + item.text();
    return "[" + text + "]";
}

}  // namespace

std::string OutputItem::text() const {
    const std::string step = "#" + std::to_string(at);
    switch (kind) {
        case Kind::Element:
            return (name.empty() ? "" : name + ":") + value.text() + "@" + time.text() + step;
        case Kind::Watermark:
            return "watermark(" + time.text() + ")" + step;
        case Kind::Status:
            return name + step;
        case Kind::Error:
            return "error(" + errorText + ")" + step;
        case Kind::Query:
            return name + "=" + value.text() + step;
        case Kind::Windows:
            return "windows" + value.text() + step;
        case Kind::Merge:
            return "merge" + value.text() + step;
    }
    return {};
}

std::vector<Vector> readVectors(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + ": cannot be opened");
    json root;
    try {
        root = json::parse(file);
    } catch (const json::exception& error) {
        throw std::runtime_error(path + ": is not JSON: " + error.what());
    }
    std::vector<Vector> vectors;
    std::string where = path;
    try {
        if (const int format = root.at("format").get<int>(); format != 1) {
            throw std::runtime_error("format 1 expected, found " + std::to_string(format));
        }
        for (const json& each : root.at("vectors")) {
            where = path + ", vector " + std::to_string(vectors.size());
            Vector vector;
            vector.id = each.at("id").get<std::string>();
            where = path + ", vector '" + vector.id + "'";
            vector.op = each.at("operator");
            vector.kind();
            for (const json& item : each.at("input")) vector.input.push_back(item);
            vector.order = each.value("order", "exact");
            vector.required = each.value("requires", std::vector<std::string>{});
            // records of other categories may be objects; those kinds are not built, and only counted
            try {
                for (const json& item : each.at("expected")) vector.expected.push_back(outputItem(item));
            } catch (const std::runtime_error& error) {
                vector.order = std::string("unreadable: ") + error.what();
            }
            vectors.push_back(std::move(vector));
        }
    } catch (const std::exception& error) {
        throw std::runtime_error(where + ": " + error.what());
    }
    return vectors;
}

std::optional<std::string> difference(const std::vector<OutputItem>& expected, const std::vector<OutputItem>& actual,
                                      const std::string& order) {
    std::vector<OutputItem> a = expected;
    std::vector<OutputItem> b = actual;
    bool compareAt = true;
    if (order == "exact") {
        putSideOutputsLast(a);
        putSideOutputsLast(b);
    } else if (order == "per_watermark_unordered") {
        sortBetweenMarkers(a);
        sortBetweenMarkers(b);
    } else if (order == "unordered") {
        std::sort(a.begin(), a.end(), before);
        std::sort(b.begin(), b.end(), before);
        compareAt = false;
    } else {
        return "cannot compare by order '" + order + "'";
    }
    const bool equal = a.size() == b.size() &&
                       std::equal(a.begin(), a.end(), b.begin(), [&](const OutputItem& x, const OutputItem& y) {
                           return x.sameAs(y) && (!compareAt || x.at == y.at);
                       });
    if (equal) return std::nullopt;
    return "expected " + joined(a) + ", got " + joined(b);
}

}  // namespace millrace::conformance
