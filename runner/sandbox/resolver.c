/*
 * The resolver of a pod: names below cluster.local from a zone file, everything else from the servers that the Engine has
 * written into resolv.conf. That file is rewritten in place, so that all containers that share it ask here.
 *
 * One process and one poll: a question that has to be passed on gets a socket of its own and waits in a table. A
 * connection over TCP, which only long answers need, gets a process of its own.
 */
#include "pause.h"

enum { MOST_WAITING = 128, MOST_LATE = 64, MOST_CHILDREN = 16, PARTIAL_SIZE = 2048, PATH_SIZE = 4096 };
enum { SERVER_MILLISECONDS = 2000, TRIES = 2 };

/* A question that another server is asked. */
struct waiting {
    int socket; /* -1: the place is free */
    struct sockaddr_in client;
    struct question question;
    uint8_t id[2];
    int tried, place; /* place: among what is polled */
    int64_t due;
    int is_alias;
    size_t query_size, partial_size;
    uint8_t query[QUERY_SIZE];     /* what is asked */
    uint8_t partial[PARTIAL_SIZE]; /* the beginning of the answer: error to send, or aliases that are known already */
};

/* A question whose answer is late on purpose. */
struct late {
    size_t size; /* 0: the place is free */
    int64_t due;
    struct sockaddr_in client;
    uint8_t query[QUERY_SIZE];
};

static struct table zone, faults;
static struct late late[MOST_LATE];
static struct servers servers;
static struct waiting waiting[MOST_WAITING];
static pid_t children[MOST_CHILDREN];
static uint8_t received[MESSAGE_SIZE], written[MESSAGE_SIZE + 16];

static const char NO_ZONE[] = "a kubernetes.default.svc.cluster.local 10.96.0.1\n"
                              "srv _https._tcp.kubernetes.default.svc.cluster.local 443 kubernetes.default.svc.cluster.local\n";

static const char FAULTS[] = "-faults"; /* what the path of the zone ends in that has answers that go wrong */

static const char *zone_text(void) {
    refresh_table(&zone);
    const char *text = table_text(&zone);
    return *text ? text : NO_ZONE;
}

static const char *faults_text(void) {
    refresh_table(&faults);
    return table_text(&faults);
}

static socklen_t size_of(const union address *address) {
    return address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

/* ------------------------------------------------------------------ resolv.conf */

static int write_file(int file, const char *text, size_t size) {
    return pwrite(file, text, size, 0) == (ssize_t)size && ftruncate(file, (off_t)size) == 0;
}

/* Returns whether the file is as it should be: without domains it is only read. */
static int take_over(const char *path, const char *address, unsigned port, const char *domains) {
    static char old[RESOLV_CONF_SIZE], text[RESOLV_CONF_SIZE];
    int file = open(path, (domains ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t count = read(file, old, sizeof old - 1);
    if (count < 0 || count == sizeof old - 1) { /* or too long: what is not read would be lost */
        close(file);
        return 0;
    }
    old[count] = '\0';
    size_t size = rewrite_resolv_conf(old, address, port, domains ? domains : "", text, &servers);
    int is_done = !domains || write_file(file, text, size);
    if (!is_done)
        write_file(file, old, (size_t)count);
    close(file);
    return is_done;
}

/* ------------------------------------------------------------------ questions for other servers */

static void send_to(int socket, const struct message *message, const struct sockaddr_in *client) {
    sendto(socket, message->bytes, message->length, MSG_DONTWAIT, (const struct sockaddr *)client, sizeof *client);
}

static void forget(struct waiting *one) {
    if (one->socket >= 0)
        close(one->socket);
    one->socket = -1;
}

/* Asks the next server; returns 0 when all have been asked. */
static int ask_next(struct waiting *one) {
    int most = servers.count == 1 ? TRIES : servers.count;
    while (one->tried < most) {
        const union address *server = &servers.all[one->tried++ % servers.count];
        if (one->socket >= 0)
            close(one->socket);
        one->socket = socket(server->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        one->due = milliseconds() + SERVER_MILLISECONDS;
        if (one->socket >= 0 && getrandom(one->query, 2, 0) == 2 && connect(one->socket, &server->any, size_of(server)) == 0 &&
            send(one->socket, one->query, one->query_size, MSG_DONTWAIT) == (ssize_t)one->query_size)
            return 1;
    }
    return 0;
}

static void give_up(int listener, struct waiting *one) {
    struct message answer = {.bytes = one->partial, .length = one->partial_size};
    set_error(&answer, SERVER_FAILURE);
    finish_answer(&answer, &one->question);
    send_to(listener, &answer, &one->client);
    forget(one);
}

static void pass_on(int listener, const uint8_t *query, size_t length, const struct sockaddr_in *client,
                    const struct question *question, const struct message *partial, const char *alias) {
    struct waiting *one = waiting;
    while (one < waiting + MOST_WAITING && one->socket >= 0)
        one++;
    if (one == waiting + MOST_WAITING || partial->length + 16 > PARTIAL_SIZE)
        return; /* The client asks again. */
    one->client = *client;
    one->question = *question;
    one->tried = 0;
    one->is_alias = alias != NULL;
    memcpy(one->id, query, 2);
    memcpy(one->partial, partial->bytes, partial->length);
    one->partial_size = partial->length;
    one->query_size = query_for(one->query, query, length, alias, question->type);
    if (!one->query_size || !ask_next(one))
        give_up(listener, one);
}

static void hear(int listener, struct waiting *one) {
    ssize_t length = recv(one->socket, received, sizeof received, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length >= 2 && memcmp(received, one->query, 2) != 0)
        return;
    struct message answer = {.bytes = written, .length = one->partial_size, .limit = one->question.limit - 11};
    memcpy(written, one->partial, one->partial_size);
    if (length > 0 && adapt_answer(&answer, &one->question, one->id, one->is_alias, received, (size_t)length)) {
        send_to(listener, &answer, &one->client);
        forget(one);
    } else if (!ask_next(one)) {
        give_up(listener, one);
    }
}

static void put_off(const uint8_t *query, size_t length, const struct sockaddr_in *client, unsigned delay) {
    for (struct late *one = late; one < late + MOST_LATE; one++) {
        if (one->size || length > QUERY_SIZE)
            continue;
        one->size = length;
        one->due = milliseconds() + delay;
        one->client = *client;
        memcpy(one->query, query, length);
        return; /* Without room for it the client asks again. */
    }
}

static void answer_question(int listener, const uint8_t *query, size_t length, const struct sockaddr_in *client,
                            int is_due) {
    struct question question;
    struct message answer = {.bytes = written};
    char alias[NAME_SIZE];
    unsigned delay;
    enum verdict verdict =
        answer_with_faults(faults_text(), zone_text(), query, length, &question, &answer, alias, &delay);
    if (delay && !is_due) {
        put_off(query, length, client, delay);
    } else if (verdict == ANSWERED) {
        finish_answer(&answer, &question);
        send_to(listener, &answer, client);
    } else if (verdict != DROP) {
        pass_on(listener, query, length, client, &question, &answer, verdict == FORWARD ? NULL : alias);
    }
}

static void take_question(int listener) {
    struct sockaddr_in client;
    socklen_t size = sizeof client;
    ssize_t length = recvfrom(listener, received, sizeof received, MSG_DONTWAIT, (struct sockaddr *)&client, &size);
    if (length > 0)
        answer_question(listener, received, (size_t)length, &client, 0);
}

static void answer_what_is_due(int listener) {
    for (struct late *one = late; one < late + MOST_LATE; one++) {
        if (!one->size || one->due > milliseconds())
            continue;
        answer_question(listener, one->query, one->size, &one->client, 1);
        one->size = 0;
    }
}

/* ------------------------------------------------------------------ TCP */

/* Asks the servers one after the other over TCP. */
static int ask_over_tcp(struct message *answer, const struct question *question, const uint8_t *query, size_t length,
                        const char *alias) {
    static uint8_t asked[MESSAGE_SIZE], other[MESSAGE_SIZE];
    struct timeval patience = {.tv_sec = 3};
    size_t size = query_for(asked, query, length, alias, question->type);
    for (int i = 0; size && i < servers.count; i++) {
        int connection = socket(servers.all[i].any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        size_t heard = 0;
        if (connect(connection, &servers.all[i].any, size_of(&servers.all[i])) == 0 && send_message(connection, asked, size))
            heard = receive_message(connection, other);
        close(connection);
        if (heard && adapt_answer(answer, question, query, alias != NULL, other, heard))
            return 1;
    }
    return 0;
}

/* Returns whether the next one can be taken at once. */
static int take_connection(int listener) {
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0)
        return !lacks_room(errno);
    for (int i = 0; i < MOST_CHILDREN; i++) {
        if (children[i])
            continue;
        pid_t child = fork();
        if (child == 0) {
            signal(SIGALRM, SIG_DFL);
            keep_only(connection);
            alarm(CONNECTION_SECONDS);
            answer_connection(connection, zone_text, faults_text, ask_over_tcp);
            _exit(EXIT_DONE);
        }
        if (child > 0)
            children[i] = child;
        break;
    }
    close(connection);
    return 1;
}

static void forget_child(pid_t child) {
    for (int i = 0; i < MOST_CHILDREN; i++)
        if (children[i] == child)
            children[i] = 0;
}

/* ------------------------------------------------------------------ serving */

static int listen_at(const struct sockaddr_in *address, int type) {
    int on = 1, listener = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* A server of the pod that listens on every address may do so over UDP beside this one. */
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (const struct sockaddr *)address, sizeof *address) == 0 &&
        (type == SOCK_DGRAM || listen(listener, 64) == 0))
        return listener;
    close(listener);
    return -1;
}

static int64_t sooner(int64_t least, int64_t due, int64_t now) {
    int64_t left = due > now ? due - now : 0;
    return least < 0 || left < least ? left : least;
}

static int until_due(int64_t now) {
    int64_t least = -1;
    for (struct waiting *one = waiting; one < waiting + MOST_WAITING; one++)
        if (one->socket >= 0)
            least = sooner(least, one->due, now);
    for (struct late *one = late; one < late + MOST_LATE; one++)
        if (one->size)
            least = sooner(least, one->due, now);
    return (int)least;
}

static void serve(int udp, int tcp) {
    static struct pollfd polled[3 + MOST_WAITING];
    int signals = fetch_signals();
    int64_t rests_until = 0;
    for (;;) {
        int64_t now = milliseconds();
        int is_resting = now < rests_until;
        int most = until_due(now);
        if (is_resting && (most < 0 || most > REST_MILLISECONDS))
            most = REST_MILLISECONDS;
        nfds_t count = 3;
        polled[0] = (struct pollfd){.fd = signals, .events = POLLIN};
        polled[1] = (struct pollfd){.fd = udp, .events = POLLIN};
        polled[2] = (struct pollfd){.fd = is_resting ? -1 : tcp, .events = POLLIN};
        /* Only what is open: poll() takes no more than this process may have descriptors. */
        for (struct waiting *one = waiting; one < waiting + MOST_WAITING; one++) {
            if (one->socket < 0)
                continue;
            one->place = (int)count;
            polled[count++] = (struct pollfd){.fd = one->socket, .events = POLLIN};
        }
        poll(polled, count, most);
        if (heed_signals(signals, forget_child))
            return;
        for (int i = 0; i < MOST_WAITING; i++) {
            if (waiting[i].socket < 0)
                continue;
            if (polled[waiting[i].place].revents)
                hear(udp, &waiting[i]);
            else if (waiting[i].due <= milliseconds() && !ask_next(&waiting[i]))
                give_up(udp, &waiting[i]);
        }
        answer_what_is_due(udp);
        if (polled[1].revents)
            take_question(udp);
        if (polled[2].revents && !take_connection(tcp))
            rests_until = milliseconds() + REST_MILLISECONDS;
    }
}

int resolve_until_told(const char *address, unsigned port, const char *resolv_conf, const char *zone_path,
                       const char *domains) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    if (inet_pton(AF_INET, address, &own.sin_addr) != 1 || port == 0)
        return usage();
    static char faults_path[PATH_SIZE];
    size_t path_size = strlen(zone_path);
    if (path_size + sizeof FAULTS > sizeof faults_path)
        return usage();
    memcpy(faults_path, zone_path, path_size);
    memcpy(faults_path + path_size, FAULTS, sizeof FAULTS);
    zone.path = zone_path;
    faults.path = faults_path;
    for (int i = 0; i < MOST_WAITING; i++)
        waiting[i].socket = -1;
    int udp = listen_at(&own, SOCK_DGRAM), tcp = listen_at(&own, SOCK_STREAM);
    if (udp < 0 || tcp < 0 || !take_over(resolv_conf, address, port, domains)) {
        close(udp);
        close(tcp);
        say(STDERR_FILENO, "pause: the pod keeps the resolvers that it has\n");
        return EXIT_BROKEN;
    }
    serve(udp, tcp);
    return EXIT_DONE;
}
