/* Messages of the domain name system on a connection: each with its length in front of it. */
#include "pause.h"

static int read_exactly(int connection, uint8_t *bytes, size_t size) {
    while (size) {
        ssize_t count = recv(connection, bytes, size, 0);
        if (count <= 0)
            return 0;
        bytes += count;
        size -= (size_t)count;
    }
    return 1;
}

size_t receive_message(int connection, uint8_t *bytes) {
    uint8_t head[2];
    if (!read_exactly(connection, head, 2))
        return 0;
    size_t length = (size_t)head[0] << 8 | head[1];
    return read_exactly(connection, bytes, length) ? length : 0;
}

int send_message(int connection, const uint8_t *bytes, size_t length) {
    static uint8_t framed[MESSAGE_SIZE + 2];
    framed[0] = (uint8_t)(length >> 8);
    framed[1] = (uint8_t)length;
    memcpy(framed + 2, bytes, length);
    return send(connection, framed, length + 2, MSG_NOSIGNAL) == (ssize_t)length + 2;
}

void answer_connection(int connection, const char *(*zone_text)(void), const char *(*faults_text)(void), asking *ask) {
    static uint8_t query[MESSAGE_SIZE], written[MESSAGE_SIZE + 16];
    for (size_t length; (length = receive_message(connection, query));) {
        struct question question;
        struct message answer = {.bytes = written, .limit = MESSAGE_SIZE};
        char alias[NAME_SIZE];
        unsigned delay;
        enum verdict verdict =
            answer_with_faults(faults_text(), zone_text(), query, length, &question, &answer, alias, &delay);
        if (verdict == DROP)
            return;
        if (delay) {
            alarm(delay / 1000 + CONNECTION_SECONDS);
            poll(NULL, 0, (int)delay);
        }
        if (verdict == ANSWERED) {
            finish_answer(&answer, &question);
        } else if (!ask(&answer, &question, query, length, verdict == FORWARD ? NULL : alias)) {
            set_error(&answer, SERVER_FAILURE);
            finish_answer(&answer, &question);
        }
        if (!send_message(connection, answer.bytes, answer.length))
            return;
    }
}
