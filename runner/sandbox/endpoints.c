/*
 * The ports of a Service as its proxy is told them, one line a port:
 *
 *   tcp|udp PORT none|client [ADDRESS:PORT...]
 *
 * Endpoints are taken in turn, with "client" always the same one for a client.
 */
#include "pause.h"

static int read_endpoint(char *text, struct sockaddr_in *endpoint) {
    char *colon = strchr(text, ':');
    if (!colon)
        return 0;
    *colon = '\0';
    unsigned number = parse_number(colon + 1, 65535);
    memset(endpoint, 0, sizeof *endpoint);
    endpoint->sin_family = AF_INET;
    endpoint->sin_port = htons((unsigned short)number);
    return number && inet_pton(AF_INET, text, &endpoint->sin_addr) == 1;
}

static struct port *find_port(struct port *ports, int type, unsigned number) {
    struct port *empty = NULL;
    for (struct port *port = ports; port < ports + MOST_PORTS; port++) {
        if (port->type == type && port->number == number)
            return port;
        if (!port->type && !empty)
            empty = port;
    }
    if (empty) {
        empty->type = type;
        empty->number = number;
        empty->listener = -1;
        empty->turn = 0;
    }
    return empty;
}

/* Returns whether there was a place for what the line says. */
static int read_port(const char *line, struct port *ports) {
    char word[64];
    const char *rest = next_word(line, word, sizeof word);
    int type = !rest ? 0 : strcmp(word, "tcp") == 0 ? SOCK_STREAM : strcmp(word, "udp") == 0 ? SOCK_DGRAM : 0;
    if (!type || !(rest = next_word(rest, word, sizeof word)))
        return 1;
    unsigned number = parse_number(word, 65535);
    if (!number || !(rest = next_word(rest, word, sizeof word)))
        return 1;
    struct port *port = find_port(ports, type, number);
    if (!port)
        return 0;
    port->is_sticky = strcmp(word, "client") == 0;
    port->is_listed = 1;
    port->count = 0;
    while (port->count < MOST_ENDPOINTS && (rest = next_word(rest, word, sizeof word)))
        if (read_endpoint(word, &port->endpoints[port->count]))
            port->count++;
    return 1;
}

int read_ports(const char *text, struct port *ports) {
    int has_room = 1;
    for (struct port *port = ports; port < ports + MOST_PORTS; port++)
        port->is_listed = 0;
    for (const char *line = text; line; line = next_line(line))
        has_room &= read_port(line, ports);
    for (struct port *port = ports; port < ports + MOST_PORTS; port++)
        if (!port->is_listed)
            port->count = 0;
    return has_room;
}

void free_ports(struct port *ports) {
    for (struct port *port = ports; port < ports + MOST_PORTS; port++)
        if (!port->is_listed)
            port->type = 0;
}

unsigned choose_endpoint(struct port *port, const struct sockaddr_in *client) {
    if (!port->is_sticky)
        return port->turn++ % port->count;
    uint32_t mixed = ntohl(client->sin_addr.s_addr) * 2654435761u;
    return (mixed >> 8) % port->count;
}
