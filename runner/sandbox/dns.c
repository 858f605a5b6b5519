/* Questions and answers of the domain name system (RFC 1035, the size of RFC 6891). */
#include "pause.h"

enum { HEADER = 12, CLASS_IN = 1, TYPE_OPT = 41, LABEL = 63, LONGEST = 253, MOST_UDP = 4096, SERIAL = 1 };
enum { ANSWER_COUNT = 6, AUTHORITY_COUNT = 8, ADDITIONAL_COUNT = 10 };
enum { FLAG_RESPONSE = 0x80, FLAG_AUTHORITATIVE = 0x04, FLAG_TRUNCATED = 0x02, FLAG_RECURSION_WANTED = 0x01 };

static unsigned get16(const uint8_t *bytes) {
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static void put16(uint8_t *bytes, unsigned value) {
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static void put32(uint8_t *bytes, uint32_t value) {
    put16(bytes, value >> 16);
    put16(bytes + 2, value & 0xffff);
}

static char shown(uint8_t byte) {
    if (byte >= 'A' && byte <= 'Z')
        return (char)(byte + ('a' - 'A'));
    return byte <= ' ' || byte == '.' || byte >= 127 ? 1 : (char)byte;
}

/*
 * Reads a name at a position, following references that lead backwards. Returns the position after it, 0 when it is
 * broken.
 */
static size_t read_name(const uint8_t *bytes, size_t length, size_t at, char *name) {
    size_t written = 0, after = 0, lowest = at;
    for (;;) {
        if (at >= length)
            return 0;
        size_t size = bytes[at];
        if (size >= 0xc0) {
            if (at + 2 > length)
                return 0;
            if (!after)
                after = at + 2;
            at = get16(bytes + at) & 0x3fff;
            if (at >= lowest)
                return 0;
            lowest = at;
            continue;
        }
        if (size > LABEL || at + 1 + size > length)
            return 0;
        if (size == 0)
            break;
        if (written)
            name[written++] = '.';
        if (written + size > LONGEST)
            return 0;
        for (size_t i = 1; i <= size; i++)
            name[written++] = shown(bytes[at + i]);
        at += 1 + size;
    }
    name[written] = '\0';
    return after ? after : at + 1;
}

int read_question(const uint8_t *bytes, size_t length, struct question *question) {
    memset(question, 0, sizeof *question);
    question->limit = PLAIN_UDP_SIZE;
    question->end = HEADER;
    if (length < HEADER || bytes[2] & FLAG_RESPONSE)
        return -1;
    if (bytes[2] >> 3 & 15)
        return NOT_IMPLEMENTED;
    if (get16(bytes + 4) != 1)
        return FORMAT_ERROR;
    size_t at = HEADER;
    /* A reference in the only name there is would lead nowhere good. */
    while (at < length && bytes[at] != 0) {
        if (bytes[at] > LABEL)
            return FORMAT_ERROR;
        at += 1 + (size_t)bytes[at];
    }
    at = read_name(bytes, length, HEADER, question->name);
    if (at == 0 || at + 4 > length)
        return FORMAT_ERROR;
    question->type = get16(bytes + at);
    question->end = at + 4;
    unsigned class = get16(bytes + at + 2);
    if (class != CLASS_IN && class != TYPE_ANY)
        return REFUSED;
    at += 4;
    int has_additional = get16(bytes + ADDITIONAL_COUNT) > 0 && get16(bytes + ANSWER_COUNT) == 0;
    if (has_additional && at + 11 <= length && bytes[at] == 0 && get16(bytes + at + 1) == TYPE_OPT) {
        question->has_edns = 1;
        question->limit = get16(bytes + at + 3);
        if (question->limit < PLAIN_UDP_SIZE)
            question->limit = PLAIN_UDP_SIZE;
        if (question->limit > MOST_UDP)
            question->limit = MOST_UDP;
    }
    return NO_ERROR;
}

void begin_answer(struct message *answer, const uint8_t *query, const struct question *question, int error) {
    uint8_t *bytes = answer->bytes;
    memcpy(bytes, query, question->end);
    bytes[2] = (uint8_t)(FLAG_RESPONSE | (query[2] & 0x78) | (query[2] & FLAG_RECURSION_WANTED));
    bytes[3] = (uint8_t)(0x80 | error); /* recursion is available */
    put16(bytes + 4, question->end > HEADER);
    memset(bytes + ANSWER_COUNT, 0, 6);
    answer->length = question->end;
    if (answer->limit == 0)
        answer->limit = question->limit;
    if (!question->has_edns)
        return;
    /* It stands in the additional section, whose records come last; its place is kept until the answer is sent. */
    answer->limit -= 11;
}

void finish_answer(struct message *answer, const struct question *question) {
    if (!question->has_edns)
        return;
    uint8_t *record = answer->bytes + answer->length;
    memset(record, 0, 11);
    put16(record + 1, TYPE_OPT);
    put16(record + 3, MOST_UDP);
    answer->length += 11;
    put16(answer->bytes + ADDITIONAL_COUNT, 1);
}

void set_error(struct message *message, int error) {
    message->bytes[3] = (uint8_t)((message->bytes[3] & 0xf0) | error);
}

int answer_error(const struct message *message) {
    return message->bytes[3] & 15;
}

size_t write_name(uint8_t *out, const char *name) {
    size_t written = 0;
    while (*name != '\0') {
        size_t size = 0;
        while (name[size] != '\0' && name[size] != '.')
            size++;
        if (size == 0 || size > LABEL || written + size + 2 > NAME_SIZE - 1)
            return 0;
        out[written++] = (uint8_t)size;
        memcpy(out + written, name, size);
        written += size;
        name += size;
        if (*name == '.')
            name++;
    }
    out[written++] = 0;
    return written;
}

size_t write_query(uint8_t *out, unsigned id, const char *name, unsigned type) {
    memset(out, 0, HEADER);
    put16(out, id);
    out[2] = FLAG_RECURSION_WANTED;
    put16(out + 4, 1);
    size_t size = write_name(out + HEADER, name);
    if (size == 0)
        return 0;
    put16(out + HEADER + size, type);
    put16(out + HEADER + size + 2, CLASS_IN);
    return HEADER + size + 4;
}

static void append(struct message *answer, const uint8_t *name, size_t name_size, unsigned type, uint32_t ttl,
                   const uint8_t *data, size_t size, unsigned count_at) {
    uint8_t *out = answer->bytes + answer->length;
    if (answer->bytes[2] & FLAG_TRUNCATED)
        return;
    if (answer->length + name_size + 10 + size > answer->limit) {
        answer->bytes[2] |= FLAG_TRUNCATED;
        return;
    }
    memcpy(out, name, name_size);
    out += name_size;
    put16(out, type);
    put16(out + 2, CLASS_IN);
    put32(out + 4, ttl);
    put16(out + 8, (unsigned)size);
    memcpy(out + 10, data, size);
    answer->length += name_size + 10 + size;
    put16(answer->bytes + count_at, get16(answer->bytes + count_at) + 1);
}

void add_record(struct message *answer, const struct question *question, const char *name, unsigned type, uint32_t ttl,
                const uint8_t *data, size_t size) {
    uint8_t owner[NAME_SIZE + 2] = {0xc0, HEADER};
    size_t owner_size = strcmp(name, question->name) == 0 ? 2 : write_name(owner, name);
    if (owner_size)
        append(answer, owner, owner_size, type, ttl, data, size, ANSWER_COUNT);
}

void add_authority(struct message *answer) {
    static const uint32_t numbers[] = {SERIAL, 7200, 1800, 86400, 5};
    uint8_t owner[NAME_SIZE], data[2 * NAME_SIZE + sizeof numbers];
    size_t owner_size = write_name(owner, "cluster.local");
    size_t size = write_name(data, "ns.dns.cluster.local");
    size += write_name(data + size, "hostmaster.cluster.local");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++, size += 4)
        put32(data + size, numbers[i]);
    append(answer, owner, owner_size, TYPE_SOA, 5, data, size, AUTHORITY_COUNT);
    answer->bytes[2] &= (uint8_t)~FLAG_TRUNCATED;
    answer->bytes[2] |= FLAG_AUTHORITATIVE;
}

/* Adds records until one is broken; returns whether none is. */
static int add_records(struct message *answer, const struct question *question, const uint8_t *other, size_t length) {
    char name[NAME_SIZE];
    size_t at = HEADER;
    for (unsigned left = get16(other + 4); left; left--) {
        at = read_name(other, length, at, name);
        if (at == 0 || (at += 4) > length)
            return 0;
    }
    for (unsigned left = get16(other + ANSWER_COUNT); left; left--) {
        at = read_name(other, length, at, name);
        if (at == 0 || at + 10 > length)
            return 0;
        unsigned type = get16(other + at), size = get16(other + at + 8);
        uint32_t ttl = (uint32_t)get16(other + at + 4) << 16 | get16(other + at + 6);
        at += 10;
        if (at + size > length)
            return 0;
        if ((type == TYPE_A && size != 4) || (type == TYPE_AAAA && size != 16))
            return 0;
        if (type == TYPE_A || type == TYPE_AAAA) {
            add_record(answer, question, name, type, ttl, other + at, size);
        } else if (type == TYPE_CNAME) {
            char target[NAME_SIZE];
            uint8_t data[NAME_SIZE];
            if (read_name(other, length, at, target) != at + size)
                return 0;
            size_t data_size = write_name(data, target);
            if (data_size)
                add_record(answer, question, name, type, ttl, data, data_size);
        }
        at += size;
    }
    return 1;
}

int add_answers(struct message *answer, const struct question *question, const uint8_t *other, size_t length) {
    if (length < HEADER)
        return -1;
    size_t before = answer->length;
    uint8_t header[HEADER];
    memcpy(header, answer->bytes, HEADER);
    if (!add_records(answer, question, other, length)) {
        /* Another server is asked; what this one has said before it broke must not stand in that one's answer. */
        memcpy(answer->bytes, header, HEADER);
        answer->length = before;
        return -1;
    }
    answer->bytes[2] |= other[2] & FLAG_TRUNCATED;
    return other[3] & 15;
}

size_t query_for(uint8_t *out, const uint8_t *query, size_t length, const char *alias, unsigned type) {
    if (alias)
        return write_query(out, 0, alias, type);
    if (length > QUERY_SIZE)
        return 0;
    memcpy(out, query, length);
    return length;
}

int adapt_answer(struct message *answer, const struct question *question, const uint8_t *id, int is_alias, uint8_t *other,
                 size_t length) {
    if (length < HEADER || !(other[2] & FLAG_RESPONSE))
        return 0;
    int error = other[3] & 15;
    if (error == SERVER_FAILURE || error == REFUSED || error == NOT_IMPLEMENTED)
        return 0;
    if (is_alias) {
        error = add_answers(answer, question, other, length);
        if (error < 0)
            return 0;
        set_error(answer, error);
        finish_answer(answer, question);
        return 1;
    }
    memcpy(other, id, 2);
    answer->bytes = other;
    answer->length = length;
    return 1;
}
