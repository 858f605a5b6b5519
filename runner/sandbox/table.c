/* Text files that somebody replaces while they are used. */
#include "pause.h"

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
    size_t length = read_all(file, text);
    close(file);
    /* Half of a file is none; it is looked at again the next time. */
    if (!end_whole_text(text, length))
        return 0;
    table->current = 1 - table->current;
    table->inode = found.st_ino;
    table->size = found.st_size;
    table->changed = found.st_ctim;
    return 1;
}

const char *table_text(const struct table *table) {
    return table->texts[table->current];
}
