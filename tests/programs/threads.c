/* Known work of several threads and processes: threads DIR, which it makes. What it prints is told in known.h. */
#define _GNU_SOURCE
#include "known.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *dir;
static char block[1 << 12];

static int made(char *path, size_t room, const char *name)
{
	int fd;

	snprintf(path, room, "%s/%s", dir, name);
	must((fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) >= 0);
	for (int i = 0; i < 100; i++)
		must(write(fd, block, sizeof(block)) == sizeof(block));
	must(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static int pooled;

/* Goes on with a span that another thread began, and ends it: what it does is not that thread's. */
static void *finish(void *unused)
{
	for (int i = 0; i < 3; i++)
		must(read(pooled, block, 7) == 7);
	mark("<:4711:known.pool::");
	markf('>', "t", "known.finisher");
	must(read(pooled, block, 9) == 9);
	markf('<', "t", "known.finisher");
	return unused;
}

static void pool(void)
{
	char path[256];
	pthread_t thread;

	pooled = made(path, sizeof(path), "pooled");
	mark(">:4711:known.pool::");
	for (int i = 0; i < 5; i++)
		must(read(pooled, block, 10) == 10);
	/* What was done up to here is told at the next marker, which comes before the span's end. */
	markf('>', "t", "known.handed");
	markf('<', "t", "known.handed");
	must(pthread_create(&thread, NULL, finish, NULL) == 0);
	pthread_join(thread, NULL);
	strcpy(span_name, "known.pool");
	call("read", 5, 50, "-");
	file("file", "-", 5, 50, 0, path);
	strcpy(span_name, "known.finisher");
	call("read", 1, 9, "-");
	file("file", "-", 1, 9, 0, path);
	close(pooled);
}

struct account {
	unsigned long on_cpu, waited;
	struct rusage usage;
};

/* The second number of schedstat is exact at any time, the first only at a tick or a switch: a clock has it. */
static void account(int schedstat, struct account *a)
{
	char text[128] = { 0 };
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	a->on_cpu = now.tv_sec * 1000000000UL + now.tv_nsec;
	must(pread(schedstat, text, sizeof(text) - 1, 0) > 0 && sscanf(text, "%*u %lu", &a->waited) == 1);
	must(getrusage(RUSAGE_THREAD, &a->usage) == 0);
}

static void between(const char *span, const char *what, unsigned long inside, unsigned long outside, int percent)
{
	printf("between\t%s\t%s\t%lu\t%lu\t%d\n", span, what, inside, outside, percent);
}

#define SPINNERS 4
static pthread_barrier_t together;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct account accounts[SPINNERS][4];

/* More threads than cpus, so that each waits for one, with a lock that each must have now and then. */
static void *contend(void *number)
{
	struct account *of = accounts[(long)number];
	int schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	char span[32];
	unsigned long until;
	struct timespec now;

	snprintf(span, sizeof(span), "known.contend%ld", (long)number);
	pthread_barrier_wait(&together);
	account(schedstat, &of[0]);
	markf('>', "t", span);
	account(schedstat, &of[1]);
	until = of[1].on_cpu + 120000000;
	do {
		pthread_mutex_lock(&lock);
		for (volatile int i = 0; i < 20000; i++)
			;
		pthread_mutex_unlock(&lock);
		for (volatile int i = 0; i < 20000; i++)
			;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while (now.tv_sec * 1000000000UL + now.tv_nsec < until);
	account(schedstat, &of[2]);
	markf('<', "t", span);
	account(schedstat, &of[3]);
	close(schedstat);
	return NULL;
}

static void contention(void)
{
	pthread_t threads[SPINNERS];

	pthread_barrier_init(&together, NULL, SPINNERS);
	for (long i = 0; i < SPINNERS; i++)
		must(pthread_create(&threads[i], NULL, contend, (void *)i) == 0);
	for (long i = 0; i < SPINNERS; i++) {
		struct account *of = accounts[i];
		char span[32];

		pthread_join(threads[i], NULL);
		snprintf(span, sizeof(span), "known.contend%ld", i);
#define BETWEEN(name, field, percent) \
	between(span, name, of[2].field - of[1].field, of[3].field - of[0].field, percent)
		BETWEEN("on_cpu", on_cpu, 2);
		BETWEEN("runnable", waited, 5);
		BETWEEN("voluntary_switches", usage.ru_nvcsw, 0);
		BETWEEN("involuntary_switches", usage.ru_nivcsw, 0);
		BETWEEN("minor_faults", usage.ru_minflt, 0);
		BETWEEN("major_faults", usage.ru_majflt, 0);
	}
}

static int opened;
static char path_of_child[256];

/* A process of its own with the descriptors of its parent. */
static int open_for_the_parent(void *unused)
{
	(void)unused;
	markf('>', "t", "known.sharer");
	opened = open(path_of_child, O_RDONLY);
	must(opened >= 0 && read(opened, block, 5) == 5);
	markf('<', "t", "known.sharer");
	_exit(0);
}

static void shared_descriptors(void)
{
	static char stack[1 << 16] __attribute__((aligned(16)));
	char first[256];
	int fd = made(path_of_child, sizeof(path_of_child), "opened-by-child");
	int number = made(first, sizeof(first), "before");
	pid_t child;

	close(fd);
	enter("known.sharing");
	must(read(number, block, 11) == 11);
	close(number);
	leave();
	file("file", "-", 2, 11, 0, first);
	/* The lowest free numbers: the child's file gets the one that was closed, or one below. */
	child = clone(open_for_the_parent, stack + sizeof(stack), CLONE_FILES | CLONE_VM | SIGCHLD, NULL);
	must(child > 0 && waitpid(child, NULL, 0) == child);
	enter("known.shared_table");
	must(read(opened, block, 13) == 13);
	leave();
	file("file", "-", 1, 13, 0, path_of_child);
	strcpy(span_name, "known.sharer");
	file("file", "-", 2, 5, 0, path_of_child);
	close(opened);
}

static void storm(void)
{
	char path[256];
	int fd = made(path, sizeof(path), "storm");

	for (int i = 0; i < 100; i++) {
		pid_t child = fork();

		must(child >= 0);
		if (child == 0) {
			markf('>', "t", "known.storm");
			must(pread(fd, block, 100, i) == 100 && pread(fd, block, 50, i) == 50);
			markf('<', "t", "known.storm");
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	strcpy(span_name, "known.storm");
	call("pread64", 200, 15000, "-");
	file("file", "-", 200, 15000, 0, path);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	must(mkdir(argv[1], 0700) == 0 && (dir = realpath(argv[1], NULL)) != NULL);
	known_begin();
	pool();
	contention();
	shared_descriptors();
	storm();
	return 0;
}
