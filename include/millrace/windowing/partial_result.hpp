#ifndef MILLRACE_WINDOWING_PARTIAL_RESULT_HPP
#define MILLRACE_WINDOWING_PARTIAL_RESULT_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/functional.hpp>
#include <millrace/record/block.hpp>
#include <millrace/types/codec.hpp>
#include <millrace/types/describe.hpp>
#include <millrace/windowing/window_record.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace millrace::detail {

/// What goes from the local part of a window operator to the part behind the exchange: what the elements of a key in a slice
/// of time add up to, stamped with the last timestamp of the slice; or an element as it is.
template <class T, class Key, class Accumulator>
class PartialResult {
    struct Sum {
        Key key;
        Accumulator accumulator;
    };

public:
    PartialResult() = default;
    explicit PartialResult(const T& element) : content_(std::in_place_index<1>, element) {}
    explicit PartialResult(T&& element) : content_(std::in_place_index<1>, std::move(element)) {}
    PartialResult(Key key, Accumulator&& accumulator)
        : content_(std::in_place_index<2>, Sum{std::move(key), std::move(accumulator)}) {}
    /// Many elements, where they are. Only for a direct call.
    explicit PartialResult(const Block<T>& elements) : content_(std::in_place_index<0>, &elements) {}

    /// Null: this is something else.
    const Block<T>* elements() const noexcept {
        const auto* const block = std::get_if<0>(&content_);
        return block != nullptr ? *block : nullptr;
    }
    const T* element() const noexcept { return std::get_if<1>(&content_); }
    T* element() noexcept { return std::get_if<1>(&content_); }

    /// If this is not an element.
    const Key& key() const noexcept { return std::get_if<2>(&content_)->key; }
    const Accumulator& accumulator() const noexcept { return std::get_if<2>(&content_)->accumulator; }

private:
    std::variant<const Block<T>*, T, Sum> content_;
};

template <class T, class Key, class Accumulator>
struct WindowRecord<PartialResult<T, Key, Accumulator>> {
    using Record = PartialResult<T, Key, Accumulator>;

    template <class KeySelector>
    [[gnu::always_inline]] static decltype(auto) keyOf(KeySelector& selector, const Record& record) {
        using Selected = std::invoke_result_t<KeySelector&, const T&>;
        if constexpr (std::is_lvalue_reference_v<Selected> && std::is_same_v<std::remove_cvref_t<Selected>, Key>) {
            const T* const element = record.element();
            return element != nullptr ? static_cast<const Key&>(detail::invoke(selector, *element)) : record.key();
        } else {
            const T* const element = record.element();
            return element != nullptr ? Key(detail::invoke(selector, *element)) : record.key();
        }
    }
    template <class Traits, class Aggregate>
    static Accumulator first(Aggregate& aggregate, const Record& record) {
        const T* const element = record.element();
        return element != nullptr ? Traits::firstAccumulator(aggregate, *element) : record.accumulator();
    }
    template <class Traits, class Aggregate>
    [[gnu::always_inline]] static void add(Aggregate& aggregate, const Record& record, Accumulator& acc) {
        if (const T* const element = record.element(); element != nullptr) {
            Traits::add(aggregate, *element, acc);
        } else {
            Traits::merge(aggregate, acc, record.accumulator());
        }
    }
    static T* element(Record& record) noexcept { return record.element(); }
    static std::string shown(const Record& record) {
        return record.element() != nullptr ? describeValue(*record.element())
                                           : "a partial result of key " + describeValue(record.key());
    }
};

/// The key of a partial result.
template <class T, class KeySelector, class Key, class Accumulator>
struct PartialResultKey {
    KeySelector selector;

    decltype(auto) operator()(const PartialResult<T, Key, Accumulator>& record) {
        return WindowRecord<PartialResult<T, Key, Accumulator>>::keyOf(selector, record);
    }
};

/// Of what can be on its way when a barrier overtakes it, or be sorted.
template <class... T>
concept SavedOnItsWay = (HasCodec<T> && ...) && (std::default_initializable<T> && ...);

}  // namespace millrace::detail

namespace millrace {

template <class T, class Key, class Accumulator>
    requires detail::SavedOnItsWay<T, Key, Accumulator>
struct Codec<detail::PartialResult<T, Key, Accumulator>> {
    using Record = detail::PartialResult<T, Key, Accumulator>;

    static void encode(const Record& record, ByteWriter& writer) {
        const T* const element = record.element();
        writer.write(static_cast<std::uint8_t>(element != nullptr ? 0 : 1));
        if (element != nullptr) {
            Codec<T>::encode(*element, writer);
        } else {
            Codec<Key>::encode(record.key(), writer);
            Codec<Accumulator>::encode(record.accumulator(), writer);
        }
    }
    static void decode(ByteReader& reader, Record& record) {
        const auto kind = reader.read<std::uint8_t>("the kind of a partial result");
        if (kind == 0) {
            T element{};
            Codec<T>::decode(reader, element);
            record = Record(std::move(element));
        } else if (kind == 1) {
            Key key{};
            Codec<Key>::decode(reader, key);
            Accumulator accumulator{};
            Codec<Accumulator>::decode(reader, accumulator);
            record = Record(std::move(key), std::move(accumulator));
        } else {
            reader.fail("expected 0 (an element) or 1 (a sum) as the kind of a partial result, found " +
                        std::to_string(kind));
        }
    }
    static std::string name() {
        return "millrace.partial<" + codecName<T>() + "," + codecName<Key>() + "," + codecName<Accumulator>() + ">";
    }
};

}  // namespace millrace

#endif  // MILLRACE_WINDOWING_PARTIAL_RESULT_HPP
