// What a user's program is: two files include the library (so that a definition that is not inline shows at link time).
#include <millrace/millrace.hpp>

millrace::DataStream<int> withoutEight(millrace::DataStream<int> numbers);

int main() {
    millrace::StreamExecutionEnvironment env;
    env.setParallelism(1);
    env.fromData({1, 2, 3}).map([](int x) { return x * 2; }).print();
    env.execute();
    withoutEight(env.fromData({7, 8, 9})).print();
    env.execute();
}

#if defined(MILLRACE_SEPARATE_COMPILATION) && defined(BOOST_ASIO_DETAIL_CONFIG_HPP)
#error "with millrace::compiled a user's file does not parse Asio"
#endif
