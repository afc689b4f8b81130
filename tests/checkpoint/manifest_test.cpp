#include <millrace/checkpoint/manifest.hpp>
// first: it stands alone
#include <millrace/core/message.hpp>

#include <checkpoint/checkpoint_fixtures.hpp>
#include <support/catch.hpp>

#include <string>

using namespace checkpoint_fixtures;
using Catch::Matchers::ContainsSubstring;

namespace {

CheckpointManifest sampleManifest() {
    CheckpointManifest manifest;
    manifest.description = describe(7);
    manifest.parts.push_back(
        {"part-2.state", {7, 0, 1}, 500, {{"source", "splits", 32, 100, 2, 50, -1, -1, "splits{split:i64}"}}});
    manifest.parts.push_back({"part-1.state", {7, -1, 0}, 32, {}});
    manifest.parts.push_back({"part-13.state",
                              {7, 2, 0},
                              1'000'000'000'000,
                              {{"count", "panes", 32, 999, 1, 2, 0, 31, "value{key:i32,value:{a:i64}}"},
                               {"count", "timers", 1031, 7, 0, 0, 0, 0, ""}}});
    return manifest;
}

/// The text with its checksum made right.
std::string sealed(const std::string& text) {
    const std::string body = text.substr(0, text.rfind("\"checksum\""));
    return body + manifestEnd(body);
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    const std::size_t at = text.find(what);
    if (at == std::string::npos) throw ConfigurationException("not in the manifest: " + what);
    return text.replace(at, what.size(), by);
}

}  // namespace

TEST_CASE("a manifest is JSON for people and programs", "[checkpoint]") {
    CHECK(formatManifest(sampleManifest()) ==
          R"({
"format": "millrace checkpoint",
"formatVersion": 2,
"writtenBy": "millrace )" +
              message("{}.{}.{}", {MILLRACE_VERSION_MAJOR, MILLRACE_VERSION_MINOR, MILLRACE_VERSION_PATCH}) +
              R"(",
"id": 7,
"kind": "checkpoint",
"jobName": "clicks \"per minute\"",
"fingerprint": "0123456789abcdef",
"triggeredNanoseconds": 1700000000123456796,
"maxParallelism": 64,
"operators": [
  {"uid":"source","name":"clicks","kind":"Source","parallelism":2,"finishedSubtasks":1},
  {"uid":"count","name":"count per page","kind":"Window","parallelism":2,"finishedSubtasks":0}
],
"schemas": [
  {"uid":"source","state":"splits","schema":"splits{split:i64}"},
  {"uid":"count","state":"panes","schema":"value{key:i32,value:{a:i64}}"}
],
"parts": [
  {"file":"part-2.state","task":0,"subtask":1,"size":500},
  {"file":"part-1.state","task":-1,"subtask":0,"size":32},
  {"file":"part-13.state","task":2,"subtask":0,"size":1000000000000}
],
"states": [
  {"uid":"source","state":"splits","file":"part-2.state","offset":32,"length":100,"pieces":2,"bytes":50,"firstKeyGroup":-1,"lastKeyGroup":-1},
  {"uid":"count","state":"panes","file":"part-13.state","offset":32,"length":999,"pieces":1,"bytes":2,"firstKeyGroup":0,"lastKeyGroup":31},
  {"uid":"count","state":"timers","file":"part-13.state","offset":1031,"length":7,"pieces":0,"bytes":0,"firstKeyGroup":0,"lastKeyGroup":0}
],
)" + manifestEnd(formatManifest(sampleManifest()).substr(0, formatManifest(sampleManifest()).rfind("\"checksum\""))));
}

TEST_CASE("a manifest that was read is the one that was written", "[checkpoint]") {
    const CheckpointManifest manifest = sampleManifest();
    const CheckpointManifest read = parseManifest(formatManifest(manifest), "m");
    CHECK(read.parts == manifest.parts);
    CHECK(formatManifest(read) == formatManifest(manifest));

    CheckpointManifest empty;
    empty.description.kind = CheckpointKind::Savepoint;
    empty.description.triggered = kMinTimestamp;
    const CheckpointManifest emptyRead = parseManifest(formatManifest(empty), "m");
    CHECK(emptyRead.description.kind == CheckpointKind::Savepoint);
    CHECK(formatManifest(emptyRead) == formatManifest(empty));
}

TEST_CASE("names in a manifest may hold any bytes", "[checkpoint]") {
    CheckpointManifest manifest = sampleManifest();
    const std::string odd("\xff\x00\x80\"\\\n\xc3", 7);
    manifest.description.jobName = odd;
    manifest.description.operators[0].uid = odd;
    manifest.description.operators[1].uid = "gr\xc3\xbc\xc3\x9f";
    manifest.parts[0].states[0].state = odd;
    const std::string text = formatManifest(manifest);
    CHECK_THAT(text, ContainsSubstring("\"jobName\": {\"hex\":\"ff0080225c0ac3\"}"));
    const CheckpointManifest read = parseManifest(text, "m");
    CHECK(read.description.jobName == odd);
    CHECK(read.description.operators[0].uid == odd);
    CHECK(read.description.operators[1].uid == "gr\xc3\xbc\xc3\x9f");
    CHECK(read.parts == manifest.parts);
}

TEST_CASE("every flipped bit of a manifest and every cut is noticed", "[checkpoint]") {
    const std::string whole = formatManifest(sampleManifest());
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        std::string text = whole;
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
        const std::string error = errorOf([&] { (void)parseManifest(text, "chk-7/manifest.json"); });
        if (!error.starts_with("the manifest 'chk-7/manifest.json' is damaged: ")) FAIL("bit " << bit << ": " << error);
    }
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const std::string error = errorOf([&] { (void)parseManifest(whole.substr(0, size), "chk-7/manifest.json"); });
        if (!error.starts_with("the manifest 'chk-7/manifest.json' is damaged: "))
            FAIL("size " << size << ": " << error);
    }
    CHECK_FALSE(errorOf([&] { (void)parseManifest(whole + "\n", "m"); }).empty());
}

TEST_CASE("a manifest of a later format says which version to use", "[checkpoint]") {
    const std::string text =
        sealed(replaced(replaced(formatManifest(sampleManifest()), "\"formatVersion\": 2", "\"formatVersion\": 4"),
                        "\"writtenBy\": \"millrace ", "\"writtenBy\": \"millrace 9."));
    CHECK_THAT(
        errorOf([&] { (void)parseManifest(text, "m"); }),
        ContainsSubstring("the manifest 'm' has format version 4, but this build of millrace reads versions up to 3. "
                          "Restore it with the version that wrote it (millrace 9."));
}

TEST_CASE("members that a reader does not know are left alone", "[checkpoint]") {
    const std::string text = sealed(
        replaced(formatManifest(sampleManifest()), "\"id\": 7", "\"comment\": {\"by\": [\"hand\"]},\n\"id\": 7"));
    CHECK(parseManifest(text, "m").description.id == 7);
}

TEST_CASE("a manifest with a right checksum is not trusted either", "[checkpoint]") {
    const std::string text = formatManifest(sampleManifest());
    const auto error = [&](const std::string& what, const std::string& by) {
        return errorOf([&] { (void)parseManifest(sealed(replaced(text, what, by)), "m"); });
    };
    const auto says = [](const std::string& problem) {
        return ContainsSubstring("the manifest 'm' is damaged: " + problem);
    };
    CHECK(error("\"id\": 7", "\"id\": 8").empty());
    CHECK_THAT(error("part-2.state", "../../etc/passwd"), says("'../../etc/passwd' is not the name of a part"));
    CHECK_THAT(error("part-2.state", "part-2.state/../x"), says("'part-2.state/../x' is not the name"));
    CHECK_THAT(error("part-2.state", "part-02.state"), says("'part-02.state' is not the name"));
    CHECK_THAT(error("part-2.state", "part-1.state"), says("'part-1.state' is there twice"));
    CHECK_THAT(error("\"splits\",\"file\":\"part-2.state\"", "\"splits\",\"file\":\"part-3.state\""),
               says("a state is in 'part-3.state', which is not among the parts"));
    CHECK_THAT(error("\"offset\":32,\"length\":100", "\"offset\":32,\"length\":469"),
               says("state 'splits' of uid 'source' reaches beyond its file"));
    CHECK_THAT(error("\"offset\":32,\"length\":100", "\"offset\":31,\"length\":100"), says("state 'splits'"));
    CHECK_THAT(error("\"length\":100", "\"length\":9223372036854775807"), says("state 'splits'"));
    CHECK_THAT(error("\"lastKeyGroup\":31", "\"lastKeyGroup\":64"),
               says("state 'panes' of uid 'count' has key group 64, but maxParallelism is 64"));
    CHECK_THAT(error("\"length\":100", "\"length\":18446744073709551615"), says("'length' is not a whole number"));
    CHECK_THAT(error("\"length\":100", "\"length\":1e2"), says("'length' is not a whole number"));
    CHECK_THAT(error("\"length\":100", "\"length\":-1"), says("'length' is not a whole number from 0"));
    CHECK_THAT(error("\"length\":100", "\"length\":\"100\""), says("'length' is not a whole number"));
    CHECK_THAT(error("\"maxParallelism\": 64", "\"maxParallelism\": 32769"),
               says("'maxParallelism' is not a whole number from 1 to 32768"));
    CHECK_THAT(error("\"parallelism\":2,\"finishedSubtasks\":1", "\"parallelism\":2,\"finishedSubtasks\":3"),
               says("'finishedSubtasks' is not a whole number from 0 to 2"));
    CHECK_THAT(error("\"kind\": \"checkpoint\"", "\"kind\": \"other\""), says("'kind' is neither"));
    CHECK_THAT(error("\"jobName\"", "\"jobname\""), says("it has no 'jobName'"));
    CHECK_THAT(error("\"uid\":\"source\"", "\"uid\":{\"hex\":\"abc\"}"), says("'uid' has digits"));
    CHECK_THAT(error("\"uid\":\"source\"", "\"uid\":{\"hex\":\"zz\"}"), says("'uid' has digits"));
    CHECK_THAT(error("\"uid\":\"source\"", "\"uid\":null"), says("'uid' is not a text"));
    CHECK_THAT(error("\"format\": \"millrace", "\"format\": \"another"), says("its 'format' is not"));
    CHECK_THAT(error("\"operators\": [", "\"operators\": [[],"), says("'operators' has an element"));
    CHECK_THAT(error("\"operators\": [", "\"operators\": {},\"x\": ["), says("'operators' is not a list"));
    CHECK_THAT(error("\"operators\": [", "\"operators\": [,"), says("[json.exception.parse_error"));
    CHECK_THAT(errorOf([] { (void)parseManifest(manifestEnd(""), "m"); }), says("[json.exception.parse_error"));
    // thousands of brackets do not use up the stack
    CHECK_THAT(error("\"operators\": [", "\"operators\": [" + std::string(200'000, '[')),
               says("[json.exception.parse_error"));
}

TEST_CASE("numbers in names are read in one form only", "[checkpoint]") {
    CHECK(numberInName("chk-0", "chk-", "") == 0);
    CHECK(numberInName("part-120.state", "part-", ".state") == 120);
    for (const char* const name : {"chk-", "chk-01", "chk--1", "chk-+1", "chk- 1", "chk-1x", "xchk-1", "chk-1.bak",
                                   "CHK-1", "chk-9999999999999999", "chk-99999999999999999999999"}) {
        CAPTURE(name);
        CHECK(numberInName(name, "chk-", "") == -1);
    }
}
