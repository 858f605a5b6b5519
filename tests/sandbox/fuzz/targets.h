/* The parsers of the sandbox's programs, each on its own: bytes in, and a death when something is wrong. */
#include <stddef.h>
#include <stdint.h>

#define TARGETS(X) X(answer) X(endpoints) X(faults) X(number) X(question) X(resolvconf) X(stream) X(text) X(zone)

#define DECLARE(name) void fuzz_##name(const uint8_t *data, size_t size);
TARGETS(DECLARE)
#undef DECLARE
