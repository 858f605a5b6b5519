/* Text files that somebody replaces while they are used. */
#include "pause.h"

static const char END[] = "end\n";

int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int is_known(const struct table *table, const struct stat *found) {
    return found->st_ino == table->inode && found->st_size == table->size &&
           found->st_ctim.tv_sec == table->changed.tv_sec && found->st_ctim.tv_nsec == table->changed.tv_nsec;
}

static size_t read_all(int file, char *text) {
    size_t length = 0;
    for (;;) {
        ssize_t count = read(file, text + length, TABLE_SIZE - 1 - length);
        if (count <= 0)
            return length;
        length += (size_t)count;
    }
}

int refresh_table(struct table *table) {
    struct stat found;
    if (stat(table->path, &found) != 0 || is_known(table, &found))
        return 0;
    int file = open(table->path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    char *text = table->texts[1 - table->current];
    size_t length = read_all(file, text), mark = sizeof END - 1;
    close(file);
    /* Half of a file is none; it is looked at again the next time. */
    if (length < mark || memcmp(text + length - mark, END, mark) != 0 || (length > mark && text[length - mark - 1] != '\n'))
        return 0;
    text[length - mark] = '\0';
    table->current = 1 - table->current;
    table->inode = found.st_ino;
    table->size = found.st_size;
    table->changed = found.st_ctim;
    return 1;
}

const char *table_text(const struct table *table) {
    return table->texts[table->current];
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
