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

/* Blocks SIGTERM, SIGINT and SIGCHLD and returns a descriptor that becomes readable when one of them has come. */
int fetch_signals(void);

/* Reaps every child that has ended, telling on_exit; returns whether the process was told to end. */
int heed_signals(int signals, void (*on_exit)(pid_t));

int usage(void);

/*
 * After accept() has failed: whether that lies in a want of descriptors or memory. The client stays in the queue, so
 * who would ask again at once would do nothing else; REST_MILLISECONDS later is early enough.
 */
int lacks_room(int error);

enum { REST_MILLISECONDS = 100 };

/* Closes all descriptors above stderr but one: what a process for one client has inherited would stay open with it. */
void keep_only(int descriptor);

/* standin.c: orders, ended by NULL. Returns the exit code. */
int stand_in(char **orders);

/* network.c: lets nothing through the interfaces of this network namespace, or everything again. Returns the exit code. */
int cut_network(void);
int join_network(void);

/* relay.c */
int check_or_relay(int relaying, const char *host, const char *port_text, const char *seconds_text);

/* text.c: numbers, words and lines. */

/* Reads a decimal number in 1..limit; 0 when the text is anything else. */
unsigned parse_number(const char *text, unsigned limit);

/* Copies the next word of the line to at most size - 1 bytes; returns what follows, NULL when there is no word. */
const char *next_word(const char *line, char *word, size_t size);

/* The line after this one; NULL after the last. */
const char *next_line(const char *line);

/* Takes the last line, "end", off a text that has one; returns whether it has: without it the text is not whole. */
int end_whole_text(char *text, size_t length);

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

int answer_error(const struct message *message);

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

enum { QUERY_SIZE = 768 };

/*
 * Makes the query that another server is asked, QUERY_SIZE bytes at most: what the client asked, or what its name is an
 * alias of. Returns its size, 0: none.
 */
size_t query_for(uint8_t *out, const uint8_t *query, size_t length, const char *alias, unsigned type);

/* Turns another server's answer into ours; returns 0 when another server should be asked. */
int adapt_answer(struct message *answer, const struct question *question, const uint8_t *id, int is_alias, uint8_t *other,
                 size_t length);

/* zone.c: what the zone says. */

enum verdict { DROP, ANSWERED, FORWARD, FORWARD_ALIAS };

/*
 * Answers a query from the zone as far as that goes. FORWARD: the query is none of the zone's. FORWARD_ALIAS: the answer
 * has the aliases, what the last one (alias) stands for is none of the zone's.
 */
enum verdict answer_from(const char *zone, const uint8_t *query, size_t length, struct question *question,
                         struct message *answer, char *alias);

/* faults.c: answers that go wrong on purpose. */

/* Whether a pattern, in which * stands for anything and ? for one character, means a name. */
int fits(const char *pattern, const char *name);

/* The same as answer_from, but for what goes wrong. delay: milliseconds that the client has to wait for the answer. */
enum verdict answer_with_faults(const char *faults, const char *zone, const uint8_t *query, size_t length,
                                struct question *question, struct message *answer, char *alias, unsigned *delay);

/* stream.c: questions on a connection. */

/* How long a client may take on a connection, and how long more than that once an answer is late. */
enum { CONNECTION_SECONDS = 10 };

/* Asks other servers; returns whether one has answered. */
typedef int asking(struct message *answer, const struct question *question, const uint8_t *query, size_t length,
                   const char *alias);

/* Reads a message of at most MESSAGE_SIZE bytes; returns its length, 0: there is none. */
size_t receive_message(int connection, uint8_t *bytes);

int send_message(int connection, const uint8_t *bytes, size_t length);

/* Answers one question after the other until the client has no more. */
void answer_connection(int connection, const char *(*zone_text)(void), const char *(*faults_text)(void), asking *ask);

/* resolvconf.c: the file of the name servers. */

enum { MOST_SERVERS = 3, RESOLV_CONF_SIZE = 16384 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct servers {
    union address all[MOST_SERVERS];
    int count;
};

/*
 * Reads the servers of a file, and writes what replaces it: our address (port: where we listen), our domains before
 * those of the file. Returns its length, less than RESOLV_CONF_SIZE.
 */
size_t rewrite_resolv_conf(const char *old, const char *address, unsigned port, const char *domains, char *text,
                           struct servers *servers);

/* endpoints.c: the table of a proxy. */

enum { MOST_PORTS = 64, MOST_ENDPOINTS = 256 };

struct port {
    int type; /* SOCK_STREAM or SOCK_DGRAM, 0: the place is free */
    unsigned number;
    int listener; /* -1: none */
    int place;    /* among what is polled, 0: not there */
    int is_sticky, is_listed;
    unsigned turn, count;
    struct sockaddr_in endpoints[MOST_ENDPOINTS];
};

/*
 * Reads a table into MOST_PORTS places. What it does not list has no endpoints afterwards, and keeps its place until
 * free_ports() is called. Returns 0 when there was no place for a port.
 */
int read_ports(const char *text, struct port *ports);

/* Frees the places of ports that are not listed any more, and whose listeners and sessions have been closed. */
void free_ports(struct port *ports);

/* The endpoint whose turn it is for a client. The port has one at least. */
unsigned choose_endpoint(struct port *port, const struct sockaddr_in *client);

/* resolver.c, proxy.c */
int resolve_until_told(const char *address, unsigned port, const char *resolv_conf, const char *zone, const char *domains);
int proxy_until_told(const char *table);
