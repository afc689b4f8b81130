#ifndef MILLRACE_WINDOWING_WINDOW_CELL_CODEC_HPP
#define MILLRACE_WINDOWING_WINDOW_CELL_CODEC_HPP

#include <millrace/core/bytes.hpp>
#include <millrace/core/config.hpp>
#include <millrace/state/key_group_state.hpp>
#include <millrace/types/codec.hpp>
#include <millrace/windowing/evictors/evictor.hpp>
#include <millrace/windowing/window_cells.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

// How the windows of the general operator are written into snapshots.

namespace millrace::detail {

Timestamp readTime(ByteReader& reader);
void writeTimers(const TriggerTimers& timers, ByteWriter& writer);
void readTimers(ByteReader& reader, TriggerTimers& timers);
inline void writeTimers(const NoTriggerTimers&, ByteWriter&) {}
inline void readTimers(ByteReader&, NoTriggerTimers&) {}

template <class T>
struct WindowElementsCodec {
    static constexpr const TypeInfo* kInfo = &kTimedListInfo<T>;
    static void write(const WindowElements<T>& elements, ByteWriter& writer) {
        writer.writeLength(elements.size());
        for (std::size_t i = 0; i < elements.size(); ++i) {
            writer.write(elements.timestamp(i).time_since_epoch().count());
            Codec<T>::encode(elements.value(i), writer);
        }
    }
    static void read(ByteReader& reader, WindowElements<T>& elements) {
        for (std::size_t n = reader.readLength(sizeof(std::int64_t), "elements of a window"); n > 0; --n) {
            const Timestamp time = readTime(reader);
            elements.add(decodeState<T>(reader), time);
        }
    }
};
template <class Accumulator>
struct WindowContentsCodec {
    static constexpr const TypeInfo* kInfo = &kTypeInfo<Accumulator>;
    static void write(const Accumulator& acc, ByteWriter& writer) { Codec<Accumulator>::encode(acc, writer); }
    static void read(ByteReader& reader, Accumulator& acc) { Codec<Accumulator>::decode(reader, acc); }
};
template <class T>
struct WindowContentsCodec<WindowElements<T>> : WindowElementsCodec<T> {};

template <class Window>
void writeWindow(const Window& window, bool hasContents, bool pending, ByteWriter& writer) {
    Codec<Window>::encode(window, writer);
    writer.write(static_cast<std::uint8_t>((hasContents ? 1 : 0) | (pending ? 2 : 0)));
}
template <class Window, class Contents, class State, class Timers>
void writeCell(const WindowCell<Window, Contents, State, Timers>& cell, ByteWriter& writer) {
    writeWindow(cell.window, cell.hasContents, cell.pending, writer);
    if (cell.hasContents) WindowContentsCodec<Contents>::write(cell.contents, writer);
    if constexpr (!std::is_same_v<Timers, NoTriggerTimers>) Codec<State>::encode(cell.trigger, writer);
    writeTimers(cell.timers, writer);
}
template <class Window, class Contents, class State, class Timers>
void readCell(ByteReader& reader, WindowCell<Window, Contents, State, Timers>& cell) {
    Codec<Window>::decode(reader, cell.window);
    const auto flags = reader.read<std::uint8_t>("flags of a window");
    cell.hasContents = (flags & 1) != 0;
    cell.pending = (flags & 2) != 0;
    if (cell.hasContents) WindowContentsCodec<Contents>::read(reader, cell.contents);
    if constexpr (!std::is_same_v<Timers, NoTriggerTimers>) Codec<State>::decode(reader, cell.trigger);
    readTimers(reader, cell.timers);
}

template <class Contents>
inline constexpr const TypeInfo* kContentsInfos[2] = {WindowContentsCodec<Contents>::kInfo, nullptr};
/// Flags of a window in a byte, and what it contains if it has contents.
template <class Contents>
inline constexpr TypeInfo kWindowContentsInfo{.kind = TypeKind::Flagged, .count = 1, .parts = kContentsInfos<Contents>};

/// Of windows that are kept by key, each with what is written by `writeCell`.
template <class Key, class Window, class Contents, class State, class Timers>
constexpr StateLayout cellLayout(const WindowCell<Window, Contents, State, Timers>*) {
    StateLayout layout{
        "keyed windows",
        {{"key", &kTypeInfo<Key>}, {"window", &kTypeInfo<Window>, true}, {"value", &kWindowContentsInfo<Contents>}}};
    if constexpr (!std::is_same_v<Timers, NoTriggerTimers>) {
        layout.fields[3] = {"trigger", &kTypeInfo<State>};
        layout.fields[4] = {"event timers", &kListInfo<std::int64_t>, true};
        layout.fields[5] = {"processing timers", &kListInfo<std::int64_t>, true};
    }
    return layout;
}
template <class Key, class Cell>
inline constexpr StateLayout kCellLayout = cellLayout<Key>(static_cast<const Cell*>(nullptr));

}  // namespace millrace::detail

#ifndef MILLRACE_SEPARATE_COMPILATION
#include <millrace/windowing/window_cell_codec.ipp>
#endif

#endif  // MILLRACE_WINDOWING_WINDOW_CELL_CODEC_HPP
