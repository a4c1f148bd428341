/* The programs the tests trace: the first argument says which. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int null;
static char *self;

static void check(long got, long want)
{
	if (got != want) {
		fprintf(stderr, "got %ld, not %ld: %s\n", got, want, strerror(errno));
		_exit(99);
	}
}

static void mark(const char *text)
{
	check(write(null, text, strlen(text)), strlen(text));
}

static void *in_thread(void *tag)
{
	char text[64];

	snprintf(text, sizeof(text), ">:t:thread.%ld::", (long)tag);
	mark(text);
	snprintf(text, sizeof(text), "<:t:thread.%ld:tid=%ld:", (long)tag, syscall(SYS_gettid));
	mark(text);
	return NULL;
}

static int threads(void)
{
	pthread_t all[8];

	for (long n = 0; n < 8; n++)
		check(pthread_create(&all[n], NULL, in_thread, (void *)n), 0);
	for (int n = 0; n < 8; n++)
		pthread_join(all[n], NULL);
	return 0;
}

/* Every call that writes, the vectors in several pieces, one of them empty. */
static int calls(void)
{
	struct iovec whole[4] = {
		{ ">:t:", 4 }, { NULL, 0 }, { "vec", 3 }, { "tor::", 5 },
	};

	check(write(null, ">:t:write::", 11), 11);
	check(pwrite(null, ">:t:pwrite::", 12, 5), 12);
	check(writev(null, whole, 4), 12);
	check(pwritev(null, whole, 4, 5), 12);
	check(pwritev2(null, whole, 4, -1, 0), 12);
	check(write(null, ">:t:empty::", 0), 0);
	check(writev(null, whole, 0), 0);
	check(writev(null, whole, 2000), -1);
	return 0;
}

/* Writes that are no markers, or not to the null device. */
static int others(void)
{
	int zero = open("/dev/zero", O_WRONLY), copy = dup(null), pipes[2];
	struct iovec far = { (void *)8, 10 };

	check(pipe(pipes), 0);
	check(write(null, "nothing", 7), 7);
	check(write(zero, ">:t:zero::", 10), 10);
	check(write(pipes[1], ">:t:pipe::", 10), 10);
	check(write(-1, ">:t:bad::", 9), -1);
	check(write(pipes[1], (void *)8, 9), -1);
	/* The null device does not read, so these succeed: markers whose bytes are nowhere. */
	check(write(null, (void *)8, 9), 9);
	check(writev(null, &far, 1), 10);
	check(write(copy, ">:t:copy::", 10), 10);
	return 0;
}

/* Writes to the null device that the kernel refuses, and two that it takes. */
static int refused(void)
{
	int reads = open("/dev/null", O_RDONLY), path = open("/dev/null", O_PATH), pipes[2];
	struct iovec one = { ">:t:no::", 8 }, sync = { ">:t:sync::", 10 };
	struct iovec negative[2] = { { ">:t:no::", 8 }, { ">", (size_t)1 << 63 } };

	check(pipe(pipes), 0);
	check(write(reads, ">:t:no::", 8), -1);
	check(writev(path, &one, 1), -1);
	check(write(200, ">:t:no::", 8), -1);
	check(pwrite(pipes[1], ">:t:no::", 8, 0), -1);
	check(pwrite(null, ">:t:no::", 8, -5), -1);
	check(pwritev(null, &one, 1, -5), -1);
	check(pwritev2(null, &one, 1, -5, 0), -1);
	check(pwritev2(null, &one, 1, -1, 0x40000000), -1);
	check(syscall(SYS_write, null, ">:t:no::", -1L), -1);
	check(writev(null, negative, 2), -1);
	check(pwritev(null, negative, 2, 0), -1);
	check(syscall(SYS_write, null, -4096L, 8), -1);
	check(syscall(SYS_writev, null, 8, 1), -1);
	check(pwritev2(null, &sync, 1, -1, RWF_DSYNC), 10);
	check(pwrite(null, ">:t:far::", 9, 1L << 40), 9);
	return 0;
}

static void cloned(long child, const char *text)
{
	int status;

	check(child < 0, 0);
	if (child == 0) {
		mark(text);
		_exit(7);
	}
	check(waitpid(child, &status, __WALL), child);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 7, 1);
}

/* Children that are not to be traced can write all the same. */
static int untraced(void)
{
	/* struct clone_args: flags, three places, exit signal, stack, its size, tls. In memory that cannot be written. */
	static const unsigned long args[8] = { CLONE_UNTRACED, 0, 0, 0, SIGCHLD };

	cloned(syscall(SYS_clone, (unsigned long)CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0), ">:t:clone::");
	cloned(syscall(SYS_clone3, args, sizeof(args)), ">:t:clone3::");
	return 0;
}

/* It hides its memory. */
static int hides(void)
{
	mark(">:t:before::");
	check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), 0);
	mark(">:t:hidden::");
	mark("<:t:hidden::");
	return 0;
}

static int vforked(void)
{
	int status;
	pid_t child = vfork();

	if (child == 0) {
		execl(self, self, "calls", NULL);
		_exit(98);
	}
	check(waitpid(child, &status, 0), child);
	check(status, 0);
	return 0;
}

static int forks(void)
{
	int status;

	for (int n = 0; n < 200; n++) {
		pid_t child = fork();

		check(child < 0, 0);
		if (child == 0) {
			mark(">:p:child::");
			mark("<:p:child::");
			_exit(n % 100);
		}
	}
	for (int n = 0; n < 200; n++)
		check(wait(&status) > 0, 1);
	check(wait(&status), -1);
	return 0;
}

static void *exec_here(void *unused)
{
	mark(">:t:moved::");
	execl(self, self, "calls", NULL);
	_exit(98);
}

/* A thread that is not the leader calls exec; its siblings vanish. */
static int exec_thread(void)
{
	pthread_t thread;

	mark(">:t:leader::");
	pthread_create(&thread, NULL, exec_here, NULL);
	pause();
	return 97;
}

static void *later(void *unused)
{
	usleep(100000);
	mark(">:t:after::");
	exit(7);
}

/* The leader ends long before the process does. */
static int leader_first(void)
{
	pthread_t thread;

	mark(">:t:leader::");
	pthread_create(&thread, NULL, later, NULL);
	pthread_exit(NULL);
}

static void *own_files(void *unused)
{
	check(unshare(CLONE_FILES), 0);
	check(dup2(null, 77), 77);
	check(write(77, ">:t:own::", 9), 9);
	return NULL;
}

/* A thread with a descriptor table of its own. */
static int unshared(void)
{
	pthread_t thread;

	check(pthread_create(&thread, NULL, own_files, NULL), 0);
	pthread_join(thread, NULL);
	check(write(77, ">:t:not::", 9), -1);
	return 0;
}

static int killed(void)
{
	mark(">:t:open::");
	kill(getpid(), SIGKILL);
	return 97;
}

/* Children stop themselves, and go on when told to. Handlers run, also that of a real SIGTRAP. */
static volatile sig_atomic_t traps;

static void trap(int unused)
{
	traps++;
}

static void stop_by(int signal)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		/* A group with a parent outside: only such a one is stopped by a terminal's signals. */
		setpgid(0, 0);
		mark(">:t:child::");
		raise(signal);
		mark("<:t:child::");
		_exit(5);
	}
	check(waitpid(child, &status, WUNTRACED), child);
	check(WIFSTOPPED(status) && WSTOPSIG(status) == signal, 1);
	usleep(50000);
	check(waitpid(child, &status, WNOHANG), 0);
	mark(">:t:parent::");
	kill(child, SIGCONT);
	check(waitpid(child, &status, 0), child);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 5, 1);
}

static int stopped(void)
{
	signal(SIGTRAP, trap);
	raise(SIGTRAP);
	check(traps, 1);
	stop_by(SIGSTOP);
	stop_by(SIGTSTP);
	return 0;
}

static int fragments(void)
{
	mark(">");
	mark(":t:");
	mark("a.");
	mark("b::\n");
	mark("no more");
	mark("[\">\",");
	mark("1,[\"c\"]]");
	return 0;
}

/* Colons end nothing in JSON. */
static int json(void)
{
	mark("[\">\",1,[\"ns::");
	mark("a::");
	mark("b\"]]\n");
	mark(">:t:a::\n[\"<\",1,[\"ns::");
	mark("a::b\"]]");
	return 0;
}

static int cut(void)
{
	static char text[100000];

	memset(text, 'x', sizeof(text));
	memcpy(text, ">:t:long:k=", 11);
	check(write(null, text, 4096), 4096);
	check(write(null, text, 4097), 4097);
	check(write(null, text, sizeof(text)), sizeof(text));
	return 0;
}

/* Markers to whatever standard output is. */
static int to_stdout(void)
{
	check(write(1, ">:t:out::", 9), 9);
	check(write(1, "<:t:out::", 9), 9);
	return 0;
}

/* Leaves a child behind that writes and ends later. */
static int orphan(void)
{
	if (fork() == 0) {
		usleep(200000);
		mark(">:t:orphan::");
		_exit(0);
	}
	return 4;
}

/* Processes that live until they are killed. */
static int endless(void)
{
	for (int n = 0; n < 3; n++)
		fork();
	mark(">:t:endless::");
	for (;;)
		pause();
}

/* Kills children at any moment of their lives. */
static int massacre(void)
{
	for (int n = 0; n < 100; n++) {
		pid_t child = fork();

		if (child == 0) {
			pthread_t thread;

			pthread_create(&thread, NULL, in_thread, (void *)0L);
			for (;;)
				mark(">:t:a::");
		}
		usleep(n * 20);
		kill(child, SIGKILL);
		check(waitpid(child, NULL, 0), child);
	}
	return 0;
}

static int privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

/* Nanoseconds for each of N writes of a marker to the null device, or of other bytes to it. */
static int cost(int count, const char *text)
{
	struct timespec from, to;
	size_t len = strlen(text);

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int n = 0; n < count; n++)
		syscall(SYS_write, null, text, len);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%.1f\n", ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / count);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} all[] = {
		{ "threads", threads }, { "calls", calls }, { "others", others },
		{ "vforked", vforked }, { "forks", forks }, { "exec_thread", exec_thread },
		{ "leader_first", leader_first }, { "unshared", unshared }, { "killed", killed },
		{ "stopped", stopped }, { "fragments", fragments }, { "cut", cut },
		{ "to_stdout", to_stdout }, { "orphan", orphan }, { "endless", endless },
		{ "massacre", massacre }, { "privileges", privileges },
		{ "refused", refused }, { "untraced", untraced }, { "hides", hides },
		{ "json", json },
	};

	self = argv[0];
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (argc == 4 && strcmp(argv[1], "cost") == 0)
		return cost(atoi(argv[2]), argv[3]);
	for (size_t n = 0; argc == 2 && n < sizeof(all) / sizeof(all[0]); n++)
		if (strcmp(all[n].name, argv[1]) == 0)
			return all[n].run();
	return 96;
}
