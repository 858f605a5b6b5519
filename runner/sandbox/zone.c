/*
 * What the zone says: the names below cluster.local, and the addresses that have one.
 *
 * The zone is text, one record a line, names in lower case without the last dot:
 *
 *   a NAME ADDRESS
 *   cname NAME TARGET
 *   srv NAME PORT TARGET
 *   ptr NAME TARGET            NAME as in 4.3.2.1.in-addr.arpa
 */
#include "pause.h"

enum { TTL = 5, MOST_ALIASES = 8 };

static const char DOMAIN[] = "cluster.local", POD_DOMAIN[] = ".pod.cluster.local", REVERSE[] = ".in-addr.arpa";
/* The resolver's own address: clients that show who answers ask for its name. */
static const char OWN_ADDRESS[] = "10.0.0.127.in-addr.arpa", OWN_NAME[] = "kube-dns.kube-system.svc.cluster.local";

static int ends_with(const char *name, const char *end) {
    size_t length = strlen(name), size = strlen(end);
    return length >= size && strcmp(name + length - size, end) == 0;
}

static int is_below(const char *name, const char *parent) {
    size_t length = strlen(name), size = strlen(parent);
    return length > size && name[length - size - 1] == '.' && strcmp(name + length - size, parent) == 0;
}

static int is_inside(const char *name) {
    return strcmp(name, DOMAIN) == 0 || is_below(name, DOMAIN);
}

static unsigned type_of(const char *word) {
    if (strcmp(word, "a") == 0)
        return TYPE_A;
    if (strcmp(word, "cname") == 0)
        return TYPE_CNAME;
    if (strcmp(word, "srv") == 0)
        return TYPE_SRV;
    return strcmp(word, "ptr") == 0 ? TYPE_PTR : 0;
}

/* Writes a record's data; returns its size, 0 when the line is broken. */
static size_t data_of(unsigned type, const char *line, uint8_t *data) {
    char word[NAME_SIZE];
    line = next_word(line, word, sizeof word);
    if (!line)
        return 0;
    if (type == TYPE_A)
        return inet_pton(AF_INET, word, data) == 1 ? 4 : 0;
    if (type != TYPE_SRV)
        return write_name(data, word);
    unsigned port = parse_number(word, 65535);
    if (!port || !next_word(line, word, sizeof word))
        return 0;
    const uint8_t start[] = {0, 0, 0, 100, (uint8_t)(port >> 8), (uint8_t)port};
    memcpy(data, start, sizeof start);
    size_t size = write_name(data + sizeof start, word);
    return size ? size + sizeof start : 0;
}

/* What one pass over the zone finds of a name. */
struct found {
    int exists;
    unsigned records;
    char alias[NAME_SIZE];
};

/* Looks for a name; with an answer, adds the records from number `first` up to number `last`. */
static struct found look(const char *zone, const char *name, unsigned wanted, const struct question *question,
                         struct message *answer, unsigned first, unsigned last) {
    struct found found = {0};
    for (const char *line = zone; line; line = next_line(line)) {
        char word[NAME_SIZE];
        uint8_t data[NAME_SIZE + 8];
        const char *rest = next_word(line, word, sizeof word);
        unsigned type = rest ? type_of(word) : 0;
        if (!type || !(rest = next_word(rest, word, sizeof word)))
            continue;
        found.exists |= is_below(word, name);
        if (strcmp(word, name) != 0)
            continue;
        found.exists = 1;
        size_t size = data_of(type, rest, data);
        if (!size)
            continue;
        if (type == TYPE_CNAME)
            next_word(rest, found.alias, sizeof found.alias);
        if (type != wanted && wanted != TYPE_ANY && type != TYPE_CNAME)
            continue;
        if (answer && found.records >= first && found.records < last)
            add_record(answer, question, name, type, TTL, data, size);
        found.records++;
    }
    return found;
}

/* a-b-c-d.NAMESPACE.pod.cluster.local says its address by itself. Returns whether it is such a name. */
static int address_in_name(const char *name, uint8_t *address) {
    char text[16];
    size_t length = strcspn(name, ".");
    if (!ends_with(name, POD_DOMAIN) || length >= sizeof text)
        return 0;
    const char *namespace = name + length + 1;
    if (strcspn(namespace, ".") != strlen(namespace) - strlen(POD_DOMAIN))
        return 0;
    for (size_t i = 0; i < length; i++)
        text[i] = name[i] == '-' ? '.' : name[i];
    text[length] = '\0';
    return inet_pton(AF_INET, text, address) == 1;
}

static enum verdict answer_name(const char *zone, const char *name, struct question *question, struct message *answer,
                                char *alias) {
    static unsigned turn;
    uint8_t address[4];
    char names[NAME_SIZE];
    strcpy(names, name);
    for (int depth = 0; depth < MOST_ALIASES; depth++) {
        if (address_in_name(names, address)) {
            if (question->type == TYPE_A || question->type == TYPE_ANY)
                add_record(answer, question, names, TYPE_A, TTL, address, sizeof address);
            else
                add_authority(answer);
            return ANSWERED;
        }
        struct found found = look(zone, names, question->type, question, NULL, 0, 0);
        /* Each answer begins with another record, so that the first one is not everybody's. */
        unsigned start = found.records ? turn++ % found.records : 0;
        look(zone, names, question->type, question, answer, start, found.records);
        look(zone, names, question->type, question, answer, 0, start);
        if (found.alias[0] == '\0' || question->type == TYPE_CNAME) {
            if (!found.exists)
                set_error(answer, NO_SUCH_NAME);
            if (!found.records)
                add_authority(answer);
            return ANSWERED;
        }
        strcpy(names, found.alias);
        if (!is_inside(names)) {
            strcpy(alias, names);
            return FORWARD_ALIAS;
        }
    }
    set_error(answer, SERVER_FAILURE);
    return ANSWERED;
}

enum verdict answer_from(const char *zone, const uint8_t *query, size_t length, struct question *question,
                         struct message *answer, char *alias) {
    int error = read_question(query, length, question);
    if (error < 0)
        return DROP;
    begin_answer(answer, query, question, error);
    if (error)
        return ANSWERED;
    if (strcmp(question->name, OWN_ADDRESS) == 0 && question->type == TYPE_PTR) {
        uint8_t data[NAME_SIZE];
        add_record(answer, question, OWN_ADDRESS, TYPE_PTR, TTL, data, write_name(data, OWN_NAME));
        return ANSWERED;
    }
    if (ends_with(question->name, REVERSE) && !look(zone, question->name, TYPE_PTR, question, NULL, 0, 0).records)
        return FORWARD;
    if (!ends_with(question->name, REVERSE) && !is_inside(question->name))
        return FORWARD;
    return answer_name(zone, question->name, question, answer, alias);
}
