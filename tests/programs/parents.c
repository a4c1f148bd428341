// Spans whose parents, times and ends are known: parents loop|overlap|moves|pool|slow|gone.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int null_fd;

static void must(int ok)
{
	if (!ok) {
		perror("parents");
		exit(2);
	}
}

__attribute__((format(printf, 1, 2))) static void mark(const char *format, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	must(write(null_fd, text, n) == n);
}

static void nap(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&time, &time))
		;
}

static long now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static const long first = 1L << 40;

/*
 * Fifty tasks share a thread: each begins, then each begins a query, each query reads
 * as many bytes as its task has in number, then queries and tasks end.
 */
static void loop(void)
{
	int zero = open("/dev/zero", O_RDONLY);
	char bytes[64];

	for (long i = 0; i < 50; i++)
		mark(">:%ld:request:^=:", first + i);
	nap(10);
	for (long i = 0; i < 50; i++)
		mark(">:%ld:request.query:^=%ld:", first + 100 + i, first + i);
	nap(10);
	for (long i = 0; i < 50; i++) {
		must(read(zero, bytes, i + 1) == i + 1);
		mark("<:%ld:request.query::", first + 100 + i);
	}
	nap(10);
	for (long i = 0; i < 50; i++)
		mark("<:%ld:request::", first + i);
}

/* One id: a job of 100 ms, parts from 0 to 40, 20 to 60 and 50 to 120 of it. */
static void overlap(void)
{
	mark(">:7:job::");
	mark(">:7:job.a::");
	nap(20);
	mark(">:7:job.b::");
	nap(20);
	mark("<:7:job.a::");
	nap(10);
	mark(">:7:job.c::");
	nap(10);
	mark("<:7:job.b::");
	nap(40);
	mark("<:7:job::");
	nap(20);
	mark("<:7:job.c::");
}

/* Reads 1000 bytes at once. */
static void read_thousand(void)
{
	int zero = open("/dev/zero", O_RDONLY);
	char bytes[1000];

	must(read(zero, bytes, 1000) == 1000);
	close(zero);
}

/* Takes over the span that was given to it. */
static void *takes_over(void *span)
{
	mark(">:t:greeting::");
	mark("<:t:greeting::");
	read_thousand();
	nap(30);
	mark("<:%ld:moved::", (long)span);
	return NULL;
}

/* A span begins on one thread, which reads a thousand bytes, and ends on another, which does so too. */
static void moves(void)
{
	pthread_t thread;

	mark(">:%ld:moved:^=:", first);
	read_thousand();
	nap(20);
	mark(">:t:handed::");
	must(!pthread_create(&thread, NULL, takes_over, (void *)first));
	must(!pthread_join(thread, NULL));
	mark("<:t:handed::");
}

static pthread_barrier_t barrier;

static void *sleeps_long(void *none)
{
	pthread_barrier_wait(&barrier);
	getppid();
	nap(1000);
	return none;
}

/* A span of 100 ms, while another thread of the process sleeps for a second. */
static void pool(void)
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	must(!pthread_create(&thread, NULL, sleeps_long, NULL));
	mark(">:t:short::");
	pthread_barrier_wait(&barrier);
	nap(100);
	mark("<:t:short::");
	must(!pthread_join(thread, NULL));
}

/* Tells that it runs. */
static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

/* Spans of about a millisecond; prints the longest, as the program saw it, in microseconds. */
static void slow(long n)
{
	long longest = 0;

	ready();
	for (long i = 0; i < n; i++) {
		long before = now_us(), took;

		mark(">:t:request::");
		nap(1);
		mark("<:t:request::");
		took = now_us() - before;
		if (took > longest)
			longest = took;
	}
	printf("%ld\n", longest);
}

/*
 * A child leaves a span open, waits for a byte, fills the ring, and ends unheard of. Its parent
 * goes on at another byte.
 */
static void gone(long n)
{
	pid_t child = fork();
	char byte;

	must(child >= 0);
	if (child == 0) {
		mark(">:g:left::");
		ready();
		must(read(0, &byte, 1) == 1);
		for (long i = 0; i < n; i++)
			mark("<:g:none::");
		_exit(0);
	}
	must(waitpid(child, NULL, 0) == child);
	puts("ended");
	fflush(stdout);
	must(read(0, &byte, 1) == 1);
	mark(">:g:after::");
	mark("<:g:after::");
}

/* N open spans, and among them some that come and go. */
static void crowd(long n, long brief)
{
	for (long i = 0; i < n; i++)
		mark(">:%ld:open:^=:", first + i);
	for (long i = 0; i < brief; i++) {
		mark(">:t:brief::");
		mark("<:t:brief::");
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 0;

	null_fd = open("/dev/null", O_WRONLY);
	must(null_fd >= 0);
	if (!strcmp(mode, "loop"))
		loop();
	else if (!strcmp(mode, "overlap"))
		overlap();
	else if (!strcmp(mode, "moves"))
		moves();
	else if (!strcmp(mode, "pool"))
		pool();
	else if (!strcmp(mode, "slow"))
		slow(n);
	else if (!strcmp(mode, "gone"))
		gone(n);
	else if (!strcmp(mode, "crowd"))
		crowd(n, argc > 3 ? atol(argv[3]) : 0);
	else
		return 64;
	return 0;
}
