/* What the parts of the pause program share. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_BROKEN = 1, EXIT_USAGE = 2 };

/* pause.c */

void say(int descriptor, const char *text);

/* Reads a decimal number in 1..limit; 0 when the text is anything else. */
unsigned parse_number(const char *text, unsigned limit);

/* Blocks SIGTERM, SIGINT and SIGCHLD and returns a descriptor that becomes readable when one of them has come. */
int fetch_signals(void);

/* Reaps every child that has ended, telling on_exit; returns whether the process was told to end. */
int heed_signals(int signals, void (*on_exit)(pid_t));

int usage(void);

/* relay.c */
int check_or_relay(int relaying, const char *host, const char *port_text, const char *seconds_text);

/* table.c: text files that somebody replaces while they are used. */

enum { TABLE_SIZE = 1 << 19 };

/* The content that was read last, ended by a null byte. Only a file whose last line is "end" is taken. */
struct table {
    const char *path;
    char texts[2][TABLE_SIZE];
    int current;
    struct timespec changed;
    ino_t inode;
    off_t size;
};

/* Reads the file again if it is another one than before; returns whether there is another content now. */
int refresh_table(struct table *table);

/* The content: lines without the last one, "" as long as nothing was read. */
const char *table_text(const struct table *table);

/* Copies the next word of the line to at most size - 1 bytes; returns what follows, NULL when there is no word. */
const char *next_word(const char *line, char *word, size_t size);

/* The line after this one; NULL after the last. */
const char *next_line(const char *line);

/* Milliseconds on a clock that nobody sets. */
int64_t milliseconds(void);

/* dns.c: questions and answers. */

enum { NAME_SIZE = 256, MESSAGE_SIZE = 65535, PLAIN_UDP_SIZE = 512 };
enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_AAAA = 28, TYPE_SRV = 33, TYPE_ANY = 255 };
enum { NO_ERROR = 0, FORMAT_ERROR = 1, SERVER_FAILURE = 2, NO_SUCH_NAME = 3, NOT_IMPLEMENTED = 4, REFUSED = 5 };

/* A question. name: lower case without the last dot; bytes that a name of the zone cannot have are shown as 1. */
struct question {
    char name[NAME_SIZE];
    unsigned type;
    size_t end;   /* where the question ends in its message */
    size_t limit; /* bytes that an answer over UDP may have */
    int has_edns;
};

/* A message being written. Records that do not fit set the flag of truncation; limit 0: what the question takes over UDP. */
struct message {
    uint8_t *bytes;
    size_t length, limit;
};

/* Returns NO_ERROR, an error to answer with, or -1 for what deserves no answer. */
int read_question(const uint8_t *bytes, size_t length, struct question *question);

/* Begins the answer to a question: header, question, no records. */
void begin_answer(struct message *answer, const uint8_t *query, const struct question *question, int error);

/* Adds what comes last; nothing can be added after it. */
void finish_answer(struct message *answer, const struct question *question);

void set_error(struct message *message, int error);

/* Adds a record to the answer section; a name equal to the question's is a reference to it. */
void add_record(struct message *answer, const struct question *question, const char *name, unsigned type, uint32_t ttl,
                const uint8_t *data, size_t size);

/* Adds the record that says how long a "no" may be remembered. */
void add_authority(struct message *answer);

/* Writes a name as labels; returns the bytes it takes, 0 when it is none. */
size_t write_name(uint8_t *out, const char *name);

/* Writes a question of its own. */
size_t write_query(uint8_t *out, unsigned id, const char *name, unsigned type);

/* Adds the A, AAAA and CNAME records of another server's answer; returns that answer's error, -1 if it cannot be read. */
int add_answers(struct message *answer, const struct question *question, const uint8_t *other, size_t length);

/* zone.c: what the zone says. */

enum verdict { DROP, ANSWERED, FORWARD, FORWARD_ALIAS };

/*
 * Answers a query from the zone as far as that goes. FORWARD: the query is none of the zone's. FORWARD_ALIAS: the answer
 * has the aliases, what the last one (alias) stands for is none of the zone's.
 */
enum verdict answer_from(const char *zone, const uint8_t *query, size_t length, struct question *question,
                         struct message *answer, char *alias);

/* resolver.c, proxy.c */
int resolve_until_told(const char *address, unsigned port, const char *resolv_conf, const char *zone, const char *domains);
int proxy_until_told(const char *table);
