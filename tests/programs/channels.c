/* Known work on sockets, pipes and the kernel's anonymous files: channels DIR, which it makes. What it prints is told in known.h. */
#define _GNU_SOURCE
#include "known.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static const char *dir;
static char block[1 << 16];

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

/* An address as a person writes it; a version 4 address in one of version 6 as what it is. */
static void print(char *text, size_t room, const union address *a)
{
	char ip[64];

	if (a->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->v4.sin_addr, ip, sizeof(ip));
		snprintf(text, room, "%s:%d", ip, ntohs(a->v4.sin_port));
	} else if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
		inet_ntop(AF_INET, a->v6.sin6_addr.s6_addr + 12, ip, sizeof(ip));
		snprintf(text, room, "%s:%d", ip, ntohs(a->v6.sin6_port));
	} else {
		inet_ntop(AF_INET6, &a->v6.sin6_addr, ip, sizeof(ip));
		snprintf(text, room, "[%s]:%d", ip, ntohs(a->v6.sin6_port));
	}
}

static const char *ends_of(int fd)
{
	static char names[2][160];
	static unsigned int next;
	char *name = names[next++ % 2], one[64], other[64];
	union address local, remote;
	socklen_t len = sizeof(local);

	must(getsockname(fd, &local.any, &len) == 0);
	len = sizeof(remote);
	must(getpeername(fd, &remote.any, &len) == 0);
	print(one, sizeof(one), &local);
	print(other, sizeof(other), &remote);
	snprintf(name, sizeof(names[0]), "%s->%s", one, other);
	return name;
}

static const char *inode_of(const char *kind, int fd)
{
	static char names[2][64];
	static unsigned int next;
	char *name = names[next++ % 2];
	struct stat at;

	must(fstat(fd, &at) == 0);
	snprintf(name, sizeof(names[0]), "%s:[%lu]", kind, at.st_ino);
	return name;
}

/* Two ends of a connection; `listen_at` is where, and is changed to what it became. */
static void connected(int ends[2], union address *listen_at, socklen_t len, const union address *connect_to)
{
	int listener = socket(listen_at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	union address at;

	must(listener >= 0 && bind(listener, &listen_at->any, len) == 0 && listen(listener, 1) == 0);
	if (listen_at->any.sa_family != AF_UNIX)
		must(getsockname(listener, &listen_at->any, &len) == 0);
	at = connect_to ? *connect_to : *listen_at;
	if (connect_to)
		at.v4.sin_port = listen_at->v6.sin6_port;
	must((ends[0] = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
	must(connect(ends[0], &at.any, connect_to ? sizeof(at.v4) : len) == 0);
	must((ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
	close(listener);
}

/* So many balls to and fro, of 10 bytes one way and 3 the other. */
static void ping_pong(const char *span, int there, int here, int balls)
{
	enter(span);
	for (int i = 0; i < balls; i++) {
		must(write(there, block, 10) == 10 && read(here, block, 100) == 10);
		must(write(here, block, 3) == 3 && read(there, block, 100) == 3);
	}
	leave();
	call("write", 2 * balls, 13 * balls, "-");
	call("read", 2 * balls, 13 * balls, "-");
}

/* What ss says of a connection while it is there. */
static void said_by_ss(const char *span, int fd)
{
	union address local;
	socklen_t len = sizeof(local);
	char text[512];
	FILE *ss;

	must(getsockname(fd, &local.any, &len) == 0);
	snprintf(text, sizeof(text), "ss -Htn state established sport = :%d 2>/dev/null", ntohs(local.v4.sin_port));
	fflush(stdout);
	must((ss = popen(text, "re")) != NULL);
	while (fgets(text, sizeof(text), ss)) {
		char here[128], there[128];

		if (sscanf(text, "%*s %*s %127s %127s", here, there) == 2)
			printf("ss\t%s\t%s->%s\n", span, here, there);
	}
	pclose(ss);
}

static void internet(void)
{
	union address v4 = { .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	union address v6 = { .v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT } };
	union address any = { .v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT } };
	union address to = v4, at;
	socklen_t len = sizeof(at.v4);
	int ends[2];

	at = v4;
	connected(ends, &at, sizeof(at.v4), NULL);
	ping_pong("known.tcp4", ends[0], ends[1], 50);
	file("ipv4", "tcp", 100, 150, 500, ends_of(ends[0]));
	file("ipv4", "tcp", 100, 500, 150, ends_of(ends[1]));
	said_by_ss("known.tcp4", ends[0]);
	close(ends[0]), close(ends[1]);

	if (socket(AF_INET6, SOCK_STREAM, 0) < 0) {
		skip("known.tcp6", "no IPv6");
	} else {
		at = v6;
		connected(ends, &at, sizeof(at.v6), NULL);
		ping_pong("known.tcp6", ends[0], ends[1], 20);
		file("ipv6", "tcp", 40, 60, 200, ends_of(ends[0]));
		file("ipv6", "tcp", 40, 200, 60, ends_of(ends[1]));
		said_by_ss("known.tcp6", ends[0]);
		close(ends[0]), close(ends[1]);

		at = any;
		connected(ends, &at, sizeof(at.v6), &to);
		ping_pong("known.mapped", ends[0], ends[1], 5);
		file("ipv4", "tcp", 10, 15, 50, ends_of(ends[0]));
		file("ipv6", "tcp", 10, 50, 15, ends_of(ends[1]));
		close(ends[0]), close(ends[1]);
	}

	must((ends[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0);
	must((ends[1] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) >= 0);
	at = v4;
	must(bind(ends[0], &at.any, sizeof(at.v4)) == 0 && bind(ends[1], &at.any, sizeof(at.v4)) == 0);
	must(getsockname(ends[1], &at.any, &len) == 0 && connect(ends[0], &at.any, len) == 0);
	must(getsockname(ends[0], &at.any, &len) == 0 && connect(ends[1], &at.any, len) == 0);
	enter("known.udp");
	for (int i = 0; i < 30; i++)
		must(send(ends[0], block, 100, 0) == 100 && recv(ends[1], block, 1000, 0) == 100);
	for (int i = 0; i < 10; i++) {
		struct iovec part = { block, 1000 };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

		must(sendmsg(ends[1], &message, 0) == 1000 && recvmsg(ends[0], &message, 0) == 1000);
	}
	leave();
	call("sendto", 30, 3000, "-");
	call("recvfrom", 30, 3000, "-");
	call("sendmsg", 10, 10000, "-");
	call("recvmsg", 10, 10000, "-");
	file("ipv4", "udp", 40, 10000, 3000, ends_of(ends[0]));
	file("ipv4", "udp", 40, 3000, 10000, ends_of(ends[1]));
	close(ends[0]), close(ends[1]);

	/* It gets its name within the span. */
	at = v4;
	must((ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
	must(bind(ends[1], &at.any, sizeof(at.v4)) == 0 && listen(ends[1], 1) == 0);
	must(getsockname(ends[1], &at.any, &len) == 0);
	enter("known.connect");
	must((ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
	must(connect(ends[0], &at.any, len) == 0 && write(ends[0], block, 77) == 77);
	leave();
	call("connect", 1, 0, "-");
	file("ipv4", "tcp", ANY_COUNT, 0, 77, ends_of(ends[0]));
	close(ends[0]), close(ends[1]);
}

/* Bound and not listening: who connects there is refused, and its socket has no ends any more. */
static void refused(void)
{
	union address nobody = { .v4 = { AF_INET, 0, { htonl(INADDR_LOOPBACK) } } };
	socklen_t len = sizeof(nobody.v4), error_len = sizeof(int);
	char name[160], there[64];
	int closed, fd;

	must((closed = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
	must(bind(closed, &nobody.any, len) == 0 && getsockname(closed, &nobody.any, &len) == 0);
	must((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
	enter("known.refused");
	must(connect(fd, &nobody.any, len) < 0 && errno == ECONNREFUSED);
	/* It bears the name still. */
	must(getsockopt(fd, SOL_SOCKET, SO_ERROR, block, &error_len) == 0);
	leave();
	print(there, sizeof(there), &nobody);
	snprintf(name, sizeof(name), "0.0.0.0:0->%s", there);
	call("connect", 1, 0, "peer=1");
	file("ipv4", "tcp", 2, 0, 0, name);
	close(fd), close(closed);
}

/* A path where nothing is, and an abstract name that nobody has. */
static void absent(void)
{
	union address at = { .un.sun_family = AF_UNIX };
	const char *name = "@nulltrace-absent";
	int path, abstract;

	must((path = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
	must((abstract = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
	/* What lies behind the path's end is no part of it. */
	memset(at.un.sun_path, 'x', sizeof(at.un.sun_path));
	snprintf(at.un.sun_path, sizeof(at.un.sun_path), "%.90s/absent", dir);
	enter("known.absent");
	must(connect(path, &at.any, sizeof(at.un)) < 0 && errno == ENOENT);
	leave();
	call("connect", 1, 0, "absent=1");
	snprintf(block, sizeof(block), "->%s", at.un.sun_path);
	file("unix", "-", 1, 0, 0, block);
	memcpy(at.un.sun_path, name, strlen(name));
	at.un.sun_path[0] = 0;
	enter("known.nobody");
	must(connect(abstract, &at.any, sizeof(at.un.sun_family) + strlen(name)) < 0);
	leave();
	call("connect", 1, 0, "peer=1");
	snprintf(block, sizeof(block), "->%s", name);
	file("unix", "-", 1, 0, 0, block);
	memset(block, 0, sizeof(block));
	close(path), close(abstract);
}

static void local(void)
{
	union address at = { .un.sun_family = AF_UNIX };
	char path[128];
	int ends[2];

	snprintf(path, sizeof(path), "%s/socket", dir);
	snprintf(at.un.sun_path, sizeof(at.un.sun_path), "%.*s", (int)sizeof(at.un.sun_path) - 1, path);
	connected(ends, &at, sizeof(at.un), NULL);
	ping_pong("known.unix", ends[0], ends[1], 10);
	snprintf(block, sizeof(block), "->%s", path);
	file("unix", "-", 20, 30, 100, block);
	file("unix", "-", 20, 100, 30, path);
	memset(block, 0, sizeof(block));
	close(ends[0]), close(ends[1]);

	memset(at.un.sun_path, 0, sizeof(at.un.sun_path));
	int n = snprintf(at.un.sun_path + 1, sizeof(at.un.sun_path) - 1, "known-%d", getpid());
	connected(ends, &at, offsetof(struct sockaddr_un, sun_path) + 1 + n, NULL);
	ping_pong("known.abstract", ends[0], ends[1], 10);
	snprintf(path, sizeof(path), "@known-%d", getpid());
	file("unix", "-", 20, 100, 30, path);
	snprintf(path, sizeof(path), "->@known-%d", getpid());
	file("unix", "-", 20, 30, 100, path);
	close(ends[0]), close(ends[1]);

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	ping_pong("known.socketpair", ends[0], ends[1], 10);
	file("unix", "-", 20, 30, 100, inode_of("socket", ends[0]));
	file("unix", "-", 20, 100, 30, inode_of("socket", ends[1]));
	close(ends[0]), close(ends[1]);
}

static void pipes(void)
{
	char path[128];
	int ends[2], fifo;

	must(pipe2(ends, O_CLOEXEC) == 0);
	enter("known.pipe");
	for (int i = 0; i < 60; i++)
		must(write(ends[1], block, 9) == 9 && read(ends[0], block, 100) == 9);
	leave();
	file("pipe", "-", 120, 540, 540, inode_of("pipe", ends[0]));

	must(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
	enter("known.again");
	for (int i = 0; i < 70; i++)
		must(read(ends[0], block, 1) == -1 && errno == EAGAIN);
	leave();
	call("read", 70, 0, "again=70");
	file("pipe", "-", 70, 0, 0, inode_of("pipe", ends[0]));
	close(ends[0]), close(ends[1]);

	snprintf(path, sizeof(path), "%s/fifo", dir);
	must(mkfifo(path, 0600) == 0 && (fifo = open(path, O_RDWR | O_CLOEXEC)) >= 0);
	enter("known.fifo");
	must(write(fifo, block, 5) == 5 && read(fifo, block, 100) == 5);
	leave();
	file("fifo", "-", 2, 5, 5, path);
	close(fifo);
}

static void nothing(int signal)
{
	(void)signal;
}

static int late_fd;

static void send_late(int signal)
{
	(void)signal;
	must(write(late_fd, block, 2) == 2);
}

static void interrupted(void)
{
	struct sigaction action = { .sa_handler = nothing };
	struct itimerval soon = { .it_value.tv_usec = 20000 }, never = { 0 };
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	enter("known.interrupted");
	must(read(ends[0], block, 10) == -1 && errno == EINTR);
	leave();
	call("read", 1, 0, "interrupted=1");
	file("pipe", "-", 1, 0, 0, inode_of("pipe", ends[0]));

	/* Where a call is restarted there are two. The handler's write is within the span too. */
	action.sa_handler = send_late;
	action.sa_flags = SA_RESTART;
	late_fd = ends[1];
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	enter("known.restarted");
	must(read(ends[0], block, 10) == 2);
	leave();
	call("read", 2, 2, "interrupted=1");
	call("write", 1, 2, "-");
	file("pipe", "-", 3, 2, 2, inode_of("pipe", ends[0]));
	setitimer(ITIMER_REAL, &never, NULL);
	close(ends[0]), close(ends[1]);
}

static void anonymous(void)
{
	struct itimerspec soon = { .it_value.tv_nsec = 20000000 };
	struct epoll_event event = { .events = EPOLLIN };
	int fd = eventfd(0, EFD_CLOEXEC), epoll = epoll_create1(EPOLL_CLOEXEC), timer;
	char path[160];
	sigset_t usr1;
	long bytes;

	must(fd >= 0 && epoll >= 0);
	enter("known.eventfd");
	for (int i = 0; i < 11; i++)
		must(eventfd_write(fd, 1) == 0 && eventfd_read(fd, &(eventfd_t){ 0 }) == 0);
	leave();
	file("eventfd", "-", 22, 88, 88, "[eventfd]");

	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	enter("known.epoll");
	for (int i = 0; i < 10; i++)
		must(epoll_wait(epoll, &event, 1, 0) == 0);
	must(epoll_wait(epoll, &event, 1, 25) == 0);
	must(eventfd_write(fd, 1) == 0 && epoll_wait(epoll, &event, 1, -1) == 1);
	leave();
	call("epoll_wait", 12, 0, "-");
	file("epoll", "-", 12, 0, 0, "[eventpoll]");
	file("eventfd", "-", 1, 0, 8, "[eventfd]");
	close(fd), close(epoll);

	must((timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) >= 0);
	must(timerfd_settime(timer, 0, &soon, NULL) == 0);
	enter("known.timerfd");
	must(read(timer, block, 8) == 8);
	leave();
	file("timerfd", "-", 1, 8, 0, "[timerfd]");
	close(timer);

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	must((fd = signalfd(-1, &usr1, SFD_CLOEXEC)) >= 0 && raise(SIGUSR1) == 0);
	enter("known.signalfd");
	bytes = read(fd, block, sizeof(block));
	leave();
	must(bytes > 0);
	file("signalfd", "-", 1, bytes, 0, "[signalfd]");
	close(fd);

	must((fd = inotify_init1(IN_CLOEXEC)) >= 0 && inotify_add_watch(fd, dir, IN_CREATE) >= 0);
	snprintf(path, sizeof(path), "%s/watched", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	enter("known.inotify");
	bytes = read(fd, block, sizeof(block));
	leave();
	must(bytes > 0);
	file("inotify", "-", 1, bytes, 0, "inotify");
	close(fd);

	must((fd = open("/dev/zero", O_RDWR | O_CLOEXEC)) >= 0);
	enter("known.devices");
	must(read(fd, block, 1000) == 1000 && write(null_fd, block, 500) == 500);
	leave();
	file("char", "-", 1, 1000, 0, "/dev/zero");
	file("null", "-", 1, 0, 500, "/dev/null");
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	must(mkdir(argv[1], 0700) == 0 && (dir = realpath(argv[1], NULL)) != NULL);
	known_begin();
	internet();
	refused();
	absent();
	local();
	pipes();
	interrupted();
	anonymous();
	return 0;
}
