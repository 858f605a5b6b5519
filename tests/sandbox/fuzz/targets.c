/*
 * What is true of every input. The sanitizers see wrong accesses; to help them, everything that is read or written has a
 * block of memory of exactly its size. What they cannot see is checked with expect().
 */
#include "pause.h"

#include <stdio.h>

#include "targets.h"

#define expect(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #condition);                      \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { HEADER = 12, EDNS = 11, PARTIAL = 2048 };

static const char ZONE[] = "a web.default.svc.cluster.local 10.0.0.1\n"
                           "a many.default.svc.cluster.local 10.0.1.1\n"
                           "a many.default.svc.cluster.local 10.0.1.2\n"
                           "a many.default.svc.cluster.local 10.0.1.3\n"
                           "a web-0.nginx.default.svc.cluster.local 10.0.2.1\n"
                           "srv _http._tcp.web.default.svc.cluster.local 80 web.default.svc.cluster.local\n"
                           "cname near.default.svc.cluster.local web.default.svc.cluster.local\n"
                           "cname far.default.svc.cluster.local example.org\n"
                           "cname round.default.svc.cluster.local round.default.svc.cluster.local\n"
                           "ptr 1.0.0.10.in-addr.arpa web.default.svc.cluster.local\n";

static void *memory(size_t size) {
    void *block = malloc(size ? size : 1);
    expect(block);
    return block;
}

static uint8_t *copy_of(const uint8_t *data, size_t size) {
    uint8_t *copy = memory(size);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

/* The bytes as text, which ends at the first null byte. */
static char *text_of(const uint8_t *data, size_t size) {
    size_t length = size ? strnlen((const char *)data, size) : 0;
    char *text = memory(length + 1);
    if (length)
        memcpy(text, data, length);
    text[length] = '\0';
    return text;
}

/* ------------------------------------------------------------------ what is a message */

static unsigned number_at(const uint8_t *bytes, size_t at) {
    return (unsigned)bytes[at] << 8 | bytes[at + 1];
}

/* Goes over a name as a client does; returns the position after it. */
static size_t skip_name(const uint8_t *bytes, size_t length, size_t at) {
    size_t after = 0, size = 0;
    for (int references = 0; references < 10;) {
        expect(at < length);
        if (bytes[at] >= 0xc0) {
            expect(at + 2 <= length);
            after = after ? after : at + 2;
            at = number_at(bytes, at) & 0x3fff;
            references++;
            continue;
        }
        expect(bytes[at] < 64);
        size += 1 + (size_t)bytes[at];
        expect(size <= 255);
        if (!bytes[at])
            return after ? after : at + 1;
        at += 1 + (size_t)bytes[at];
    }
    expect(!"references without end");
    return 0;
}

/* An answer has what its header counts, to the last byte, and no more than was asked for. */
static void check_answer(const struct message *answer, const uint8_t *query, size_t most) {
    const uint8_t *bytes = answer->bytes;
    size_t length = answer->length, at = HEADER;
    expect(length >= HEADER && length <= most);
    expect(bytes[2] & 0x80);
    expect(memcmp(bytes, query, 2) == 0);
    expect(number_at(bytes, 4) <= 1);
    for (unsigned left = number_at(bytes, 4); left; left--)
        at = skip_name(bytes, length, at) + 4;
    unsigned records = number_at(bytes, 6) + number_at(bytes, 8) + number_at(bytes, 10);
    for (unsigned left = records; left; left--) {
        at = skip_name(bytes, length, at);
        expect(at + 10 <= length);
        unsigned type = number_at(bytes, at), size = number_at(bytes, at + 8);
        at += 10;
        expect(at + size <= length);
        expect(type != TYPE_A || size == 4);
        expect(type != TYPE_AAAA || size == 16);
        if (type == TYPE_CNAME || type == TYPE_PTR)
            expect(skip_name(bytes, length, at) == at + size);
        at += size;
    }
    expect(at == length);
}

/* ------------------------------------------------------------------ questions */

/* Answers a query within `most` bytes, 0: as many as it takes over UDP. */
static void answer(const char *zone, const uint8_t *query, size_t length, size_t most) {
    struct question question;
    char alias[NAME_SIZE];
    int error = read_question(query, length, &question);
    size_t room = most ? most : question.limit;
    struct message answer = {.bytes = memory(room), .limit = most};
    enum verdict verdict = answer_from(zone, query, length, &question, &answer, alias);
    expect((verdict == DROP) == (error < 0));
    if (verdict == ANSWERED) {
        finish_answer(&answer, &question);
        check_answer(&answer, query, room);
    } else if (verdict != DROP) {
        uint8_t *asked = memory(QUERY_SIZE);
        size_t size = query_for(asked, query, length, verdict == FORWARD ? NULL : alias, question.type);
        expect(size <= QUERY_SIZE);
        expect(size || (verdict == FORWARD && length > QUERY_SIZE));
        free(asked);
        if (answer.length + 16 <= PARTIAL || most) {
            set_error(&answer, SERVER_FAILURE);
            finish_answer(&answer, &question);
            check_answer(&answer, query, room);
        }
    }
    free(answer.bytes);
}

void fuzz_question(const uint8_t *data, size_t size) {
    uint8_t *query = copy_of(data, size);
    answer(ZONE, query, size, 0);
    answer(ZONE, query, size, MESSAGE_SIZE);
    free(query);
}

/* The first line is the question: its type as a number and its name. */
void fuzz_zone(const uint8_t *data, size_t size) {
    char *text = text_of(data, size), word[NAME_SIZE];
    const char *zone = next_line(text), *rest = next_word(text, word, sizeof word);
    unsigned type = rest ? parse_number(word, 65535) : 0;
    uint8_t *query = memory(HEADER + NAME_SIZE + 4 + EDNS);
    if (zone && rest && next_word(rest, word, sizeof word) && (size = write_query(query, 7, word, type))) {
        answer(zone, query, size, 0);
        answer(zone, query, size, MESSAGE_SIZE);
        const uint8_t edns[EDNS] = {0, 0, 41, 16};
        memcpy(query + size, edns, EDNS);
        query[11] = 1;
        answer(zone, query, size + EDNS, 0);
    }
    free(query);
    free(text);
}

/* The bytes are the answers that go wrong; with any of them a question has an answer, or is asked elsewhere. */
void fuzz_faults(const uint8_t *data, size_t size) {
    static const char *const names[] = {"web.default.svc.cluster.local", "far.default.svc.cluster.local",
                                        "near.default.svc.cluster.local", "example.org", "none.default.svc.cluster.local"};
    char *text = text_of(data, size);
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        const char *name = names[i / 2];
        uint8_t *query = memory(HEADER + NAME_SIZE + 4 + EDNS);
        size_t length = write_query(query, 7, name, i % 2 ? TYPE_A : TYPE_AAAA);
        if (i % 3 == 0) {
            const uint8_t edns[EDNS] = {0, 0, 41, 4, 208};
            memcpy(query + length, edns, EDNS);
            query[11] = 1;
            length += EDNS;
        }
        struct question question;
        char alias[NAME_SIZE];
        unsigned delay;
        expect(read_question(query, length, &question) == NO_ERROR);
        struct message plain = {.bytes = memory(question.limit)}, answer = {.bytes = memory(question.limit)};
        enum verdict without = answer_from(ZONE, query, length, &question, &plain, alias);
        enum verdict verdict = answer_with_faults(text, ZONE, query, length, &question, &answer, alias, &delay);
        expect(verdict == without || verdict == ANSWERED);
        expect(delay <= 1000000000);
        expect(verdict != ANSWERED || answer_error(&answer) <= NO_SUCH_NAME);
        expect(text[0] || (!delay && verdict == without));
        finish_answer(&answer, &question);
        check_answer(&answer, query, question.limit);
        free(plain.bytes);
        free(answer.bytes);
        free(query);
    }
    expect(!text[0] || strpbrk(text, "*?") || fits(text, text));
    free(text);
}

/* A connection with these bytes, which ends after them. */
static const char *stream_zone(void) {
    return ZONE;
}

static const char *stream_faults(void) {
    return "servfail many.default.svc.cluster.local\n";
}

static int ask_nobody(struct message *answer, const struct question *question, const uint8_t *query, size_t length,
                      const char *alias) {
    uint8_t asked[QUERY_SIZE];
    expect(query_for(asked, query, length, alias, question->type) <= QUERY_SIZE);
    expect(answer->length >= HEADER);
    return 0;
}

static void write_all(int to, const uint8_t *bytes, size_t size) {
    for (ssize_t count; size; bytes += count, size -= (size_t)count) {
        count = send(to, bytes, size, MSG_NOSIGNAL);
        expect(count > 0);
    }
}

void fuzz_stream(const uint8_t *data, size_t size) {
    int ends[2];
    if (size > 1024)
        size = 1024; /* the answers to it have room in a socket */
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    write_all(ends[0], data, size);
    shutdown(ends[0], SHUT_WR);
    answer_connection(ends[1], stream_zone, stream_faults, ask_nobody);
    close(ends[1]);
    uint8_t *heard = memory(MESSAGE_SIZE);
    for (size_t length; (length = receive_message(ends[0], heard));) {
        struct message answer = {.bytes = heard, .length = length};
        check_answer(&answer, heard, MESSAGE_SIZE);
    }
    free(heard);
    close(ends[0]);
}

/* ------------------------------------------------------------------ answers of other servers */

/* The bytes are the answer of another server: to a question as it was, and to what an alias stands for. */
void fuzz_answer(const uint8_t *data, size_t size) {
    for (int kind = 0; kind < 4; kind++) {
        int has_edns = kind & 1, is_alias = kind & 2;
        struct question question;
        uint8_t query[HEADER + NAME_SIZE + 4 + EDNS];
        size_t length = write_query(query, 7, "far.default.svc.cluster.local", TYPE_A);
        if (has_edns) {
            const uint8_t edns[EDNS] = {0, 0, 41, 4, 208};
            memcpy(query + length, edns, EDNS);
            query[11] = 1;
            length += EDNS;
        }
        char alias[NAME_SIZE];
        expect(read_question(query, length, &question) == NO_ERROR);
        uint8_t *other = copy_of(data, size), *bytes = memory(question.limit);
        struct message answer = {.bytes = bytes};
        expect(answer_from(ZONE, query, length, &question, &answer, alias) == FORWARD_ALIAS);
        answer.limit = question.limit - EDNS;
        uint8_t *before = copy_of(bytes, answer.length);
        size_t before_length = answer.length;
        if (!adapt_answer(&answer, &question, query, is_alias, other, size)) {
            expect(answer.bytes == bytes && answer.length == before_length);
            expect(memcmp(bytes, before, before_length) == 0);
        } else if (is_alias) {
            check_answer(&answer, query, question.limit);
        } else {
            expect(answer.bytes == other && answer.length == size && memcmp(other, query, 2) == 0 && other[2] & 0x80);
        }
        free(before);
        free(bytes);
        free(other);
    }
}

/* ------------------------------------------------------------------ texts */

static void check_servers(const struct servers *servers) {
    expect(servers->count >= 0 && servers->count <= MOST_SERVERS);
    for (int i = 0; i < servers->count; i++) {
        const union address *one = &servers->all[i];
        expect(one->any.sa_family == AF_INET || one->any.sa_family == AF_INET6);
        expect(one->v4.sin_port != 0);
    }
}

/* What was taken over once is the same when it is taken over again. */
void fuzz_resolvconf(const uint8_t *data, size_t size) {
    static const char ADDRESS[] = "127.0.0.10", DOMAINS[] = "default.svc.cluster.local svc.cluster.local cluster.local";
    char *old = text_of(data, size < RESOLV_CONF_SIZE ? size : RESOLV_CONF_SIZE - 1);
    char *once = memory(RESOLV_CONF_SIZE), *twice = memory(RESOLV_CONF_SIZE);
    struct servers first = {.count = 0}, second = {.count = 0};
    size_t length = rewrite_resolv_conf(old, ADDRESS, 53, DOMAINS, once, &first);
    expect(length < RESOLV_CONF_SIZE);
    check_servers(&first);
    once[length] = '\0';
    size_t again = rewrite_resolv_conf(once, ADDRESS, 53, DOMAINS, twice, &second);
    expect(again == length && memcmp(once, twice, length) == 0);
    expect(first.count == second.count && memcmp(&first, &second, sizeof first.all[0] * (size_t)first.count) == 0);
    free(twice);
    free(once);
    free(old);
}

static void check_ports(struct port *ports) {
    const struct sockaddr_in client = {.sin_family = AF_INET, .sin_addr = {htonl(0x0a000001)}};
    for (struct port *port = ports; port < ports + MOST_PORTS; port++) {
        if (!port->type)
            continue;
        expect(port->type == SOCK_STREAM || port->type == SOCK_DGRAM);
        expect(port->number >= 1 && port->number <= 65535);
        expect(port->count <= MOST_ENDPOINTS);
        expect(port->is_listed || !port->count);
        for (unsigned i = 0; i < port->count; i++)
            expect(port->endpoints[i].sin_family == AF_INET && port->endpoints[i].sin_port != 0);
        for (int i = 0; port->count && i < 3; i++)
            expect(choose_endpoint(port, &client) < port->count);
        for (const struct port *other = ports; other < port; other++)
            expect(other->type != port->type || other->number != port->number);
    }
}

/* Two tables, one after the other: what stands before the first line "next", and what stands behind it. */
void fuzz_endpoints(const uint8_t *data, size_t size) {
    char *text = text_of(data, size), *mark = strstr(text, "\nnext\n");
    static struct port ports[MOST_PORTS];
    for (int i = 0; i < MOST_PORTS; i++)
        ports[i].type = 0;
    if (mark)
        *mark = '\0';
    read_ports(text, ports);
    check_ports(ports);
    if (mark) {
        int had_room = read_ports(mark + 6, ports);
        check_ports(ports);
        free_ports(ports);
        expect(read_ports(mark + 6, ports) >= had_room);
        check_ports(ports);
    }
    free(text);
}

/* The number of a text as somebody else reads it. */
static unsigned long long number_of(const char *text) {
    unsigned long long value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        if (value < 1ull << 40)
            value = value * 10 + (unsigned)(*text - '0');
    return *text ? 0 : value;
}

void fuzz_number(const uint8_t *data, size_t size) {
    static const unsigned limits[] = {1, 9, 65535, 1000000000};
    char *text = text_of(data, size);
    unsigned long long value = number_of(text);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        expect(parse_number(text, limits[i]) == (value <= limits[i] ? value : 0));
    free(text);
}

/* Lines and words, into rooms of several sizes; and whether a text is whole. */
void fuzz_text(const uint8_t *data, size_t size) {
    static const size_t rooms[] = {2, 64, NAME_SIZE};
    char *text = text_of(data, size);
    size_t length = strlen(text);
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        char *word = memory(rooms[i]);
        for (const char *line = text, *next; line; line = next) {
            for (const char *rest = line, *after; (after = next_word(rest, word, rooms[i])); rest = after) {
                expect(after > rest && after <= text + length);
                expect(strlen(word) < rooms[i] && !strpbrk(word, " \t\n"));
            }
            next = next_line(line);
            expect(!next || (next > line && next < text + length));
        }
        free(word);
    }
    free(text);
    char *raw = (char *)copy_of(data, size);
    int is_whole = end_whole_text(raw, size);
    expect(is_whole == (size >= 4 && memcmp(data + size - 4, "end\n", 4) == 0 && (size == 4 || data[size - 5] == '\n')));
    free(raw);
}

#ifdef ONE
/* What libFuzzer calls: one of them, chosen when it is compiled. */
#define JOINED(a, b) a##b
#define FUZZ(name) JOINED(fuzz_, name)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FUZZ(ONE)(data, size);
    return 0;
}
#endif
