/* Text that others have written: numbers, words, lines. Nothing here asks the system for anything. */
#include "pause.h"

static const char END[] = "end\n";

unsigned parse_number(const char *text, unsigned limit) {
    unsigned value = 0;
    if (*text == '\0')
        return 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return 0;
        unsigned digit = (unsigned)(*text - '0');
        if (digit > limit || value > (limit - digit) / 10)
            return 0; /* before it is too large for its type as well */
        value = value * 10 + digit;
    }
    return value;
}

const char *next_word(const char *line, char *word, size_t size) {
    while (*line == ' ' || *line == '\t')
        line++;
    size_t length = 0;
    for (; *line != '\0' && *line != ' ' && *line != '\t' && *line != '\n'; line++)
        if (length + 1 < size)
            word[length++] = *line;
    word[length] = '\0';
    return length ? line : NULL;
}

const char *next_line(const char *line) {
    const char *end = strchr(line, '\n');
    return end && end[1] != '\0' ? end + 1 : NULL;
}

int end_whole_text(char *text, size_t length) {
    size_t mark = sizeof END - 1;
    if (length < mark || memcmp(text + length - mark, END, mark) != 0 || (length > mark && text[length - mark - 1] != '\n'))
        return 0;
    text[length - mark] = '\0';
    return 1;
}
