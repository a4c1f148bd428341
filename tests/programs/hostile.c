/* What must not confuse a look inside spans: hostile MODE [N [M]]. */
#define _GNU_SOURCE
#include "known.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char block[4096];

static int pipe_end(int which)
{
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0);
	return ends[which];
}

/* A child that is killed while its read waits, a thread that is cancelled in it, one that ends in a span. */
static void *waits(void *unused)
{
	markf('>', "t", "bad.cancelled");
	if (read(pipe_end(0), block, 1)) /* the other end stays open */
		return NULL;
	return unused;
}

static void *ends(void *unused)
{
	markf('>', "t", "bad.ended");
	must(read(io_fd, block, 1) == 1);
	nap(30);
	return unused;
}

static void killed(void)
{
	pthread_t thread;
	pid_t child;

	markf('>', "t", "bad");
	must((child = fork()) >= 0);
	if (child == 0) {
		markf('>', "t", "bad.killed");
		must(read(io_fd, block, 1) == 1);
		if (read(pipe_end(0), block, 1))
			_exit(1);
	}
	nap(100);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);

	must(pthread_create(&thread, NULL, waits, NULL) == 0);
	nap(100);
	pthread_cancel(thread);
	pthread_join(thread, NULL);

	must(pthread_create(&thread, NULL, ends, NULL) == 0);
	pthread_join(thread, NULL);
	markf('<', "t", "bad");
	/* A thread may be joined before it is gone: the process must not end with it. */
	nap(100);
}

/* A child dies in a span, and the next has its number. Exits with 77 where numbers cannot be chosen. */
static void reused(void)
{
	for (int attempt = 0; attempt < 200; attempt++) {
		int last = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
		char text[16];
		pid_t first = fork(), second;

		if (last < 0)
			exit(77);
		must(first >= 0);
		if (first == 0) {
			markf('>', "t", "bad.first");
			must(read(io_fd, block, 2) == 2);
			raise(SIGKILL);
		}
		waitpid(first, NULL, 0);
		snprintf(text, sizeof(text), "%d", first - 1);
		if (write(last, text, strlen(text)) < 0)
			exit(77);
		close(last);
		second = fork();
		must(second >= 0);
		if (second == 0) {
			if (getpid() != first)
				_exit(1);
			must(pread(io_fd, block, 3, 0) == 3);
			markf('>', "t", "bad.second");
			for (int i = 0; i < 3; i++)
				must(pread(io_fd, block, 5, 0) == 5);
			markf('<', "t", "bad.second");
			/* Not its own: it must find none to end. */
			markf('<', "t", "bad.first");
			_exit(0);
		}
		waitpid(second, &last, 0);
		if (last == 0) {
			printf("%d\n", attempt + 1);
			return;
		}
	}
	exit(77);
}

/* N threads, so many at once, each with a span of a few calls. */
#define AT_ONCE 250

static void *one_of_many(void *unused)
{
	markf('>', "t", "bad.many");
	for (int i = 0; i < 3; i++)
		must(pread(io_fd, block, 4, 0) == 4);
	markf('<', "t", "bad.many");
	return unused;
}

static void many_threads(long n)
{
	pthread_t threads[AT_ONCE];
	pthread_attr_t small;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 1 << 16);
	for (long i = 0; i < n; i += AT_ONCE) {
		for (int j = 0; j < AT_ONCE; j++)
			must(pthread_create(&threads[j], &small, one_of_many, NULL) == 0);
		for (int j = 0; j < AT_ONCE; j++)
			pthread_join(threads[j], NULL);
	}
}

static int memory(const char *kind, long number)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "%s-%ld", kind, number);
	must((fd = memfd_create(name, MFD_CLOEXEC)) >= 0);
	return fd;
}

/* N files with one write each, in one span; then as many, each in a span of its own,
 * some of which have a path of their own. */
static void many_files(long n, long apart)
{
	char span[64] = "bad.files";

	if (!apart)
		markf('>', "t", span);
	for (long i = 0; i < n; i++) {
		int fd;

		if (apart) {
			if (i % apart)
				strcpy(span, "bad.each");
			else
				snprintf(span, sizeof(span), "bad.sample%ld", i);
			markf('>', "t", span);
		}
		fd = memory("many", i);
		must(write(fd, block, 3) == 3);
		close(fd);
		if (apart)
			markf('<', "t", span);
	}
	if (!apart)
		markf('<', "t", span);
}

/* N spans with one read of each of M files. */
static void crowd(long n, long m)
{
	int fds[m];

	for (long i = 0; i < m; i++) {
		fds[i] = memory("crowd", i);
		must(write(fds[i], block, 10) == 10);
	}
	for (long i = 0; i < n; i++) {
		markf('>', "t", "bad.crowd");
		for (long j = 0; j < m; j++)
			must(pread(fds[j], block, 1, 0) == 1);
		markf('<', "t", "bad.crowd");
	}
}

/* N spans with one call of each of 40 numbers, on no file. What they are given makes most of them fail. */
static void many_kinds(long n)
{
	static const int numbers[40] = {
		SYS_getpid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getppid,
		SYS_getpgid, SYS_getsid, SYS_sched_yield, SYS_sched_getscheduler, SYS_sched_getparam,
		SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_getpriority, SYS_getrlimit,
		SYS_getrusage, SYS_sysinfo, SYS_times, SYS_uname, SYS_getcwd, SYS_sched_getaffinity,
		SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_getitimer, SYS_rt_sigpending,
		SYS_sigaltstack, SYS_capget, SYS_getresuid, SYS_getresgid, SYS_getgroups, SYS_mincore,
		SYS_msync, SYS_getcpu, SYS_get_robust_list, SYS_sched_rr_get_interval, SYS_timer_gettime,
		SYS_timer_getoverrun, SYS_faccessat,
	};

	for (long i = 0; i < n; i++) {
		markf('>', "t", "bad.kinds");
		for (int j = 0; j < 40; j++)
			syscall(numbers[j], -1, -1, -1, -1, -1, -1);
		markf('<', "t", "bad.kinds");
	}
}

/* N stretches between markers, each with three reads, within one span. */
static void burst(long n)
{
	int fd = memory("burst", 0);

	must(write(fd, block, 10) == 10);
	markf('>', "t", "bad");
	for (long i = 0; i < n; i++) {
		for (int j = 0; j < 3; j++)
			must(pread(fd, block, 2, 0) == 2);
		mark("<:t:bad.none::"); /* ends a stretch and no span: one left open would hide what is around it */
	}
	/* Time for the ring to be emptied, so that the end is seen. */
	nap(300);
	markf('<', "t", "bad");
}

/* One span of N milliseconds: calls all the time, most of it asleep. */
static void for_long(long ms)
{
	int fd = memory("long", 0);
	long calls = 0;
	struct timespec now, end;

	must(write(fd, block, 10) == 10);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	markf('>', "t", "bad.long");
	do {
		must(pread(fd, block, 10, 0) == 10);
		calls++;
		nap(10);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	markf('<', "t", "bad.long");
	printf("%ld\n", calls);
}

/* A span and a read under way; goes on when a byte comes. */
static void midway(void)
{
	char byte;

	markf('>', "t", "bad.midway");
	must(write(1, ".", 1) == 1);
	must(read(0, &byte, 1) == 1);
	for (int i = 0; i < 5; i++)
		must(pread(io_fd, block, 6, 0) == 6);
	markf('<', "t", "bad.midway");
	markf('>', "t", "bad.whole");
	for (int i = 0; i < 7; i++)
		must(pread(io_fd, block, 8, 0) == 8);
	markf('<', "t", "bad.whole");
	must(read(0, &byte, 1) == 0);
}

#ifdef __x86_64__
static long old_call(long nr, long a, long b, long c)
{
	long result;

	asm volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static void no_old_calls(int signal)
{
	_exit(signal == SIGSEGV ? 77 : 1);
}

/* Calls as a 32-bit program makes them: their numbers mean other calls. */
static void foreign(void)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd = memory("foreign", 0);
	pid_t own = getpid();

	must(low != MAP_FAILED && write(fd, block, 1000) == 1000);
	signal(SIGSEGV, no_old_calls);
	if (old_call(20, 0, 0, 0) != own)
		exit(77);
	/* A marker may come from a 32-bit program. */
	strcpy(low, ">:t:bad.foreign::");
	must(old_call(4, null_fd, (long)low, strlen(low)) == (long)strlen(low));
	for (int i = 0; i < 500; i++)
		must(old_call(20, 0, 0, 0) == own); /* getpid; natively 20 is writev */
	must(lseek(fd, 0, SEEK_SET) == 0);
	for (int i = 0; i < 10; i++)
		must(old_call(3, fd, (long)low, 100) == 100); /* read; natively 3 is close */
	must(pread(fd, block, 21, 0) == 21);
	strcpy(low, "<:t:bad.foreign::");
	must(old_call(4, null_fd, (long)low, strlen(low)) == (long)strlen(low));
}
#else
static void foreign(void)
{
	exit(77);
}
#endif

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 1, m = argc > 3 ? atol(argv[3]) : 0;

	known_begin();
	if (!strcmp(mode, "killed"))
		killed();
	else if (!strcmp(mode, "reused"))
		reused();
	else if (!strcmp(mode, "threads"))
		many_threads(n);
	else if (!strcmp(mode, "files"))
		many_files(n, m);
	else if (!strcmp(mode, "kinds"))
		many_kinds(n);
	else if (!strcmp(mode, "crowd"))
		crowd(n, m);
	else if (!strcmp(mode, "burst"))
		burst(n);
	else if (!strcmp(mode, "long"))
		for_long(n);
	else if (!strcmp(mode, "midway"))
		midway();
	else if (!strcmp(mode, "foreign"))
		foreign();
	else
		return 2;
	return 0;
}
