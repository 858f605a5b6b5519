/*
 * The network of a pod, cut and joined again.
 *
 * An interface that resolves no addresses finds nobody, and nobody finds it: what is sent is lost, as behind a cable that
 * was pulled out somewhere else. Addresses and routes stay, so that joining it is nothing but this again.
 */
#include "pause.h"

#include <net/if.h>
#include <sys/ioctl.h>

static int change(int control, const char *name, int is_cut) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    if (ioctl(control, SIOCGIFFLAGS, &request) != 0)
        return 0;
    if (request.ifr_flags & IFF_LOOPBACK)
        return 1;
    request.ifr_flags = (short)(is_cut ? request.ifr_flags | IFF_NOARP : request.ifr_flags & ~IFF_NOARP);
    return ioctl(control, SIOCSIFFLAGS, &request) == 0;
}

static int change_all(int is_cut) {
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), is_done = control >= 0;
    struct if_nameindex *names = is_done ? if_nameindex() : NULL;
    is_done = names != NULL;
    for (struct if_nameindex *one = names; one && one->if_index; one++)
        is_done &= change(control, one->if_name, is_cut);
    if (names)
        if_freenameindex(names);
    if (control >= 0)
        close(control);
    if (!is_done)
        say(STDERR_FILENO, "pause: the network cannot be changed here\n");
    return is_done ? EXIT_DONE : EXIT_BROKEN;
}

int cut_network(void) {
    return change_all(1);
}

int join_network(void) {
    return change_all(0);
}
