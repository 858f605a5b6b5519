/*
 * A fuzzer where there is no other, for gcc:
 *
 *   driver TARGET INPUT RUNS SEED LIMIT FILE...     RUNS mutated inputs of at most LIMIT bytes, made of the files
 *   driver TARGET INPUT replay FILE...              the files themselves
 *
 * The parsers are compiled with -fsanitize-coverage=trace-pc, so that inputs that reach something new are kept and mutated
 * further. INPUT is a file that always holds what is being tried, whatever ends the process. The same program with the
 * same seed and files tries the same inputs. The last line on stdout says how many there were, and how many were kept.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "targets.h"

enum { MOST_BYTES = 65536, MOST_KEPT = 4096, PLACES = 1 << 14, SECONDS = 20, ALARM_EVERY = 256 };

typedef void target(const uint8_t *data, size_t size);

static const struct {
    const char *name;
    target *run;
} targets[] = {
#define ROW(name) {#name, fuzz_##name},
    TARGETS(ROW)
#undef ROW
};

/* What is freed need not be remembered for long: no input lives longer than its run. */
const char *__asan_default_options(void);

const char *__asan_default_options(void) {
    return "detect_leaks=0:handle_abort=1:quarantine_size_mb=1";
}

/* ------------------------------------------------------------------ what a run reaches */

extern const char __executable_start[];
static _Alignas(8) uint8_t reached[PLACES];
static uint8_t known[PLACES];
static uintptr_t last_place;

void __sanitizer_cov_trace_pc(void);

__attribute__((no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc(void) {
    uintptr_t place = (uintptr_t)__builtin_return_address(0) - (uintptr_t)__executable_start;
    uint32_t mixed = (uint32_t)(place ^ last_place >> 1) * 2654435761u;
    uint8_t *count = &reached[mixed >> 18];
    *count += *count < 255;
    last_place = place;
}

/* A bit for once, twice, up to 8, up to 64 times, and more. */
static uint8_t class_of(uint8_t count) {
    return count == 0 ? 0 : count == 1 ? 1 : count == 2 ? 2 : count <= 8 ? 4 : count <= 64 ? 8 : 16;
}

/* Whether the last run has reached something that no run before has. */
__attribute__((no_sanitize("address", "undefined"))) static int has_reached_more(void) {
    int more = 0;
    for (size_t eight = 0; eight < PLACES; eight += 8) {
        uint64_t all;
        memcpy(&all, reached + eight, sizeof all);
        for (size_t i = eight; all && i < eight + 8; i++) {
            uint8_t class = class_of(reached[i]);
            more |= class & ~known[i];
            known[i] |= class;
        }
    }
    return more != 0;
}

/* ------------------------------------------------------------------ inputs */

struct input {
    size_t size;
    uint8_t *bytes;
};

static struct input kept[MOST_KEPT];
static size_t kept_count;

/* What is tried now: its size, then its bytes, in a file that others see. */
static struct {
    uint64_t size;
    uint8_t bytes[MOST_BYTES];
} *now;

static void fail(const char *what) {
    fprintf(stderr, "driver: %s\n", what);
    exit(2);
}

static void keep(const uint8_t *bytes, size_t size) {
    if (kept_count == MOST_KEPT)
        return;
    kept[kept_count].size = size;
    kept[kept_count].bytes = malloc(size + 1);
    memcpy(kept[kept_count++].bytes, bytes, size);
}

static void read_input(const char *path) {
    static uint8_t bytes[MOST_BYTES];
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path);
    keep(bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
}

static void open_now(const char *path) {
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof *now) != 0)
        fail(path);
    now = mmap(NULL, sizeof *now, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (now == MAP_FAILED)
        fail(path);
}

/* ------------------------------------------------------------------ mutations */

static uint64_t chance;

static size_t below(size_t limit) {
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return limit ? (size_t)((chance >> 16) % limit) : 0;
}

static uint8_t odd_byte(void) {
    static const uint8_t odd[] = {0, 1, 12, 63, 64, 0x7f, 0x80, 0xbf, 0xc0, 0xff, ' ', '\t', '\n', '.', ':', '#', '%', '-', '0', '9'};
    return below(2) ? odd[below(sizeof odd)] : (uint8_t)below(256);
}

/* Makes room for `size` bytes at a position; returns how many there are, which may be fewer. */
static size_t widen(size_t at, size_t size, size_t limit) {
    if (size > limit - now->size)
        size = limit - now->size;
    memmove(now->bytes + at + size, now->bytes + at, now->size - at);
    now->size += size;
    return size;
}

/* Puts a piece of a known input in, or over what is there. */
static void graft(size_t limit) {
    const struct input *other = &kept[below(kept_count)];
    size_t from = below(other->size), size = 1 + below(below(4) ? 16 : other->size), at = below(now->size + 1);
    if (size > other->size - from)
        size = other->size - from;
    if (below(2))
        size = widen(at, size, limit);
    else if (size > now->size - at)
        size = now->size - at;
    memcpy(now->bytes + at, other->bytes + from, size);
}

static void mutate(size_t limit) {
    size_t at = below(now->size);
    switch (below(8)) {
    case 0: /* a bit */
        if (now->size)
            now->bytes[at] ^= (uint8_t)(1u << below(8));
        return;
    case 1: /* a byte */
        if (now->size)
            now->bytes[at] = odd_byte();
        return;
    case 2: /* one more or less, or two */
        if (now->size)
            now->bytes[at] = (uint8_t)(now->bytes[at] + below(5) - 2);
        return;
    case 3: { /* bytes taken out */
        size_t size = 1 + below(below(4) ? 4 : now->size);
        if (size > now->size - at)
            size = now->size - at;
        memmove(now->bytes + at, now->bytes + at + size, now->size - at - size);
        now->size -= size;
        return;
    }
    case 4: { /* one byte, many times */
        size_t size = widen(at, 1 + below(below(8) ? 4 : 300), limit);
        memset(now->bytes + at, odd_byte(), size);
        return;
    }
    case 5: /* the end cut off */
        if (below(4) == 0)
            now->size = at;
        return;
    default:
        graft(limit);
    }
}

/* ------------------------------------------------------------------ runs */

static void run(target *one) {
    memset(reached, 0, sizeof reached);
    last_place = 0;
    one(now->bytes, now->size);
}

static void run_file(target *one, const struct input *input) {
    now->size = input->size;
    memcpy(now->bytes, input->bytes, input->size);
    run(one);
}

int main(int count, char **arguments) {
    target *one = NULL;
    for (size_t i = 0; count > 3 && i < sizeof targets / sizeof *targets; i++)
        if (strcmp(targets[i].name, arguments[1]) == 0)
            one = targets[i].run;
    int is_replay = one && strcmp(arguments[3], "replay") == 0;
    if (!one || (!is_replay && count < 7))
        fail("usage: driver TARGET INPUT {RUNS SEED LIMIT | replay} FILE...");
    open_now(arguments[2]);
    for (int i = is_replay ? 4 : 6; i < count; i++)
        read_input(arguments[i]);
    alarm(SECONDS);
    size_t given = kept_count;
    for (size_t i = 0; i < given; i++) {
        run_file(one, &kept[i]);
        has_reached_more();
    }
    if (is_replay) {
        printf("%zu inputs\n", given);
        return 0;
    }
    unsigned long runs = strtoul(arguments[3], NULL, 10), limit = strtoul(arguments[5], NULL, 10);
    if (limit > MOST_BYTES)
        limit = MOST_BYTES;
    chance = strtoull(arguments[4], NULL, 10) * 2 + 1;
    for (unsigned long done = 0; done < runs; done++) {
        if (done % ALARM_EVERY == 0)
            alarm(SECONDS); /* whoever takes longer for these few hangs */
        const struct input *origin = &kept[below(kept_count)];
        now->size = origin->size < limit ? origin->size : limit;
        memcpy(now->bytes, origin->bytes, now->size);
        for (size_t changes = 1 + below(1u << below(4)); changes; changes--)
            mutate(limit);
        run(one);
        if (has_reached_more())
            keep(now->bytes, now->size);
    }
    printf("%lu runs, %zu inputs kept\n", runs, kept_count - given);
    return 0;
}
