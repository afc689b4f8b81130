// EXPECT: millrace: explainStall needs #include <millrace/runtime/stall_report.hpp>
#include <millrace/millrace.hpp>

int main() {
    millrace::StreamExecutionEnvironment env;
    env.executeAsync()->explainStall();
}
