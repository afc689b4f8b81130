# shellcheck shell=bash
# Programs whose compilation is measured; sourced by compile_time and check_costs, behind .ci/setup.sh.

# readmeProgram: the first C++ block of the README that is a whole program; nothing if there is none.
readmeProgram() {
    awk '/^```(cpp|c\+\+)/ { inside = 1; text = ""; next }
         /^```/ && inside { inside = 0; if (text ~ /int main/) { printf "%s", text; exit } }
         inside { text = text $0 "\n" }' "$millraceRoot/README.md"
}

# chainProgram N: N operators in one chain.
chainProgram() {
    local operators=$1 i
    printf '#include <cstdint>\n#include <millrace/millrace.hpp>\n\nint main() {\n'
    printf '    millrace::StreamExecutionEnvironment env;\n    env.fromSequence(1, 1000)\n'
    for ((i = 0; i < operators / 2; ++i)); do
        printf '        .map([](std::int64_t x) { return x + %d; })\n' "$i"
        printf '        .filter([](std::int64_t x) { return x %% 1000 != %d; })\n' "$i"
    done
    printf '        .addSink([](std::int64_t) {});\n    env.execute();\n}\n'
}
