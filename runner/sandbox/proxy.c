/*
 * The proxy of a Service: its ports are listened to on every address of this network, and relayed to the endpoints that a
 * table names (endpoints.c). A port without endpoints is not listened to, so that connections to it are refused at once.
 * The table is looked at again when it changes.
 */
#include "pause.h"

#include <netinet/tcp.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

enum { MOST_SESSIONS = 256, MOST_CONNECTIONS = 1024 };
enum { LOOK_MILLISECONDS = 1000, CONNECT_MILLISECONDS = 3000, SESSION_MILLISECONDS = 60000, CHUNK = 65536 };

/* A client of a UDP port, and the socket that speaks for it to an endpoint. */
struct session {
    int socket; /* -1: the place is free */
    struct port *port;
    int place; /* among what is polled */
    struct sockaddr_in client, endpoint;
    int64_t used;
};

static struct table table;
static struct port ports[MOST_PORTS];
static struct session sessions[MOST_SESSIONS];
static unsigned connections;
static uint8_t datagram[CHUNK];

/* ------------------------------------------------------------------ the table */

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

/* Reads the ports and ends what is not wanted any more; returns 0 when there was no place for a port. */
static int take_table(void) {
    int has_room = read_ports(table_text(&table), ports);
    for (struct port *port = ports; port < ports + MOST_PORTS; port++) {
        if (!port->type || port->count || port->listener < 0)
            continue;
        close(port->listener);
        port->listener = -1;
    }
    /* Connections go on with an endpoint that is none any more; datagrams find another one. */
    for (struct session *session = sessions; session < sessions + MOST_SESSIONS; session++)
        if (session->socket >= 0 && !is_endpoint(session->port, &session->endpoint))
            end_session(session);
    free_ports(ports);
    return has_room;
}

static void read_table(void) {
    /* Another time if ports had to wait for the places of those that have gone. */
    if (refresh_table(&table) && !take_table())
        take_table();
    /* Each time: who had the port, or the descriptors, may have gone. */
    for (struct port *port = ports; port < ports + MOST_PORTS; port++)
        if (port->type && port->count && port->listener < 0)
            listen_to(port);
}

/* ------------------------------------------------------------------ TCP */

/* One direction of a connection: bytes [start, end) have been read and wait to be written. */
struct pipe {
    uint8_t bytes[CHUNK];
    size_t start, end;
    int from, to, is_finished;
};

static struct pipe pipes[2];

enum moved { MOVED, SOURCE_BROKEN, TARGET_BROKEN };

/* Moves what can be moved. */
static enum moved move(struct pipe *pipe) {
    if (pipe->start == pipe->end && !pipe->is_finished) {
        ssize_t count = recv(pipe->from, pipe->bytes, CHUNK, MSG_DONTWAIT);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR ? MOVED : SOURCE_BROKEN;
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
            return errno == EAGAIN || errno == EINTR ? MOVED : TARGET_BROKEN;
        pipe->start += (size_t)count;
    }
    return MOVED;
}

/* Probes a peer that is silent, so that one that vanished without a word does not keep its connection for ever. */
static void probe(int connection) {
    const int on = 1, idle = 60, interval = 15, count = 4;
    setsockopt(connection, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(connection, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(connection, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(connection, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

/* Makes the end of a connection, which comes with close(), a reset. */
static void break_off(int connection) {
    struct linger reset = {.l_onoff = 1};
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

/* Waits a little until what was sent has arrived: a reset takes back what has not. */
static void deliver(int connection) {
    int unsent;
    for (int i = 0; i < 100 && ioctl(connection, TIOCOUTQ, &unsent) == 0 && unsent > 0; i++) {
        struct pollfd polled = {.fd = connection};
        if (poll(&polled, 1, 10) > 0)
            return; /* it is broken already */
    }
}

/* Returns whether both sides have ended well; what broke on one side has to be told to the other. */
static int exchange(int client, int server) {
    int is_broken = 0;
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
        /* Who is not waited for may still break; whom we have sent our end would be reported without end. */
        for (int i = 0; i < 2; i++)
            if (!polled[i].events && pipes[1 - i].is_finished)
                polled[i].fd = -1;
        if (poll(polled, 2, -1) < 0)
            continue;
        int has_gone[2];
        for (int i = 0; i < 2; i++)
            has_gone[i] = !polled[i].events && polled[i].revents & (POLLERR | POLLHUP);
        enum moved moved = has_gone[1] ? TARGET_BROKEN : move(&pipes[0]);
        if (has_gone[0] || moved == SOURCE_BROKEN)
            return 0;
        if (moved == TARGET_BROKEN) {
            /* The server wants no more; what it has said before still counts. */
            is_broken |= !pipes[1].is_finished;
            pipes[0].is_finished = 1;
            pipes[0].start = pipes[0].end = 0;
        }
        if (move(&pipes[1]) != MOVED)
            return 0;
    }
    return !is_broken;
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
        probe(client);
        probe(server);
        if (!exchange(client, server)) {
            deliver(client);
            break_off(client);
            break_off(server);
        }
        return;
    }
    break_off(client);
}

/* Returns whether the next one can be taken at once. */
static int take_client(struct port *port) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int client = accept4(port->listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC);
    if (client < 0)
        return !lacks_room(errno);
    unsigned first = choose_endpoint(port, &address);
    pid_t child = connections < MOST_CONNECTIONS ? fork() : -1;
    if (child == 0) {
        keep_only(client);
        serve_client(client, port, first);
        close(client);
        _exit(EXIT_DONE);
    }
    connections += child > 0;
    if (child < 0)
        break_off(client);
    close(client);
    return 1;
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
    chosen->endpoint = port->endpoints[choose_endpoint(port, client)];
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
    enum { SIGNALS, CHANGES, FIRST, ALL = FIRST + MOST_PORTS + MOST_SESSIONS };
    static struct pollfd polled[ALL];
    int64_t rests_until = 0;
    int signals = fetch_signals(), changes = watch(path);
    table.path = path;
    for (int i = 0; i < MOST_SESSIONS; i++)
        sessions[i].socket = -1;
    for (;;) {
        read_table();
        polled[SIGNALS] = (struct pollfd){.fd = signals, .events = POLLIN};
        polled[CHANGES] = (struct pollfd){.fd = changes, .events = POLLIN};
        /* Only what is open: poll() takes no more than this process may have descriptors. */
        nfds_t count = FIRST;
        int is_resting = milliseconds() < rests_until;
        for (int i = 0; i < MOST_PORTS; i++) {
            ports[i].place = 0;
            if (!ports[i].type || ports[i].listener < 0 || (is_resting && ports[i].type == SOCK_STREAM))
                continue;
            ports[i].place = (int)count;
            polled[count++] = (struct pollfd){.fd = ports[i].listener, .events = POLLIN};
        }
        for (int i = 0; i < MOST_SESSIONS; i++) {
            if (sessions[i].socket < 0)
                continue;
            sessions[i].place = (int)count;
            polled[count++] = (struct pollfd){.fd = sessions[i].socket, .events = POLLIN};
        }
        poll(polled, count, is_resting ? REST_MILLISECONDS : LOOK_MILLISECONDS);
        if (heed_signals(signals, client_has_gone))
            return EXIT_DONE;
        drain(changes);
        for (int i = 0; i < MOST_SESSIONS; i++) {
            struct session *session = &sessions[i];
            if (session->socket >= 0 && polled[session->place].revents)
                bring_back(session);
            else if (session->socket >= 0 && milliseconds() - session->used > SESSION_MILLISECONDS)
                end_session(session);
        }
        for (int i = 0; i < MOST_PORTS; i++) {
            if (!ports[i].place || !polled[ports[i].place].revents)
                continue;
            if (ports[i].type == SOCK_DGRAM)
                take_datagram(&ports[i]);
            else if (!take_client(&ports[i]))
                rests_until = milliseconds() + REST_MILLISECONDS;
        }
    }
}
