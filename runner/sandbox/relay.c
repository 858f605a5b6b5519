/*
 * check and relay: one connection from here to a server, stdin and stdout being the client.
 *
 * HOST is a numeric IPv4 or IPv6 address or "localhost" (127.0.0.1, then ::1). SECONDS limits the whole life: the Engine
 * does not end an exec whose client went away, and a probed server may accept and never answer.
 */
#include "pause.h"

/* What poll() promises to take from us on a pipe without blocking is PIPE_BUF; stdout is never written more. */
enum { PIPE_CHUNK = 4096, BUFFER_SIZE = 32768 };

/*
 * After the server's end of file, a client that still sends is heard until it pauses this long. Waiting for the
 * client's own end would be right, but an Engine does not show it that stdout has ended before this process has.
 */
enum { LINGER_MILLISECONDS = 100 };

/* ------------------------------------------------------------------ messages */

static const char *describe(int error) {
    switch (error) {
    case ECONNREFUSED: return "connection refused";
    case ECONNRESET: return "connection reset by peer";
    case EPIPE: return "connection closed by peer";
    case ETIMEDOUT: return "connection timed out";
    case EHOSTUNREACH: return "no route to host";
    case ENETUNREACH: return "network is unreachable";
    case EADDRNOTAVAIL: return "address not available";
    case EAFNOSUPPORT: return "address family not supported";
    default: return "failed";
    }
}

/* Writes "pause: HOST:PORT: what" as a single line. */
static void complain(const char *host, const char *port, const char *what) {
    char line[256];
    const char *parts[] = {"pause: ", host, ":", port, ": ", what};
    size_t length = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t size = strnlen(parts[i], sizeof line - 1 - length);
        memcpy(line + length, parts[i], size);
        length += size;
    }
    line[length++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, length);
    (void)ignored;
}

/* ------------------------------------------------------------------ connect */

/* Returns a connected socket, or -1 with errno set; EINVAL means that the address is not numeric. */
static int connect_to_address(const char *host, unsigned port) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)port)};
    struct sockaddr *address;
    socklen_t size;
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        address = (struct sockaddr *)&v4;
        size = sizeof v4;
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        address = (struct sockaddr *)&v6;
        size = sizeof v6;
    } else {
        errno = EINVAL;
        return -1;
    }
    int connection = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0)
        return -1;
    if (connect(connection, address, size) == 0)
        return connection;
    int error = errno;
    close(connection);
    errno = error;
    return -1;
}

static int connect_to(const char *host, unsigned port) {
    if (strcmp(host, "localhost") != 0)
        return connect_to_address(host, port);
    int connection = connect_to_address("127.0.0.1", port);
    if (connection >= 0)
        return connection;
    int error = errno;
    connection = connect_to_address("::1", port);
    if (connection < 0)
        errno = error; /* the IPv4 reason is the one that readers expect */
    return connection;
}

/* ------------------------------------------------------------------ relay */

/* One direction: bytes [start, end) of the buffer have been read and wait to be written. */
struct stream {
    char bytes[BUFFER_SIZE];
    size_t start, end;
    int finished; /* the source has no more */
    int closed;   /* and the destination has been told so */
};

static struct stream to_server, from_server;

static int is_empty(const struct stream *stream) {
    return stream->start == stream->end;
}

static int wants_bytes(const struct stream *stream) {
    return !stream->finished && is_empty(stream);
}

/* Keeps what was read; returns the error, 0 for none. An end of file finishes the stream. */
static int take(struct stream *stream, ssize_t count) {
    if (count < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : errno;
    stream->start = 0;
    stream->end = (size_t)count;
    stream->finished = count == 0;
    return 0;
}

/* Forgets what was written; returns the error, 0 for none. */
static int give(struct stream *stream, ssize_t count) {
    if (count < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : errno;
    stream->start += (size_t)count;
    return 0;
}

static int read_from_client(void) {
    int error = take(&to_server, read(STDIN_FILENO, to_server.bytes, BUFFER_SIZE));
    if (error)
        to_server.finished = 1; /* a stdin that cannot be read is an empty one */
    return 0;
}

static int read_from_server(int connection) {
    return take(&from_server, recv(connection, from_server.bytes, BUFFER_SIZE, MSG_DONTWAIT));
}

static int write_to_server(int connection) {
    size_t waiting = to_server.end - to_server.start;
    return give(&to_server, send(connection, to_server.bytes + to_server.start, waiting, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static int write_to_client(void) {
    size_t waiting = from_server.end - from_server.start;
    if (waiting > PIPE_CHUNK)
        waiting = PIPE_CHUNK;
    return give(&from_server, write(STDOUT_FILENO, from_server.bytes + from_server.start, waiting));
}

/* Passes an end of file on to the other side once everything before it has been written. */
static void propagate_ends(int connection) {
    if (to_server.finished && is_empty(&to_server) && !to_server.closed) {
        shutdown(connection, SHUT_WR);
        to_server.closed = 1;
    }
    if (from_server.finished && is_empty(&from_server) && !from_server.closed) {
        close(STDOUT_FILENO);
        from_server.closed = 1;
    }
}

/* Copies in both directions until both have ended; returns 0 or the error that broke the connection. */
static int relay(int connection) {
    enum { CLIENT_IN, CLIENT_OUT, SERVER };
    while (!to_server.closed || !from_server.closed) {
        struct pollfd polled[] = {
            [CLIENT_IN] = {.fd = wants_bytes(&to_server) ? STDIN_FILENO : -1, .events = POLLIN},
            /* Without POLLOUT this still reports a reader that went away. */
            [CLIENT_OUT] = {.fd = from_server.closed ? -1 : STDOUT_FILENO,
                            .events = is_empty(&from_server) ? 0 : POLLOUT},
            [SERVER] = {.fd = connection,
                        .events = (short)((wants_bytes(&from_server) ? POLLIN : 0) |
                                          (is_empty(&to_server) ? 0 : POLLOUT))},
        };
        /* A server that is done with both directions would be reported without end. */
        if (polled[SERVER].events == 0)
            polled[SERVER].fd = -1;
        int ready = poll(polled, 3, from_server.closed && is_empty(&to_server) ? LINGER_MILLISECONDS : -1);
        if (ready == 0)
            return 0;
        if (ready < 0)
            continue;

        int error = 0;
        if (polled[CLIENT_IN].revents)
            error = read_from_client();
        if (polled[CLIENT_OUT].revents & POLLERR)
            return 0; /* nobody reads any more */
        if (!error && polled[CLIENT_OUT].revents & POLLOUT)
            error = write_to_client();
        if (!error && polled[SERVER].revents && wants_bytes(&from_server))
            error = read_from_server(connection);
        if (!error && polled[SERVER].revents && !is_empty(&to_server))
            error = write_to_server(connection);
        if (error)
            /* After the server's end of file, only the server's answer to bytes it did not want. */
            return from_server.finished ? 0 : error;
        propagate_ends(connection);
    }
    return 0;
}

/* ------------------------------------------------------------------ command line */

static const char *limited_host, *limited_port;

static void on_alarm(int signal) {
    (void)signal;
    complain(limited_host, limited_port, "timed out");
    _exit(EXIT_BROKEN);
}

int check_or_relay(int relaying, const char *host, const char *port_text, const char *seconds_text) {
    unsigned port = parse_number(port_text, 65535);
    unsigned seconds = seconds_text ? parse_number(seconds_text, 1000000000) : 0;
    if (port == 0 || (seconds_text && seconds == 0))
        return usage();
    limited_host = host;
    limited_port = port_text;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, on_alarm);
    alarm(seconds);

    int connection = connect_to(host, port);
    if (connection < 0) {
        complain(host, port_text, errno == EINVAL ? "not a numeric address or localhost" : describe(errno));
        return EXIT_BROKEN;
    }
    int error = relaying ? relay(connection) : 0;
    if (error) {
        complain(host, port_text, describe(error));
        return EXIT_BROKEN;
    }
    return EXIT_DONE;
}
