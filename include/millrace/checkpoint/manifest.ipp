#ifndef MILLRACE_CHECKPOINT_MANIFEST_IPP
#define MILLRACE_CHECKPOINT_MANIFEST_IPP

#include <millrace/checkpoint/manifest.hpp>
#include <millrace/core/algorithm.hpp>
#include <millrace/core/crc32c.hpp>
#include <millrace/core/errors.hpp>
#include <millrace/core/message.hpp>
#include <millrace/types/key_group.hpp>
#include <millrace/version.hpp>

#include <charconv>
#include <cstdio>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace millrace::detail {

inline constexpr std::string_view kManifestFormat = "millrace checkpoint";

/// A text as JSON. One that is not UTF-8, which JSON cannot hold, becomes {"hex": "…"}.
[[gnu::cold]] inline nlohmann::ordered_json textToJson(const std::string& text) {
    nlohmann::ordered_json json = text;
    try {
        (void)json.dump();
    } catch (const nlohmann::json::exception&) {
        std::string digits;
        for (const char c : text) {
            char pair[3];
            std::snprintf(pair, sizeof pair, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
            digits += pair;
        }
        json = nlohmann::ordered_json::object();
        json["hex"] = digits;
    }
    return json;
}

MILLRACE_INLINE_COLD std::string manifestEnd(std::string_view body) {
    char line[48];
    std::snprintf(line, sizeof line, "\"checksum\": \"crc32c:%08x\"\n}\n",
                  static_cast<unsigned>(crc32c(std::as_bytes(std::span(body)))));
    return line;
}

[[gnu::cold]] inline bool hasChannelState(const StateFileIndex& part) {
    return std::any_of(part.states.begin(), part.states.end(), [](const StateExtent& extent) {
        return extent.pieces > 0 && extent.firstKeyGroup == kChannelState;
    });
}

MILLRACE_INLINE_COLD std::string formatManifest(const CheckpointManifest& manifest) {
    using Json = nlohmann::ordered_json;
    const CheckpointDescription& description = manifest.description;
    std::string text = "{\n";
    const auto add = [&](std::string_view name, const Json& value) {
        text += message("\"{}\": ", {name}) + value.dump() + ",\n";
    };
    const auto addList = [&](std::string_view name, const Json& list) {  // an element per line, for who looks at it
        text += message("\"{}\": [", {name});
        bool isFirst = true;
        for (const Json& element : list) {
            text += (isFirst ? "\n  " : ",\n  ") + element.dump();
            isFirst = false;
        }
        text += isFirst ? "],\n" : "\n],\n";
    };
    add("format", std::string(kManifestFormat));
    // what refers to no other checkpoint, and was aligned, is left readable by those who know of neither
    bool isNew = false;
    for (const StateFileIndex& part : manifest.parts) {
        isNew = isNew || part.name.find('/') != std::string::npos || hasChannelState(part);
    }
    add("formatVersion", isNew ? kManifestVersion : 2);
    add("writtenBy",
        message("millrace {}.{}.{}", {MILLRACE_VERSION_MAJOR, MILLRACE_VERSION_MINOR, MILLRACE_VERSION_PATCH}));
    add("id", description.id);
    add("kind", description.kind == CheckpointKind::Savepoint ? "savepoint" : "checkpoint");
    add("jobName", textToJson(description.jobName));
    add("fingerprint", textToJson(description.fingerprint));
    add("triggeredNanoseconds", static_cast<std::int64_t>(description.triggered.time_since_epoch().count()));
    add("maxParallelism", description.maxParallelism);
    Json operators = Json::array();
    for (const CheckpointedOperator& each : description.operators) {
        Json entry;
        entry["uid"] = textToJson(each.uid);
        entry["name"] = textToJson(each.name);
        entry["kind"] = textToJson(each.kind);
        entry["parallelism"] = each.parallelism;
        entry["finishedSubtasks"] = each.finishedSubtasks;
        operators.push_back(std::move(entry));
    }
    addList("operators", operators);
    Json parts = Json::array();
    Json states = Json::array();
    Json schemas = Json::array();
    std::set<std::pair<std::string, std::string>> described;
    for (const StateFileIndex& part : manifest.parts) {
        Json entry;
        entry["file"] = part.name;
        entry["task"] = part.owner.task;
        entry["subtask"] = part.owner.subtask;
        entry["size"] = part.size;
        parts.push_back(std::move(entry));
        for (const StateExtent& extent : part.states) {
            Json state;
            state["uid"] = textToJson(extent.uid);
            state["state"] = textToJson(extent.state);
            state["file"] = part.name;
            state["offset"] = extent.offset;
            state["length"] = extent.length;
            state["pieces"] = extent.pieces;
            state["bytes"] = extent.bytes;
            state["firstKeyGroup"] = extent.firstKeyGroup;
            state["lastKeyGroup"] = extent.lastKeyGroup;
            states.push_back(std::move(state));
            if (extent.schema.empty() || !described.emplace(extent.uid, extent.state).second) continue;
            Json schema;
            schema["uid"] = textToJson(extent.uid);
            schema["state"] = textToJson(extent.state);
            schema["schema"] = textToJson(extent.schema);
            schemas.push_back(std::move(schema));
        }
    }
    addList("schemas", schemas);
    addList("parts", parts);
    addList("states", states);
    return text + manifestEnd(text);
}

MILLRACE_INLINE_COLD std::int64_t numberInName(std::string_view name, std::string_view before,
                                               std::string_view after) noexcept {
    if (name.size() <= before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after)) return -1;
    const std::string_view digits = name.substr(before.size(), name.size() - before.size() - after.size());
    if (digits.front() < '0' || digits.front() > '9' || (digits.front() == '0' && digits.size() > 1) ||
        digits.size() > 15) {
        return -1;
    }
    std::int64_t number = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc() && end == digits.data() + digits.size() ? number : -1;
}

/// Takes values out of a manifest: the member must be there, of its type, and in its range.
class ManifestReader {
public:
    using Json = nlohmann::json;

    explicit ManifestReader(const std::string& path) : path_(path) {}

    [[noreturn, gnu::cold]] void fail(const std::string& problem) const {
        raise<CodecException>(
            "the manifest '{}' is damaged: {}. Restore from another checkpoint, or from a copy of this one",
            {path_, problem});
    }
    [[gnu::cold]] const Json& member(const Json& object, const char* name) const {
        const auto found = object.find(name);
        if (found == object.end()) fail(message("it has no '{}'", {name}));
        return *found;
    }
    [[gnu::cold]] const Json& list(const Json& object, const char* name) const {
        const Json& value = member(object, name);
        if (!value.is_array()) fail(message("'{}' is not a list", {name}));
        for (const Json& element : value) {
            if (!element.is_object()) fail(message("'{}' has an element that is not an object", {name}));
        }
        return value;
    }
    [[gnu::cold]] std::int64_t integer(const Json& object, const char* name,
                                       std::int64_t lowest = std::numeric_limits<std::int64_t>::min(),
                                       std::int64_t highest = std::numeric_limits<std::int64_t>::max()) const {
        const Json& value = member(object, name);
        const bool isTooLarge =
            value.is_number_unsigned() &&
            value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        if (!value.is_number_integer() || isTooLarge || value.get<std::int64_t>() < lowest ||
            value.get<std::int64_t>() > highest) {
            fail(message("'{}' is not a whole number from {} to {}", {name, lowest, highest}));
        }
        return value.get<std::int64_t>();
    }
    [[gnu::cold]] int small(const Json& object, const char* name,
                            std::int64_t lowest = std::numeric_limits<int>::min()) const {
        return static_cast<int>(integer(object, name, lowest, std::numeric_limits<int>::max()));
    }
    [[gnu::cold]] std::uint64_t size(const Json& object, const char* name) const {
        return static_cast<std::uint64_t>(integer(object, name, 0));
    }
    [[gnu::cold]] std::string text(const Json& object, const char* name) const {
        const Json& value = member(object, name);
        if (value.is_string()) return value.get<std::string>();
        const auto hex = value.is_object() ? value.find("hex") : value.end();
        if (!value.is_object() || hex == value.end() || !hex->is_string()) fail(message("'{}' is not a text", {name}));
        const auto& digits = hex->get_ref<const std::string&>();
        std::string result;
        for (std::size_t i = 0; i < digits.size(); i += 2) {
            unsigned char c = 0;
            const char* const end = digits.data() + std::min(i + 2, digits.size());
            const auto [stop, error] = std::from_chars(digits.data() + i, end, c, 16);
            if (error != std::errc() || stop != digits.data() + i + 2) {
                fail(message("'{}' has digits that are not hexadecimal pairs", {name}));
            }
            result += static_cast<char>(c);
        }
        return result;
    }

private:
    const std::string& path_;
};

MILLRACE_INLINE_COLD CheckpointManifest parseManifest(std::string_view text, const std::string& path) {
    const ManifestReader reader(path);
    const std::size_t endSize = manifestEnd({}).size();
    if (text.size() < endSize) reader.fail(message("it has only {} bytes", {text.size()}));
    const std::string_view body = text.substr(0, text.size() - endSize);
    if (text.substr(body.size()) != manifestEnd(body)) {
        reader.fail("its checksum, the last line but one, does not match (was it edited?)");
    }
    nlohmann::json json;
    try {
        json = nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        reader.fail(error.what());
    }
    if (!json.is_object() || reader.text(json, "format") != kManifestFormat) {
        reader.fail(message("its 'format' is not '{}'", {kManifestFormat}));
    }
    const std::int64_t version = reader.integer(json, "formatVersion", 1);
    if (version > kManifestVersion) {
        const auto writtenBy = json.find("writtenBy");
        raise<CodecException>(
            "the manifest '{}' has format version {}, but this build of millrace reads versions up to {}. Restore it "
            "with the version that wrote it ({}), or a later one",
            {path, version, kManifestVersion,
             writtenBy != json.end() && writtenBy->is_string() ? reader.text(json, "writtenBy")
                                                               : std::string("unknown")});
    }
    CheckpointManifest manifest;
    manifest.version = static_cast<int>(version);
    CheckpointDescription& description = manifest.description;
    description.id = reader.integer(json, "id");
    const std::string kind = reader.text(json, "kind");
    if (kind != "checkpoint" && kind != "savepoint") reader.fail("'kind' is neither checkpoint nor savepoint");
    description.kind = kind == "savepoint" ? CheckpointKind::Savepoint : CheckpointKind::Checkpoint;
    description.jobName = reader.text(json, "jobName");
    description.fingerprint = reader.text(json, "fingerprint");
    description.triggered = Timestamp(Duration(reader.integer(json, "triggeredNanoseconds")));
    description.maxParallelism = static_cast<int>(reader.integer(json, "maxParallelism", 1, kMaxParallelismLimit));
    for (const nlohmann::json& entry : reader.list(json, "operators")) {
        auto& each = description.operators.add(new CheckpointedOperator);
        each.uid = reader.text(entry, "uid");
        each.name = reader.text(entry, "name");
        each.kind = reader.text(entry, "kind");
        each.parallelism = reader.small(entry, "parallelism", 1);
        each.finishedSubtasks = static_cast<int>(reader.integer(entry, "finishedSubtasks", 0, each.parallelism));
    }
    std::set<std::string> names;
    for (const nlohmann::json& entry : reader.list(json, "parts")) {
        StateFileIndex& part = manifest.parts.emplace_back();
        part.name = reader.text(entry, "file");
        // so no name leads out of the directory, or that of the job
        const std::size_t slash = part.name.find('/');
        const std::int64_t elsewhere =
            slash != std::string::npos && version >= 3 ? numberInName(part.name.substr(0, slash), "chk-", "") : -1;
        const std::string own = elsewhere >= 0 ? part.name.substr(slash + 1) : part.name;
        if (numberInName(own, "part-", ".state") < 0 || elsewhere >= description.id) {
            reader.fail(message("'{}' is not the name of a part ('part-1.state')", {part.name}));
        }
        if (!names.insert(part.name).second) reader.fail(message("'{}' is there twice", {part.name}));
        part.owner = {elsewhere >= 0 ? elsewhere : description.id, reader.small(entry, "task"),
                      reader.small(entry, "subtask")};
        part.size = reader.size(entry, "size");
    }
    std::map<std::pair<std::string, std::string>, std::string> schemas;
    if (version >= 2) {  // before, nobody said what states look like
        for (const nlohmann::json& entry : reader.list(json, "schemas")) {
            schemas[{reader.text(entry, "uid"), reader.text(entry, "state")}] = reader.text(entry, "schema");
        }
    }
    auto part = manifest.parts.begin();  // states are in the order of the parts
    for (const nlohmann::json& entry : reader.list(json, "states")) {
        const std::string file = reader.text(entry, "file");
        part = std::find_if(part, manifest.parts.end(), [&](const StateFileIndex& each) { return each.name == file; });
        if (part == manifest.parts.end())
            reader.fail(message("a state is in '{}', which is not among the parts", {file}));
        StateExtent& extent = part->states.emplace_back();
        extent.uid = reader.text(entry, "uid");
        extent.state = reader.text(entry, "state");
        if (const auto found = schemas.find({extent.uid, extent.state}); found != schemas.end()) {
            extent.schema = found->second;
        }
        extent.offset = reader.size(entry, "offset");
        extent.length = reader.size(entry, "length");
        extent.pieces = reader.size(entry, "pieces");
        extent.bytes = reader.size(entry, "bytes");
        extent.firstKeyGroup = reader.small(entry, "firstKeyGroup");
        extent.lastKeyGroup = reader.small(entry, "lastKeyGroup");
        if (const int groups = manifest.description.maxParallelism; extent.lastKeyGroup >= groups) {
            reader.fail(message("state '{}' of uid '{}' has key group {}, but maxParallelism is {}",
                                {extent.state, extent.uid, extent.lastKeyGroup, groups}));
        }
        if (extent.offset < kStateFileHeaderSize || extent.offset > part->size ||
            extent.length > part->size - extent.offset) {
            reader.fail(message("state '{}' of uid '{}' reaches beyond its file", {extent.state, extent.uid}));
        }
    }
    return manifest;
}

}  // namespace millrace::detail

#endif  // MILLRACE_CHECKPOINT_MANIFEST_IPP
