/*
 * A thread in a span is held: stopped HOW WHAT. HOW is `signal`, `tracer`, `freezer` or `freezer1`, that of cgroups of
 * version 1. WHAT it does is `busy` or `asleep` in a read. Prints for how many ns at least, or `skip` and why.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "known.h"

static volatile int *shared; /* 1: the span is open; 2: it may end */
static int pipes[2];
static char group[256];

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000 + time.tv_nsec;
}

static void in_span(int asleep)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	mark(">:t:held::");
	*shared = 1;
	if (asleep)
		must(read(pipes[0], &byte, 1) == 1);
	while (*shared != 2)
		;
	mark("<:t:held::");
	_exit(0);
}

static void put(const char *name, const char *text)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", group, name);
	must((fd = open(path, O_WRONLY)) >= 0);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* Waits until the cgroup says so. */
static void until(const char *name, const char *want)
{
	char path[300], text[128];

	snprintf(path, sizeof(path), "%s/%s", group, name);
	do {
		int fd = open(path, O_RDONLY);
		long n = read(fd, text, sizeof(text) - 1);

		must(n >= 0);
		text[n] = 0;
		close(fd);
	} while (!strstr(text, want));
}

/* A cgroup of that kind for the child; false, with why, where there can be none. */
static int make_group(pid_t child, const char *type, const char *option)
{
	char line[512], where[128] = "", kind[64], options[256], pid[16];
	FILE *file = fopen("/proc/self/mounts", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %127s %63s %255s", where, kind, options) == 3 &&
		    !strcmp(kind, type) && strstr(options, option))
			break;
		else
			*where = 0;
	snprintf(group, sizeof(group), "%s/nt-stopped-%d", where, getpid());
	if (!*where || mkdir(group, 0755)) {
		printf("skip: no %s %s: %s\n", type, option, *where ? strerror(errno) : "not mounted");
		*group = 0;
		return 0;
	}
	snprintf(pid, sizeof(pid), "%d", child);
	put("cgroup.procs", pid);
	return 1;
}

/* The state of a process: the letter in its stat. */
static int state(pid_t pid)
{
	char path[64], text[256] = { 0 };
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	must((fd = open(path, O_RDONLY)) >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strrchr(text, ')')[2];
}

int main(int argc, char **argv)
{
	int asleep, status;
	long from, held;
	pid_t child;

	must(argc == 3);
	asleep = !strcmp(argv[2], "asleep");
	known_begin();
	must(pipe(pipes) == 0);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED && (child = fork()) >= 0);
	if (child == 0)
		in_span(asleep);
	while (*shared != 1 || (asleep && state(child) != 'S'))
		nap(1);
	if (!strcmp(argv[1], "signal")) {
		must(kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child);
		from = now();
		nap(200);
		held = now() - from;
		must(kill(child, SIGCONT) == 0);
	} else if (!strcmp(argv[1], "tracer")) {
		must(ptrace(PTRACE_SEIZE, child, 0, 0) == 0);
		must(ptrace(PTRACE_INTERRUPT, child, 0, 0) == 0 && waitpid(child, &status, 0) == child);
		from = now();
		nap(200);
		held = now() - from;
		must(ptrace(PTRACE_DETACH, child, 0, 0) == 0);
	} else if (!strcmp(argv[1], "freezer") && make_group(child, "cgroup2", "")) {
		put("cgroup.freeze", "1");
		until("cgroup.events", "frozen 1");
		from = now();
		nap(200);
		held = now() - from;
		put("cgroup.freeze", "0");
	} else if (!strcmp(argv[1], "freezer1") && make_group(child, "cgroup", "freezer")) {
		put("freezer.state", "FROZEN");
		until("freezer.state", "FROZEN");
		from = now();
		nap(200);
		held = now() - from;
		put("freezer.state", "THAWED");
	} else {
		held = 0;
	}
	*shared = 2;
	must(!asleep || write(pipes[1], "x", 1) == 1);
	must(waitpid(child, &status, 0) == child && status == 0);
	if (*group)
		rmdir(group);
	if (held)
		printf("%ld\n", held);
	return 0;
}
