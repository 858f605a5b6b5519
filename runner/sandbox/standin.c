/*
 * stand-in: what a container runs in place of its own process, or before it, when something shall go wrong with it.
 *
 *   stand-in ORDER…      the orders are carried out one after the other:
 *     wait MILLISECONDS  nothing happens so long; SIGTERM and SIGINT end it
 *     exit CODE          end with this code
 *     hang               never end; no signal but SIGKILL does it
 *     oom                take memory until the kernel ends this process
 *     run COMMAND…       become the container's own process
 *     until MILLISECONDS ORDER… run COMMAND…
 *                        let COMMAND run so long, with every signal that comes, then kill it and carry the orders out that
 *                        stand before it; if it ends earlier, end as it did
 */
#include "pause.h"

#include <sys/mman.h>

enum { EXIT_NOT_FOUND = 127, SIGNALLED = 128, LONGEST_MILLISECONDS = 2000000000 };

/* Memory is taken in pieces, and not without end: where no limit is enforced this gives up. */
enum { PIECE = 1 << 20, MOST_PIECES = 256 };

static int missing(const char *command) {
    say(STDERR_FILENO, "stand-in: cannot run ");
    say(STDERR_FILENO, command ? command : "nothing");
    say(STDERR_FILENO, "\n");
    return EXIT_NOT_FOUND;
}

static int become(char **command) {
    if (*command)
        execvp(*command, command);
    return missing(*command);
}

static struct timespec left_until(int64_t end) {
    int64_t left = end - milliseconds();
    if (left < 0)
        left = 0;
    return (struct timespec){.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
}

/* Returns the signal that has ended the wait, 0: none. PID 1 would lose a signal that is not blocked. */
static int wait_for(unsigned time) {
    sigset_t wanted, before;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigprocmask(SIG_BLOCK, &wanted, &before);
    int64_t end = milliseconds() + time;
    int came;
    do {
        struct timespec left = left_until(end);
        came = sigtimedwait(&wanted, NULL, &left);
    } while (came < 0 && milliseconds() < end);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return came < 0 ? 0 : came;
}

static void hang(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (;;)
        pause();
}

static int take_memory(void) {
    for (int taken = 0; taken < MOST_PIECES; taken++) {
        char *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (piece != MAP_FAILED)
            memset(piece, 1, PIECE);
    }
    say(STDERR_FILENO, "stand-in: no limit of memory is enforced\n");
    return EXIT_BROKEN;
}

/* The code that a container has whose process ended so. */
static int code_of(int status) {
    return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Reaps what has ended; returns whether the child is among it. */
static int reap(pid_t child, int *status) {
    int has_ended = 0, ended;
    for (pid_t one; (one = waitpid(-1, &ended, WNOHANG)) > 0;)
        if (one == child) {
            has_ended = 1;
            *status = ended;
        }
    return has_ended;
}

/*
 * Runs a command for so long at most; returns its code, -1: the orders are next, since the time was over and it was killed,
 * or since it has ended by itself where that is waited for.
 */
static int run_for(unsigned time, int to_its_end, char **command) {
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t child = fork();
    if (child < 0)
        return missing(*command);
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        _exit(become(command));
    }
    int64_t end = milliseconds() + time;
    int status = 0;
    while (milliseconds() < end) {
        struct timespec left = left_until(end);
        int came = sigtimedwait(&all, NULL, &left);
        if (came > 0 && came != SIGCHLD) {
            kill(child, came);
            to_its_end = 0;
        }
        if (reap(child, &status)) {
            sigprocmask(SIG_SETMASK, &before, NULL);
            return to_its_end ? -1 : code_of(status);
        }
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return -1;
}

static char **command_among(char **orders) {
    while (*orders && strcmp(*orders, "run") != 0)
        orders++;
    return *orders ? orders + 1 : NULL;
}

int stand_in(char **orders) {
    for (;; orders++) {
        const char *order = *orders;
        if (!order)
            return usage();
        if (strcmp(order, "run") == 0)
            return become(orders + 1);
        if (strcmp(order, "oom") == 0)
            return take_memory();
        if (strcmp(order, "hang") == 0)
            hang();
        if (strcmp(order, "after") == 0) {
            char **command = command_among(orders);
            int code = command ? run_for(LONGEST_MILLISECONDS, 1, command) : usage();
            if (code >= 0)
                return code;
            continue;
        }
        const char *word = *++orders;
        if (!word)
            return usage();
        unsigned number = parse_number(word, LONGEST_MILLISECONDS);
        if (strcmp(order, "exit") == 0)
            return (int)number;
        if (number == 0)
            return usage();
        if (strcmp(order, "wait") == 0) {
            int came = wait_for(number);
            if (came)
                return SIGNALLED + came;
        } else if (strcmp(order, "until") == 0) {
            char **command = command_among(orders);
            int code = command ? run_for(number, 0, command) : usage();
            if (code >= 0)
                return code;
        } else {
            return usage();
        }
    }
}
