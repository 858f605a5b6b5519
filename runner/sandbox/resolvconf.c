/* resolv.conf: the servers that it names, and what it says once the resolver has taken it over. */
#include "pause.h"

/* The resolver itself is no server: it would ask itself without end. */
static int is_own(const union address *server, const struct sockaddr_in *own) {
    return server->v4.sin_family == AF_INET && server->v4.sin_port == own->sin_port &&
           server->v4.sin_addr.s_addr == own->sin_addr.s_addr;
}

static void add_server(struct servers *servers, char *text, const struct sockaddr_in *own) {
    if (servers->count == MOST_SERVERS)
        return;
    union address *server = &servers->all[servers->count];
    memset(server, 0, sizeof *server);
    /* ADDRESS#PORT is how servers with another port are written elsewhere too. */
    char *mark = strchr(text, '#');
    unsigned port = mark ? parse_number(mark + 1, 65535) : 53;
    text[strcspn(text, "%#")] = '\0';
    if (!port)
        return;
    if (inet_pton(AF_INET, text, &server->v4.sin_addr) == 1) {
        server->v4.sin_family = AF_INET;
        server->v4.sin_port = htons((unsigned short)port);
        servers->count += !is_own(server, own);
    } else if (inet_pton(AF_INET6, text, &server->v6.sin6_addr) == 1) {
        server->v6.sin6_family = AF_INET6;
        server->v6.sin6_port = htons((unsigned short)port);
        servers->count++;
    }
}

static size_t join(char *text, size_t at, const char *more) {
    size_t size = strlen(more);
    if (at + size >= RESOLV_CONF_SIZE)
        return at;
    memcpy(text + at, more, size);
    return at + size;
}

static int has_word(const char *words, const char *wanted) {
    char word[NAME_SIZE];
    while ((words = next_word(words, word, sizeof word)))
        if (strcmp(word, wanted) == 0)
            return 1;
    return 0;
}

size_t rewrite_resolv_conf(const char *old, const char *address, unsigned port, const char *domains, char *text,
                           struct servers *servers) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    inet_pton(AF_INET, address, &own.sin_addr);
    char word[NAME_SIZE], searches[RESOLV_CONF_SIZE] = "", comments[RESOLV_CONF_SIZE] = "";
    size_t size = 0, commented = 0;
    for (const char *line = old; line; line = next_line(line)) {
        const char *rest = next_word(line, word, sizeof word);
        if (!rest)
            continue;
        /* A file of ours names the servers in comments. */
        int is_kept = strcmp(word, "#server") == 0;
        if (is_kept || strcmp(word, "nameserver") == 0) {
            if (next_word(rest, word, sizeof word) && strcmp(word, address) != 0) {
                commented = join(comments, commented, "#server ");
                commented = join(comments, commented, word);
                commented = join(comments, commented, "\n");
                add_server(servers, word, &own);
            }
        } else if (strcmp(word, "search") == 0) {
            size_t searched = 0;
            while ((rest = next_word(rest, word, sizeof word))) {
                /* Domains of ours are there already when the file is. */
                if (has_word(domains, word))
                    continue;
                searched = join(searches, searched, " ");
                searched = join(searches, searched, word);
            }
            searches[searched] = '\0';
        }
    }
    comments[commented] = '\0';
    const char *parts[] = {"search ", domains, searches, "\nnameserver ", address, "\noptions ndots:5\n", comments};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        size = join(text, size, parts[i]);
    return size;
}
