/*
 * Threads that are in a span, and stay there: going MODE [N [MS]]. It waits for a byte, opens its spans, and
 * answers with one; what it counted it prints at the end.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "known.h"

static pthread_barrier_t opened;
static long reads, naps;
static struct timespec end;

static void nap_ns(long ns)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };

	must(nanosleep(&t, NULL) == 0);
}

static void answer(void)
{
	must(write(1, ".", 1) == 1);
}

static void asleep(long ms)
{
	mark(">:t:going.asleep::");
	answer();
	nap_ns(ms * 1000000);
	mark("<:t:going.asleep::");
}

static void *helps(void *arg)
{
	answer();
	nap_ns(*(long *)arg * 1000000);
	return NULL;
}

/* A thread without markers of its own sleeps for the one that waits for it. */
static void helped(long ms)
{
	pthread_t helper;

	mark(">:p:going.helped::");
	must(pthread_create(&helper, NULL, helps, &ms) == 0);
	pthread_join(helper, NULL);
	mark("<:p:going.helped::");
}

static void spins(void)
{
	alarm(60); /* if nobody kills it before */
	mark(">:t:going.spins::");
	answer();
	for (;;)
		__asm__ volatile("");
}

static void *one_asleep(void *arg)
{
	mark(">:t:going.many::");
	pthread_barrier_wait(&opened);
	pause();
	return arg;
}

static void *one_busy(void *arg)
{
	char block[10];
	long n = 0, slept = 0;
	struct timespec now;
	int fd = memfd_create("busy", MFD_CLOEXEC);

	must(fd >= 0 && pwrite(fd, block, sizeof(block), 0) == sizeof(block));
	mark(">:t:going.busy::");
	pthread_barrier_wait(&opened);
	do {
		for (int i = 0; i < 50; i++, n++)
			must(pread(fd, block, sizeof(block), 0) == sizeof(block));
		sched_yield();
		if (n % 500 == 0) {
			nap_ns(2000000);
			slept++;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	mark("<:t:going.busy::");
	__sync_fetch_and_add(&reads, n);
	__sync_fetch_and_add(&naps, slept);
	return arg;
}

static void threads(long n, void *(*run)(void *))
{
	pthread_t *all = calloc(n, sizeof(*all));
	pthread_attr_t small;

	must(all);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 1 << 16);
	pthread_barrier_init(&opened, NULL, n + 1);
	for (long i = 0; i < n; i++)
		must(pthread_create(&all[i], &small, run, NULL) == 0);
	pthread_barrier_wait(&opened);
	answer();
	for (long i = 0; i < n; i++)
		pthread_join(all[i], NULL);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 1, ms = argc > 3 ? atol(argv[3]) : 0;
	char byte;

	known_begin();
	must(read(0, &byte, 1) == 1);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	if (!strcmp(mode, "asleep"))
		asleep(n);
	else if (!strcmp(mode, "helped"))
		helped(n);
	else if (!strcmp(mode, "spins"))
		spins();
	else if (!strcmp(mode, "many"))
		threads(n, one_asleep);
	else if (!strcmp(mode, "busy"))
		threads(n, one_busy);
	else
		return 2;
	printf("%ld %ld\n", reads, naps);
	return 0;
}
