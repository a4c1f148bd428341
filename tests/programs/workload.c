/* Programs that write markers in the ways the tests need: workload MODE [N [M]]. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int null_fd;

static void mark(const char *text)
{
	if (write(null_fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
}

static long rounds;

static void *spans(void *name)
{
	char enter[64], leave[64];
	snprintf(enter, sizeof(enter), ">:t:threads.%s::", (const char *)name);
	snprintf(leave, sizeof(leave), "<:t:threads.%s::", (const char *)name);
	for (long i = 0; i < rounds; i++) {
		mark(enter);
		mark(leave);
	}
	return NULL;
}

/* N threads, M spans each, all with the same tags and the id of the thread. */
static void threads(long n, long m)
{
	pthread_t all[n];
	rounds = m;
	mark(">:p:threads::");
	for (long i = 0; i < n; i++)
		if (pthread_create(&all[i], NULL, spans, "work"))
			abort();
	for (long i = 0; i < n; i++)
		pthread_join(all[i], NULL);
	mark("<:p:threads::");
}

/* N children at once, one span each, all with the same empty id. */
static void forks(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t child = fork();
		if (child < 0)
			abort();
		if (child == 0) {
			mark(">::child::");
			mark("<::child::");
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
}

/* A child that outlives its parent and then marks a span. */
static void orphan(void)
{
	pid_t parent = getpid();

	if (fork())
		return;
	while (getppid() == parent)
		usleep(1000);
	usleep(100000);
	mark(">::orphan::");
	mark("<::orphan::");
}

/* Every call that can carry a marker. */
static void calls(void)
{
	struct iovec parts[3] = { { ">:1:wri", 7 }, { "tev:k=v", 7 }, { ":", 1 } };
	struct iovec last = { "<:1:writev::", 12 };
	mark(">:1:write::");
	mark("<:1:write::");
	if (writev(null_fd, parts, 3) != 15 || writev(null_fd, &last, 1) != 12)
		abort();
	if (pwrite(null_fd, ">:1:pwrite::", 12, 7) != 12 || pwrite(null_fd, "<:1:pwrite::", 12, 0) != 12)
		abort();
	if (pwritev(null_fd, (struct iovec[]){ { ">:1:pwritev::", 13 } }, 1, 3) != 13 ||
	    pwritev(null_fd, (struct iovec[]){ { "<:1:pwritev::", 13 } }, 1, 3) != 13)
		abort();
	/* The same bytes elsewhere are no markers. */
	int zero = open("/dev/zero", O_WRONLY), file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	if (write(zero, ">:1:zero::", 10) != 10)
		abort();
	if (file >= 0 && write(file, ">:1:file::", 10) != 10)
		abort();
}

/* One marker in the pieces an unbuffered formatted print would make. */
static void fragments(void)
{
	FILE *out = fdopen(null_fd, "w");
	setvbuf(out, NULL, _IONBF, 0);
	for (const char *piece = ">:42:print.f:k=v:"; *piece; piece++)
		fputc(*piece, out);
	mark("just a log line\n");
	mark("<:42:print.f::");
}

/* A span left open by a thread that ends, by a process that ends, and by one that is killed. */
static void *leave(void *unused)
{
	(void)unused;
	mark(">:t:left.thread::");
	return NULL;
}

static void left(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, leave, NULL))
		abort();
	pthread_join(thread, NULL);
	if (fork() == 0) {
		mark(">:p:left.process::");
		_exit(0);
	}
	wait(NULL);
	if (fork() == 0) {
		mark(">:77:left.killed::");
		raise(SIGKILL);
	}
	wait(NULL);
}

/* A marker in a page of a file that was never touched: the null device does not read it either. */
static void untouched(void)
{
	char path[] = "/tmp/nulltrace-untouched-XXXXXX";
	int file = mkstemp(path);
	if (file < 0 || write(file, ">:1:untouched::", 15) != 15)
		abort();
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
	unlink(path);
	if (page == MAP_FAILED || write(null_fd, page, 15) != 15)
		abort();
}

/* N random bytes that begin like a marker; M times. */
static void garbage(long n, long m)
{
	static const char *const begin[] = { ">:", "<:", "[\">" };
	char bytes[n];

	srandom(1);
	while (m--) {
		for (long i = 0; i < n; i++)
			bytes[i] = random();
		memcpy(bytes, begin[m % 3], strlen(begin[m % 3]));
		if (write(null_fd, bytes, n) != n)
			abort();
	}
	/* Ends what fragment the last one may have left. */
	mark(">:1:after.garbage::");
	mark("<:1:after.garbage::");
}

/* N spans, each with tags of its own. */
static void distinct(long n)
{
	char text[64];
	for (long i = 0; i < n; i++) {
		snprintf(text, sizeof(text), ">:1:distinct.d%ld::", i);
		mark(text);
		text[0] = '<';
		mark(text);
	}
}

/* N pairs as fast as it goes. */
static void burst(long n)
{
	while (n--) {
		mark(">:t:burst::");
		mark("<:t:burst::");
	}
}

/* 512 markers of 16 bytes in one write, and again in a writev of 32 pieces; then pages that are no markers. */
static void together(void)
{
	static char all[8192], page[100000];
	struct iovec pieces[32];

	for (int i = 0; i < 512; i++) {
		char one[17];

		snprintf(one, sizeof(one), "%c:%d:step.o::\n", "><"[i % 2], 1000 + i / 2);
		memcpy(all + 16 * i, one, 16);
	}
	for (int i = 0; i < 32; i++)
		pieces[i] = (struct iovec){ all + 256 * i, 256 };
	if (write(null_fd, all, sizeof(all)) != sizeof(all) ||
	    writev(null_fd, pieces, 32) != sizeof(all))
		abort();
	for (int i = 0; i < 4; i++) {
		static const char *const begin[] = { "text", "<!DOCTYPE html>", "[\n  1, 2", "[ \"x\"," };

		memset(page, '7', sizeof(page));
		memcpy(page, begin[i], strlen(begin[i]));
		if (write(null_fd, page, sizeof(page)) != sizeof(page))
			abort();
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 1, m = argc > 3 ? atol(argv[3]) : 1;

	null_fd = open("/dev/null", O_WRONLY);
	if (null_fd < 0)
		return 1;
	if (!strcmp(mode, "threads"))
		threads(n, m);
	else if (!strcmp(mode, "forks"))
		forks(n);
	else if (!strcmp(mode, "orphan"))
		orphan();
	else if (!strcmp(mode, "calls"))
		calls();
	else if (!strcmp(mode, "fragments"))
		fragments();
	else if (!strcmp(mode, "left"))
		left();
	else if (!strcmp(mode, "untouched"))
		untouched();
	else if (!strcmp(mode, "garbage"))
		garbage(n, m);
	else if (!strcmp(mode, "distinct"))
		distinct(n);
	else if (!strcmp(mode, "together"))
		together();
	else if (!strcmp(mode, "burst"))
		burst(n);
	else
		return 2;
	return 0;
}
