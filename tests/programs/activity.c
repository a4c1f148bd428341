/*
 * Work of known size inside spans, on one thread: activity FILE. Prints what the scheduler says of
 * the span `spin`, ns on a cpu and ns waiting for one: of a stretch just inside it, and just outside.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int null_fd;

static void mark(const char *text)
{
	if (write(null_fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
}

static void nap(long ms)
{
	struct timespec time = { .tv_nsec = ms * 1000000 };

	nanosleep(&time, NULL);
}

static void spin(long ms)
{
	struct timespec now;
	long until = 0;

	do {
		for (volatile int i = 0; i < 10000; i++)
			;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
		if (!until)
			until = now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
	} while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < until);
}

/* The second number of schedstat is exact at any time, the first only at a tick or a switch: a clock has it. */
static void scheduler(int fd, unsigned long *on_cpu, unsigned long *waited)
{
	char text[128] = { 0 };
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	*on_cpu = now.tv_sec * 1000000000UL + now.tv_nsec;
	if (pread(fd, text, sizeof(text) - 1, 0) < 0 || sscanf(text, "%*u %lu", waited) != 1)
		abort();
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t held;

static void *holder(void *unused)
{
	pthread_mutex_lock(&lock);
	pthread_barrier_wait(&held);
	nap(60);
	pthread_mutex_unlock(&lock);
	return unused;
}

static void nothing(int signal)
{
	(void)signal;
}

static void *echo(void *end)
{
	char byte;

	while (read(*(int *)end, &byte, 1) == 1)
		if (write(*(int *)end, &byte, 1) != 1)
			abort();
	return NULL;
}

int main(int argc, char **argv)
{
	static char block[4096];
	unsigned long on[4], waited[4];
	int schedstat, file, pipes[2], ends[2];
	pthread_t other;

	if (argc != 2)
		return 2;
	null_fd = open("/dev/null", O_WRONLY);
	schedstat = open("/proc/thread-self/schedstat", O_RDONLY);
	mark(">:t:all::");

	mark(">:t:all.sleep::");
	nap(50);
	nap(30);
	mark("<:t:all.sleep::");

	scheduler(schedstat, &on[0], &waited[0]);
	mark(">:t:all.spin::");
	scheduler(schedstat, &on[1], &waited[1]);
	spin(200);
	scheduler(schedstat, &on[2], &waited[2]);
	mark("<:t:all.spin::");
	scheduler(schedstat, &on[3], &waited[3]);

	mark(">:t:all.files::");
	file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (int i = 0; i < 200; i++)
		if (write(file, block, sizeof(block)) != sizeof(block))
			abort();
	for (int i = 0; i < 100; i++)
		if (pread(file, block, 1000, i * 1000) != 1000)
			abort();
	fsync(file);
	close(file);
	if (open("/no/such/file", O_RDONLY) >= 0)
		abort();
	mark("<:t:all.files::");

	if (pipe2(pipes, O_NONBLOCK))
		abort();
	mark(">:t:all.again::");
	for (int i = 0; i < 70; i++)
		if (read(pipes[0], block, 1) != -1 || errno != EAGAIN)
			abort();
	mark("<:t:all.again::");

	signal(SIGALRM, nothing);
	mark(">:t:all.interrupt::");
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value.tv_usec = 20000 }, NULL);
	nap(900);
	mark("<:t:all.interrupt::");

	pthread_barrier_init(&held, NULL, 2);
	pthread_create(&other, NULL, holder, NULL);
	pthread_barrier_wait(&held);
	mark(">:t:all.lock::");
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	mark("<:t:all.lock::");
	pthread_join(other, NULL);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		abort();
	pthread_create(&other, NULL, echo, &ends[1]);
	mark(">:t:all.pingpong::");
	for (int i = 0; i < 50; i++)
		if (write(ends[0], "x", 1) != 1 || read(ends[0], block, 1) != 1)
			abort();
	mark("<:t:all.pingpong::");
	shutdown(ends[0], SHUT_RDWR);
	pthread_join(other, NULL);

	mark(">:t:all.fork::");
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (child < 0 || waitpid(child, NULL, 0) != child)
			abort();
	}
	mark("<:t:all.fork::");

	mark(">:t:all.faults::");
	{
		char *fresh = mmap(NULL, 256 * 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		madvise(fresh, 256 * 4096, MADV_NOHUGEPAGE);
		for (int i = 0; i < 256; i++)
			*(volatile char *)(fresh + i * 4096) = 1;
	}
	mark("<:t:all.faults::");

	mark("<:t:all::");
	printf("%lu %lu %lu %lu\n", on[2] - on[1], waited[2] - waited[1], on[3] - on[0], waited[3] - waited[0]);
	return 0;
}
