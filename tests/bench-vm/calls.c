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
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A round of switches takes as long as many calls. */
enum { CALLS = 128, SWITCHES = 16, BATCHES = 301, WARM_UP = 20 };

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

/* Two threads whose turn it is by these: 0 no, 1 yes, 2 to end. */
static unsigned int mine, theirs;

static void wake(unsigned int *turn, unsigned int why)
{
	__atomic_store_n(turn, why, __ATOMIC_RELEASE);
	syscall(SYS_futex, turn, FUTEX_WAKE_PRIVATE, 1, NULL);
}

static unsigned int await(unsigned int *turn)
{
	unsigned int why;

	while (!(why = __atomic_exchange_n(turn, 0, __ATOMIC_ACQUIRE)))
		syscall(SYS_futex, turn, FUTEX_WAIT_PRIVATE, 0, NULL);
	return why;
}

/* A thread of this policy that is woken waits until the running one waits. */
static void waking_does_not_preempt(void)
{
	if (sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 })) {
		perror("SCHED_BATCH");
		exit(1);
	}
}

static void *other_thread(void *inside)
{
	waking_does_not_preempt();
	if (inside)
		marker(0);
	while (await(&theirs) == 1)
		wake(&mine, 1);
	return NULL;
}

/* There and back: two switches and four calls. */
static long switches(int i)
{
	(void)i;
	wake(&theirs, 1);
	return await(&mine);
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

static void measure(const char *name, long (*call)(int), int calls)
{
	static double cost[BATCHES];

	for (int batch = -WARM_UP; batch < BATCHES; batch++) {
		double start = now();

		for (int i = 0; i < calls; i++) {
			if (call(i) < 0) {
				perror(name);
				exit(1);
			}
		}
		if (batch >= 0)
			cost[batch] = (now() - start) / calls;
	}
	qsort(cost, BATCHES, sizeof(*cost), ascending);
	printf("%s %.2f %.2f\n", name, cost[BATCHES / 2], cost[0]);
}

struct player {
	const char *name;
	int inside;
};

static void *player_thread(void *arg)
{
	const struct player *player = arg;

	waking_does_not_preempt();
	if (player->inside)
		marker(0);
	measure(player->name, switches, SWITCHES);
	wake(&theirs, 2);
	return NULL;
}

static void measure_switches(const char *name, int inside)
{
	struct player arg = { name, inside };
	pthread_t player, other;

	if (pthread_create(&other, NULL, other_thread, inside ? &mine : NULL) ||
	    pthread_create(&player, NULL, player_thread, &arg)) {
		perror("thread");
		exit(1);
	}
	pthread_join(player, NULL);
	pthread_join(other, NULL);
}

int main(void)
{
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0) {
		perror("/dev/null");
		return 1;
	}
	/* First what is measured of a thread that never wrote a marker. */
	measure("getppid", parent, CALLS);
	measure("marker", marker, CALLS);
	measure("other_write", other_write, CALLS);
	marker(0);
	measure("getppid_inside", parent, CALLS);
	marker(1);
	/* Last: a libc write costs more once there were threads. */
	measure_switches("switches", 0);
	measure_switches("switches_inside", 1);
	return 0;
}
