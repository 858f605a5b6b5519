/*
 * Answers that go wrong on purpose.
 *
 * They are text, one a line; PATTERN is a name in lower case without the last dot, in which * stands for anything and ? for
 * one character. Of lines that fit a name the first one counts, and the first one that delays:
 *
 *   nxdomain PATTERN           there is no such name
 *   servfail PATTERN           the server fails
 *   answer PATTERN ADDRESS     it has this address, and no other
 *   delay PATTERN MILLISECONDS the answer comes so much later, unless it is that there is no such name
 */
#include "pause.h"

enum { TTL = 5, MOST_MILLISECONDS = 1000000000 };

enum mishap { NONE, MISSING, FAILING, ANSWERING, LATE };

struct mishaps {
    enum mishap kind;
    uint8_t address[4];
    unsigned delay;
};

int fits(const char *pattern, const char *name) {
    const char *star = NULL, *from = NULL; /* where the last * stands, and what follows what it stands for */
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            from = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++from;
        } else {
            return 0;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static enum mishap kind_of(const char *word) {
    if (strcmp(word, "nxdomain") == 0)
        return MISSING;
    if (strcmp(word, "servfail") == 0)
        return FAILING;
    if (strcmp(word, "answer") == 0)
        return ANSWERING;
    return strcmp(word, "delay") == 0 ? LATE : NONE;
}

static void find(const char *faults, const char *name, struct mishaps *found) {
    for (const char *line = faults; line; line = next_line(line)) {
        char word[NAME_SIZE], pattern[NAME_SIZE], argument[NAME_SIZE];
        const char *rest = next_word(line, word, sizeof word);
        enum mishap kind = rest ? kind_of(word) : NONE;
        if (kind == NONE || !(rest = next_word(rest, pattern, sizeof pattern)) || !fits(pattern, name))
            continue;
        int has_argument = next_word(rest, argument, sizeof argument) != NULL;
        if (kind == LATE) {
            if (has_argument && !found->delay)
                found->delay = parse_number(argument, MOST_MILLISECONDS);
        } else if (found->kind == NONE) {
            if (kind != ANSWERING || (has_argument && inet_pton(AF_INET, argument, found->address) == 1))
                found->kind = kind;
        }
    }
}

/* Says of a name, with what the answer has already, what goes wrong with it. */
static void carry_out(const struct mishaps *found, const char *name, const struct question *question, struct message *answer) {
    if (found->kind == MISSING || found->kind == FAILING) {
        set_error(answer, found->kind == MISSING ? NO_SUCH_NAME : SERVER_FAILURE);
        if (found->kind == MISSING)
            add_authority(answer);
    } else if (question->type == TYPE_A || question->type == TYPE_ANY) {
        add_record(answer, question, name, TYPE_A, TTL, found->address, sizeof found->address);
    } else {
        add_authority(answer);
    }
}

enum verdict answer_with_faults(const char *faults, const char *zone, const uint8_t *query, size_t length,
                                struct question *question, struct message *answer, char *alias, unsigned *delay) {
    size_t limit = answer->limit;
    enum verdict verdict = answer_from(zone, query, length, question, answer, alias);
    *delay = 0;
    int error = verdict == DROP ? FORMAT_ERROR : answer_error(answer);
    if (*faults == '\0' || error == FORMAT_ERROR || error == NOT_IMPLEMENTED || error == REFUSED)
        return verdict; /* It is no question. */
    struct mishaps found = {.kind = NONE};
    find(faults, question->name, &found);
    if (found.kind != NONE) {
        answer->limit = limit;
        begin_answer(answer, query, question, NO_ERROR);
        carry_out(&found, question->name, question, answer);
        *delay = found.delay;
        return ANSWERED;
    }
    if (verdict == FORWARD_ALIAS) {
        find(faults, alias, &found);
        if (found.kind != NONE) {
            carry_out(&found, alias, question, answer);
            verdict = ANSWERED;
        }
    }
    if (verdict != ANSWERED || found.kind != NONE || answer_error(answer) != NO_SUCH_NAME)
        *delay = found.delay;
    return verdict;
}
