/*
 * pause: the only program of the sandbox image.
 *
 *   pause                              hold the pod's namespaces; as PID 1 also reap orphans. With $PODRUNNER_RESOLVER (search
 *                                      domains) also resolve names for the pod: see resolver.c
 *   pause check HOST PORT [SECONDS]    exit 0 when HOST:PORT accepts a TCP connection
 *   pause relay HOST PORT [SECONDS]    copy stdin to HOST:PORT and HOST:PORT to stdout
 *   pause resolver ADDRESS PORT RESOLV_CONF ZONE [DOMAINS]
 *                                      the resolver alone, anywhere
 *   pause proxy [TABLE]                relay the ports of a Service to its endpoints: see proxy.c
 *   pause stand-in ORDER...            be a container's process that goes wrong: see standin.c
 *   pause network cut|join             let nothing through the network of this namespace, or everything again: see network.c
 *   pause -v                           print the version
 *
 * There is no stdio, so that the static binary stays tiny.
 *
 * Exit codes: 0 done, 1 no connection or a broken one, 2 usage; each failure with one line on stderr.
 */
#include "pause.h"

#include <sys/resource.h>

#define VERSION "4"

/* No program here has more at a time: 256 clients and 64 ports of a proxy, and a few. */
enum { MOST_DESCRIPTORS = 512 };

void say(int descriptor, const char *text) {
    ssize_t ignored = write(descriptor, text, strlen(text));
    (void)ignored;
}

/* ------------------------------------------------------------------ pause */

int fetch_signals(void) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGCHLD);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

int heed_signals(int signals, void (*on_exit)(pid_t)) {
    struct signalfd_siginfo received;
    while (read(signals, &received, sizeof received) == sizeof received) {
        if (received.ssi_signo != SIGCHLD)
            return 1;
        /* One SIGCHLD may stand for many children. */
        for (pid_t child; (child = waitpid(-1, NULL, WNOHANG)) > 0;)
            on_exit(child);
    }
    return 0;
}

int lacks_room(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

void keep_only(int descriptor) {
    struct rlimit limit;
    int is_known = getrlimit(RLIMIT_NOFILE, &limit) == 0;
    int most = is_known && limit.rlim_cur < MOST_DESCRIPTORS ? (int)limit.rlim_cur : MOST_DESCRIPTORS;
    for (int other = STDERR_FILENO + 1; other < most; other++)
        if (other != descriptor)
            close(other);
}

static void forget(pid_t child) {
    (void)child;
}

/* PID 1 would lose a signal that is neither blocked nor handled, so they are blocked and fetched one by one. */
static int pause_until_told(void) {
    struct pollfd polled = {.fd = fetch_signals(), .events = POLLIN};
    while (!heed_signals(polled.fd, forget))
        poll(&polled, 1, -1);
    return EXIT_DONE;
}

/* ------------------------------------------------------------------ command line */

int usage(void) {
    say(STDERR_FILENO, "usage: pause [-v | {check|relay} HOST PORT [SECONDS]]\n");
    return EXIT_USAGE;
}

/* What a sandbox does: resolve if it is asked to and can, else only hold the namespaces. */
static int hold(void) {
    char *domains = getenv("PODRUNNER_RESOLVER");
    if (domains && resolve_until_told("127.0.0.10", 53, "/etc/resolv.conf", "/zone", domains) == EXIT_DONE)
        return EXIT_DONE;
    return pause_until_told();
}

/* A first descriptor that is closed would be given to a connection, which would then be taken for stdin or stdout. */
static void open_what_is_closed(void) {
    int descriptor;
    do
        descriptor = open("/dev/null", O_RDWR);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor >= 0)
        close(descriptor);
}

int main(int count, char **arguments) {
    open_what_is_closed();
    if (count <= 1)
        return hold();
    const char *verb = arguments[1];
    if (count == 2 && strcmp(verb, "-v") == 0) {
        say(STDOUT_FILENO, "pause " VERSION "\n");
        return EXIT_DONE;
    }
    if (count == 3 && strcmp(verb, "network") == 0 && strcmp(arguments[2], "cut") == 0)
        return cut_network();
    if (count == 3 && strcmp(verb, "network") == 0 && strcmp(arguments[2], "join") == 0)
        return join_network();
    if (strcmp(verb, "stand-in") == 0)
        return stand_in(arguments + 2);
    if (count <= 3 && strcmp(verb, "proxy") == 0)
        return proxy_until_told(count == 3 ? arguments[2] : "/endpoints");
    if ((count == 6 || count == 7) && strcmp(verb, "resolver") == 0)
        return resolve_until_told(arguments[2], parse_number(arguments[3], 65535), arguments[4], arguments[5],
                                  count == 7 ? arguments[6] : NULL);
    int relaying = strcmp(verb, "relay") == 0;
    if ((count == 4 || count == 5) && (relaying || strcmp(verb, "check") == 0))
        return check_or_relay(relaying, arguments[2], arguments[3], arguments[4]);
    return usage();
}
