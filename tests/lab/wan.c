/* wan: a switch in user space between TAP devices, one in each network namespace, over links that are as slow and as bad as one likes.
 *
 *   wan CONTROL NAMESPACE...     makes the device "wan0" in each (names below /run/netns); runs until it is ended
 *
 * CONTROL is a file of one line: DELAY RATE LOSS. DELAY is in microseconds, one way; RATE in bits a second, of each device's uplink (0: no
 * limit); LOSS in packets of a million. It is read at the start, and again at SIGHUP. What waits in a link keeps the delay that it was
 * given, and nothing overtakes. With a limit a link queues up to 100 ms of what it can carry, and drops the rest, as routers do.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PORTS 8
#define STATIONS 64            /* hardware addresses remembered */
#define WAITING 16384          /* packets in a link */
#define LONGEST 65600          /* bytes of a packet */
#define DEEPEST 100000000ull   /* ns of queue in front of a limited link */
#define SECOND 1000000000ull

struct packet { uint64_t due; int length; unsigned char *bytes; };
struct port { int device; struct packet waiting[WAITING]; unsigned head, tail; uint64_t busy; };
struct station { unsigned char address[6]; int port; };

static struct port ports[PORTS];
static int port_count;
static struct station stations[STATIONS];
static unsigned station_count;
static struct { uint64_t delay; double rate, loss; } link_of_all; /* ns, bit/s, share */

static void die(const char *what) { perror(what); exit(1); }

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* Leaves the settings as they are when the file cannot be understood. */
static int read_control(const char *path) {
    double delay, rate, loss;
    FILE *file = fopen(path, "r");
    int found = file ? fscanf(file, "%lf %lf %lf", &delay, &rate, &loss) : 0;
    if (file) fclose(file);
    if (found != 3) { fprintf(stderr, "wan: %s does not hold DELAY RATE LOSS\n", path); return -1; }
    link_of_all.delay = delay * 1000, link_of_all.rate = rate, link_of_all.loss = loss / 1e6;
    return 0;
}

static int tap(const char *namespace) {
    char path[256];
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI, .ifr_name = "wan0"};
    snprintf(path, sizeof path, "/run/netns/%s", namespace);
    int into = open(path, O_RDONLY | O_CLOEXEC);
    if (into < 0 || setns(into, CLONE_NEWNET)) die(path);
    close(into);
    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (device < 0 || ioctl(device, TUNSETIFF, &request)) die("/dev/net/tun");
    return device;
}

static int port_of(const unsigned char *address) {
    for (unsigned i = 0; i < station_count && i < STATIONS; i++)
        if (!memcmp(stations[i].address, address, 6)) return stations[i].port;
    return -1;
}

static void learn(const unsigned char *address, int port) {
    if (port_of(address) >= 0) return;
    struct station *new = &stations[station_count++ % STATIONS];
    memcpy(new->address, address, 6);
    new->port = port;
}

static void take_in(int from, const unsigned char *bytes, int length) {
    struct port *port = &ports[from];
    uint64_t at = now();
    if (length < 14) return;
    learn(bytes + 6, from);
    if (port->busy < at) port->busy = at;
    if (port->tail - port->head >= WAITING || (link_of_all.rate > 0 && port->busy - at > DEEPEST)) return;
    if (link_of_all.loss > 0 && drand48() < link_of_all.loss) return;
    if (link_of_all.rate > 0) port->busy += length * 8e9 / link_of_all.rate;
    struct packet *packet = &port->waiting[port->tail++ % WAITING];
    *packet = (struct packet){port->busy + link_of_all.delay, length, malloc(length)};
    if (!packet->bytes) die("wan");
    memcpy(packet->bytes, bytes, length);
}

/* To the one whose address it bears, or to all others. A device that takes no more loses it. */
static void give_out(int from, const struct packet *packet) {
    int to = port_of(packet->bytes);
    for (int i = 0; i < port_count; i++)
        if (i != from && (to < 0 || i == to) && write(ports[i].device, packet->bytes, packet->length) < 0) continue;
}

/* Returns when the next packet is due; 0: none waits. */
static uint64_t give_out_due(void) {
    uint64_t at = now(), next = 0;
    for (int i = 0; i < port_count; i++) {
        struct port *port = &ports[i];
        for (; port->head != port->tail && port->waiting[port->head % WAITING].due <= at; port->head++) {
            give_out(i, &port->waiting[port->head % WAITING]);
            free(port->waiting[port->head % WAITING].bytes);
        }
        if (port->head == port->tail) continue;
        uint64_t due = port->waiting[port->head % WAITING].due;
        if (!next || due < next) next = due;
    }
    return next;
}

static void serve(const char *control, int signals, int timer) {
    static unsigned char bytes[LONGEST];
    struct signalfd_siginfo caught;
    uint64_t expirations;
    struct pollfd events[PORTS + 2] = {{signals, POLLIN, 0}, {timer, POLLIN, 0}};
    for (int i = 0; i < port_count; i++) events[i + 2] = (struct pollfd){ports[i].device, POLLIN, 0};
    for (;;) {
        if (poll(events, port_count + 2, -1) < 0) die("poll");
        if (read(signals, &caught, sizeof caught) > 0) read_control(control);
        for (int i = 0; i < port_count; i++)
            for (int turn = 0, length; turn < 256 && (length = read(ports[i].device, bytes, sizeof bytes)) > 0; turn++)
                take_in(i, bytes, length);
        if (read(timer, &expirations, sizeof expirations) < 0) expirations = 0;
        uint64_t next = give_out_due();
        struct itimerspec alarm = {.it_value = {next / SECOND, next % SECOND}};
        if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &alarm, NULL)) die("timerfd");
    }
}

int main(int count, char **words) {
    sigset_t hangup;
    if (count < 3 || count - 2 > PORTS) { fprintf(stderr, "usage: wan CONTROL NAMESPACE... (up to %d)\n", PORTS); return 2; }
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    sigprocmask(SIG_BLOCK, &hangup, NULL);
    if (read_control(words[1])) return 1;
    for (; port_count < count - 2; port_count++) ports[port_count].device = tap(words[port_count + 2]);
    serve(words[1], signalfd(-1, &hangup, SFD_NONBLOCK | SFD_CLOEXEC), timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
}
