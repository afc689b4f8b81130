#ifndef MILLRACE_CONNECTORS_RANDOM_UID_IPP
#define MILLRACE_CONNECTORS_RANDOM_UID_IPP

#include <millrace/connectors/random_uid.hpp>
#include <millrace/core/errors.hpp>

#include <cstring>

#include <sys/random.h>
#include <cerrno>

namespace millrace::detail {

MILLRACE_INLINE_COLD std::string randomUid() {
    unsigned char bytes[16];
    if (::getentropy(bytes, sizeof bytes) != 0) {
        throw IoException(std::string("cannot get random bytes from the system: ") + std::strerror(errno));
    }
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
    std::string text;
    for (std::size_t i = 0; i < sizeof bytes; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += "0123456789abcdef"[bytes[i] >> 4];
        text += "0123456789abcdef"[bytes[i] & 15];
    }
    return text;
}

}  // namespace millrace::detail

#endif  // MILLRACE_CONNECTORS_RANDOM_UID_IPP
