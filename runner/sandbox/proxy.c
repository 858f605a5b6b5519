/*
 * The proxy of a Service: its ports are listened to on every address of this network, and relayed to the endpoints that a
 * table names, one line a port:
 *
 *   tcp|udp PORT none|client [ADDRESS:PORT...]
 *
 * Endpoints are taken in turn, with "client" always the same one for a client. A port without endpoints is not listened
 * to, so that connections to it are refused at once. The table is looked at again when it changes.
 */
#include <sys/inotify.h>

#include "pause.h"

enum { MOST_PORTS = 64, MOST_ENDPOINTS = 256, MOST_SESSIONS = 256, MOST_CONNECTIONS = 1024 };
enum { LOOK_MILLISECONDS = 1000, CONNECT_MILLISECONDS = 3000, SESSION_MILLISECONDS = 60000, CHUNK = 65536 };

struct port {
    int type; /* SOCK_STREAM or SOCK_DGRAM, 0: the place is free */
    unsigned number;
    int listener; /* -1: none */
    int is_sticky, is_listed;
    unsigned turn, count;
    struct sockaddr_in endpoints[MOST_ENDPOINTS];
};

/* A client of a UDP port, and the socket that speaks for it to an endpoint. */
struct session {
    int socket; /* -1: the place is free */
    struct port *port;
    struct sockaddr_in client, endpoint;
    int64_t used;
};

static struct table table;
static struct port ports[MOST_PORTS];
static struct session sessions[MOST_SESSIONS];
static unsigned connections;
static uint8_t datagram[CHUNK];

/* ------------------------------------------------------------------ the table */

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

static struct port *find_port(int type, unsigned number) {
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

static void listen_to(struct port *port) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port->number)};
    int on = 1, listener = socket(AF_INET, port->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&any, sizeof any) == 0 &&
        (port->type == SOCK_DGRAM || listen(listener, SOMAXCONN) == 0)) {
        port->listener = listener;
        return;
    }
    close(listener);
}

static int is_endpoint(const struct port *port, const struct sockaddr_in *endpoint) {
    for (unsigned i = 0; i < port->count; i++)
        if (memcmp(&port->endpoints[i], endpoint, sizeof *endpoint) == 0)
            return 1;
    return 0;
}

static void end_session(struct session *session) {
    close(session->socket);
    session->socket = -1;
}

static void read_port(const char *line) {
    char word[64];
    const char *rest = next_word(line, word, sizeof word);
    int type = !rest ? 0 : strcmp(word, "tcp") == 0 ? SOCK_STREAM : strcmp(word, "udp") == 0 ? SOCK_DGRAM : 0;
    if (!type || !(rest = next_word(rest, word, sizeof word)))
        return;
    unsigned number = parse_number(word, 65535);
    struct port *port = number ? find_port(type, number) : NULL;
    if (!port || !(rest = next_word(rest, word, sizeof word)))
        return;
    port->is_sticky = strcmp(word, "client") == 0;
    port->is_listed = 1;
    port->count = 0;
    while (port->count < MOST_ENDPOINTS && (rest = next_word(rest, word, sizeof word)))
        if (read_endpoint(word, &port->endpoints[port->count]))
            port->count++;
}

static void read_table(void) {
    if (!refresh_table(&table))
        return;
    for (struct port *port = ports; port < ports + MOST_PORTS; port++)
        port->is_listed = 0;
    for (const char *line = table_text(&table); line; line = next_line(line))
        read_port(line);
    for (struct port *port = ports; port < ports + MOST_PORTS; port++) {
        if (!port->type)
            continue;
        if (!port->is_listed)
            port->count = 0;
        if (!port->count && port->listener >= 0) {
            close(port->listener);
            port->listener = -1;
        }
        if (port->count && port->listener < 0)
            listen_to(port);
    }
    /* Connections go on with an endpoint that is none any more; datagrams find another one. */
    for (struct session *session = sessions; session < sessions + MOST_SESSIONS; session++)
        if (session->socket >= 0 && !is_endpoint(session->port, &session->endpoint))
            end_session(session);
    for (struct port *port = ports; port < ports + MOST_PORTS; port++)
        if (!port->is_listed)
            port->type = 0;
}

static unsigned choose(struct port *port, const struct sockaddr_in *client) {
    if (!port->is_sticky)
        return port->turn++ % port->count;
    uint32_t mixed = ntohl(client->sin_addr.s_addr) * 2654435761u;
    return (mixed >> 8) % port->count;
}

/* ------------------------------------------------------------------ TCP */

/* One direction of a connection: bytes [start, end) have been read and wait to be written. */
struct pipe {
    uint8_t bytes[CHUNK];
    size_t start, end;
    int from, to, is_finished;
};

static struct pipe pipes[2];

/* Moves what can be moved; returns 0 when the connection is broken. */
static int move(struct pipe *pipe) {
    if (pipe->start == pipe->end && !pipe->is_finished) {
        ssize_t count = recv(pipe->from, pipe->bytes, CHUNK, MSG_DONTWAIT);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR;
        pipe->start = 0;
        pipe->end = (size_t)count;
        if (count == 0) {
            pipe->is_finished = 1;
            shutdown(pipe->to, SHUT_WR);
        }
    }
    if (pipe->start < pipe->end) {
        ssize_t count = send(pipe->to, pipe->bytes + pipe->start, pipe->end - pipe->start, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR;
        pipe->start += (size_t)count;
    }
    return 1;
}

static void exchange(int client, int server) {
    pipes[0].from = pipes[1].to = client;
    pipes[0].to = pipes[1].from = server;
    while (!pipes[0].is_finished || !pipes[1].is_finished) {
        struct pollfd polled[2] = {{.fd = client}, {.fd = server}};
        for (int i = 0; i < 2; i++) {
            if (pipes[i].start < pipes[i].end)
                polled[1 - i].events |= POLLOUT;
            else if (!pipes[i].is_finished)
                polled[i].events |= POLLIN;
        }
        for (int i = 0; i < 2; i++)
            if (!polled[i].events)
                polled[i].fd = -1;
        if (poll(polled, 2, -1) < 0)
            continue;
        if (!move(&pipes[0]) || !move(&pipes[1]))
            break;
    }
}

static int connect_to_endpoint(const struct sockaddr_in *endpoint) {
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
    socklen_t size = sizeof error;
    struct pollfd polled = {.fd = connection, .events = POLLOUT};
    if (connect(connection, (const struct sockaddr *)endpoint, sizeof *endpoint) == 0)
        return connection;
    if (errno == EINPROGRESS && poll(&polled, 1, CONNECT_MILLISECONDS) == 1 &&
        getsockopt(connection, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
        return connection;
    close(connection);
    return -1;
}

/* A process of its own. A client that no endpoint takes is sent away with a reset, as if its connection was refused. */
static void serve_client(int client, const struct port *port, unsigned first) {
    for (unsigned i = 0; i < port->count; i++) {
        int server = connect_to_endpoint(&port->endpoints[(first + i) % port->count]);
        if (server < 0)
            continue;
        exchange(client, server);
        return;
    }
    struct linger reset = {.l_onoff = 1};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

static void take_client(struct port *port) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int client = accept4(port->listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC);
    if (client < 0)
        return;
    unsigned first = choose(port, &address);
    pid_t child = connections < MOST_CONNECTIONS ? fork() : -1;
    if (child == 0) {
        for (struct port *other = ports; other < ports + MOST_PORTS; other++)
            if (other->type && other->listener >= 0)
                close(other->listener);
        serve_client(client, port, first);
        close(client);
        _exit(EXIT_DONE);
    }
    connections += child > 0;
    close(client);
}

static void client_has_gone(pid_t child) {
    (void)child;
    connections -= connections > 0;
}

/* ------------------------------------------------------------------ UDP */

static struct session *session_of(struct port *port, const struct sockaddr_in *client) {
    struct session *chosen = sessions;
    for (struct session *session = sessions; session < sessions + MOST_SESSIONS; session++) {
        if (session->socket >= 0 && session->port == port && session->client.sin_addr.s_addr == client->sin_addr.s_addr &&
            session->client.sin_port == client->sin_port)
            return session;
        if (chosen->socket >= 0 && (session->socket < 0 || session->used < chosen->used))
            chosen = session;
    }
    if (chosen->socket >= 0)
        end_session(chosen); /* the one that was silent for longest */
    chosen->port = port;
    chosen->client = *client;
    chosen->endpoint = port->endpoints[choose(port, client)];
    chosen->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (chosen->socket >= 0 && connect(chosen->socket, (struct sockaddr *)&chosen->endpoint, sizeof chosen->endpoint) != 0)
        end_session(chosen);
    return chosen;
}

static void take_datagram(struct port *port) {
    struct sockaddr_in client = {0};
    socklen_t size = sizeof client;
    ssize_t length = recvfrom(port->listener, datagram, sizeof datagram, MSG_DONTWAIT, (struct sockaddr *)&client, &size);
    if (length < 0 || !port->count)
        return;
    struct session *session = session_of(port, &client);
    if (session->socket < 0)
        return;
    session->used = milliseconds();
    send(session->socket, datagram, (size_t)length, MSG_DONTWAIT);
}

static void bring_back(struct session *session) {
    ssize_t length = recv(session->socket, datagram, sizeof datagram, MSG_DONTWAIT);
    if (length < 0) {
        if (errno != EAGAIN && errno != EINTR)
            end_session(session); /* nobody listens there */
        return;
    }
    session->used = milliseconds();
    sendto(session->port->listener, datagram, (size_t)length, MSG_DONTWAIT, (struct sockaddr *)&session->client,
           sizeof session->client);
}

/* ------------------------------------------------------------------ serving */

/* A descriptor that becomes readable when something is written beside the table; -1 where there is no such thing. */
static int watch(const char *path) {
    char folder[256] = ".";
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (slash && length < sizeof folder) {
        memcpy(folder, path, length);
        folder[length] = '\0';
    }
    int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    inotify_add_watch(changes, slash && !length ? "/" : folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB);
    return changes;
}

static void drain(int changes) {
    while (read(changes, datagram, sizeof datagram) > 0) {
    }
}

int proxy_until_told(const char *path) {
    enum { SIGNALS, CHANGES, PORTS, SESSIONS = PORTS + MOST_PORTS, ALL = SESSIONS + MOST_SESSIONS };
    static struct pollfd polled[ALL];
    int signals = fetch_signals(), changes = watch(path);
    table.path = path;
    for (int i = 0; i < MOST_SESSIONS; i++)
        sessions[i].socket = -1;
    for (;;) {
        read_table();
        polled[SIGNALS] = (struct pollfd){.fd = signals, .events = POLLIN};
        polled[CHANGES] = (struct pollfd){.fd = changes, .events = POLLIN};
        for (int i = 0; i < MOST_PORTS; i++)
            polled[PORTS + i] = (struct pollfd){.fd = ports[i].type ? ports[i].listener : -1, .events = POLLIN};
        for (int i = 0; i < MOST_SESSIONS; i++)
            polled[SESSIONS + i] = (struct pollfd){.fd = sessions[i].socket, .events = POLLIN};
        poll(polled, ALL, LOOK_MILLISECONDS);
        if (heed_signals(signals, client_has_gone))
            return EXIT_DONE;
        drain(changes);
        for (int i = 0; i < MOST_SESSIONS; i++) {
            struct session *session = &sessions[i];
            if (session->socket >= 0 && polled[SESSIONS + i].revents)
                bring_back(session);
            else if (session->socket >= 0 && milliseconds() - session->used > SESSION_MILLISECONDS)
                end_session(session);
        }
        for (int i = 0; i < MOST_PORTS; i++) {
            if (!polled[PORTS + i].revents)
                continue;
            if (ports[i].type == SOCK_STREAM)
                take_client(&ports[i]);
            else
                take_datagram(&ports[i]);
        }
    }
}
