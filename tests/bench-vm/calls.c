/*
 * What one system call costs in a guest whose clock counts instructions.
 *
 * Prints one line per kind of call: its name and the median and lowest cost
 * over many short batches, in guest nanoseconds per call. A batch is far
 * shorter than the time between two ticks of the kernel or two wake-ups of a
 * collector on the same cpu, so that most batches see neither and the median
 * is the cost of the calls alone. All markers of a run together fit the
 * collector's ring undrained: a refused record would be cheaper than a sent one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 128, BATCHES = 301, WARM_UP = 20 };

#define ENTER ">:t:checkout.pay:cart=7,user=10482311:"
#define EXIT "<:t:checkout.pay:cart=7,user=10482311:"
#define OTHER "x:t:checkout.pay:cart=7,user=10482311:"
_Static_assert(sizeof(ENTER) == 39 && sizeof(EXIT) == 39 && sizeof(OTHER) == 39,
	       "the limits are for lines of 38 bytes");

static int null;

static long marker(int i)
{
	/* In pairs, so that spans close and the collector's state stays small. */
	return write(null, i & 1 ? EXIT : ENTER, 38);
}

static long other_write(int i)
{
	(void)i;
	return write(null, OTHER, 38);
}

static long parent(int i)
{
	(void)i;
	return syscall(SYS_getppid);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, long (*call)(int))
{
	static double cost[BATCHES];

	for (int batch = -WARM_UP; batch < BATCHES; batch++) {
		double start = now();

		for (int i = 0; i < CALLS; i++) {
			if (call(i) < 0) {
				perror(name);
				exit(1);
			}
		}
		if (batch >= 0)
			cost[batch] = (now() - start) / CALLS;
	}
	qsort(cost, BATCHES, sizeof(*cost), ascending);
	printf("%s %.2f %.2f\n", name, cost[BATCHES / 2], cost[0]);
}

int main(void)
{
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0) {
		perror("/dev/null");
		return 1;
	}
	measure("marker", marker);
	measure("other_write", other_write);
	measure("getppid", parent);
	return 0;
}
