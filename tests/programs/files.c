/* Known work on files: files DIR, which it makes. What it prints is told in known.h. */
#define _GNU_SOURCE
#include "known.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <netinet/in.h>

static const char *dir;
static char block[1 << 16];

static const char *in_dir(const char *name)
{
	static char paths[8][256];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

/* A file of that size, open. */
static int made(const char *name, long size)
{
	int fd = open(in_dir(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0);
	for (long done = 0; done < size;) {
		long part = size - done < (long)sizeof(block) ? size - done : (long)sizeof(block);

		must(write(fd, block, part) == part);
		done += part;
	}
	must(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void reads(void)
{
	int fd = made("reads", 512 * 1000);

	enter("known.read");
	for (int i = 0; i < 1000; i++)
		must(read(fd, block, 512) == 512);
	leave();
	call("read", 1000, 512000, "-");
	file("file", "-", 1000, 512000, 0, in_dir("reads"));

	enter("known.positions");
	for (int i = 0; i < 100; i++)
		must(pread(fd, block, 1000, i * 100) == 1000);
	for (int i = 0; i < 70; i++)
		must(pwrite(fd, block, 30, i) == 30);
	leave();
	call("pread64", 100, 100000, "-");
	call("pwrite64", 70, 2100, "-");
	file("file", "-", 170, 100000, 2100, in_dir("reads"));
	close(fd);
}

static void vectors(void)
{
	struct iovec parts[3] = { { block, 10 }, { block + 100, 90 }, { block + 1000, 200 } };
	int fd = made("vectors", 0);

	enter("known.vectors");
	for (int i = 0; i < 50; i++)
		must(writev(fd, parts, 3) == 300);
	for (int i = 0; i < 20; i++)
		must(preadv(fd, parts, 2, 0) == 100);
	for (int i = 0; i < 5; i++)
		must(pwritev2(fd, parts, 1, 0, 0) == 10);
	leave();
	call("writev", 50, 15000, "-");
	call("preadv", 20, 2000, "-");
	call("pwritev2", 5, 50, "-");
	file("file", "-", 75, 2000, 15050, in_dir("vectors"));
	close(fd);
}

/* A name as the kernel gives it: the address of this end and of the other. */
static void ends_of(int fd, char *name, size_t room)
{
	struct sockaddr_in local, remote;
	socklen_t len = sizeof(local);

	must(getsockname(fd, (struct sockaddr *)&local, &len) == 0);
	must(getpeername(fd, (struct sockaddr *)&remote, &len) == 0);
	snprintf(name, room, "127.0.0.1:%d->127.0.0.1:%d", ntohs(local.sin_port), ntohs(remote.sin_port));
}

/* Two files in one call: each has its bytes, and the call is one. */
static void pairs(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int from = made("from", 1 << 20), to = made("to", 0), listener, ends[2], pipes[2];
	char name[64];
	struct stat at;

	must((listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	must(bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 1) == 0);
	must(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
	must((ends[0] = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	must(connect(ends[0], (struct sockaddr *)&address, len) == 0);
	must((ends[1] = accept(listener, NULL, NULL)) >= 0);
	ends_of(ends[0], name, sizeof(name));
	enter("known.sendfile");
	for (int i = 0; i < 10; i++)
		must(sendfile(ends[0], from, NULL, 4096) == 4096);
	leave();
	call("sendfile", 10, 40960, "-");
	file("file", "-", 10, 40960, 0, in_dir("from"));
	file("ipv4", "tcp", 10, 0, 40960, name);
	close(ends[0]), close(ends[1]), close(listener);

	must(pipe2(pipes, O_CLOEXEC) == 0 && fstat(pipes[0], &at) == 0);
	snprintf(name, sizeof(name), "pipe:[%lu]", at.st_ino);
	enter("known.splice");
	for (int i = 0; i < 16; i++)
		must(splice(from, NULL, pipes[1], NULL, 4096, 0) == 4096 &&
		     splice(pipes[0], NULL, to, NULL, 4096, 0) == 4096);
	leave();
	call("splice", 32, 32 * 4096, "-");
	file("file", "-", 16, 16 * 4096, 0, in_dir("from"));
	file("file", "-", 16, 0, 16 * 4096, in_dir("to"));
	file("pipe", "-", 32, 16 * 4096, 16 * 4096, name);
	close(pipes[0]), close(pipes[1]);

	lseek(from, 0, SEEK_SET);
	enter("known.copy");
	for (int i = 0; i < 4; i++)
		must(copy_file_range(from, NULL, to, NULL, 10000, 0) == 10000);
	leave();
	call("copy_file_range", 4, 40000, "-");
	file("file", "-", 4, 40000, 0, in_dir("from"));
	file("file", "-", 4, 0, 40000, in_dir("to"));
	close(from), close(to);
}

static int doomed;

/*
 * Before the first span: so many files are more kinds of calls than a segment
 * tells apart, and what is seen from there on has the name it is first seen by.
 */
static void prepare(void)
{
	must(mkdir(in_dir("many"), 0700) == 0);
	for (int i = 0; i < 200; i++) {
		char name[32];

		snprintf(name, sizeof(name), "many/entry%d", i);
		close(made(name, 0));
	}
	must(mkdir(in_dir("real"), 0700) == 0 && mkdir(in_dir("bound"), 0700) == 0);
	close(made("real/twice", 1000));
	doomed = made("doomed", 100);
	unlink(in_dir("doomed"));
}

static void directory(void)
{
	static char entries[4096];
	long n, sum = 0, count = 0;
	int fd;

	must((fd = open(in_dir("many"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
	enter("known.directory");
	do {
		n = syscall(SYS_getdents64, fd, entries, sizeof(entries));
		must(n >= 0);
		sum += n;
		count++;
	} while (n > 0);
	leave();
	call("getdents64", count, sum, "-");
	file("directory", "-", count, sum, 0, in_dir("many"));
	close(fd);
}

static void without_a_name(void)
{
	int fd;
	char name[300];

	must((fd = memfd_create("scratch pad", MFD_CLOEXEC)) >= 0);
	enter("known.memfd");
	for (int i = 0; i < 9; i++)
		must(write(fd, block, 1000) == 1000);
	must(pread(fd, block, 10000, 0) == 9000);
	leave();
	call("write", 9, 9000, "-");
	call("pread64", 1, 9000, "-");
	file("memfd", "-", 10, 9000, 9000, "memfd:scratch pad");
	close(fd);

	enter("known.deleted");
	must(read(doomed, block, 1000) == 100);
	leave();
	snprintf(name, sizeof(name), "%s (deleted)", in_dir("doomed"));
	file("file", "-", 1, 100, 0, name);
	close(doomed);
}

/* The same file by two paths, one of them by a second mount: it is one file, with one of the names. */
static void mounted(void)
{
	int one, two;

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return skip("known.mounted", "no rights to mount");
	must(mount(in_dir("real"), in_dir("bound"), NULL, MS_BIND, NULL) == 0);
	must((one = open(in_dir("bound/twice"), O_RDONLY | O_CLOEXEC)) >= 0);
	must((two = open(in_dir("real/twice"), O_RDONLY | O_CLOEXEC)) >= 0);
	enter("known.mounted");
	must(read(one, block, 600) == 600);
	must(read(two, block, 300) == 300);
	leave();
	file("file", "-", 2, 900, 0, in_dir("bound/twice"));
	close(one), close(two);
	must(umount(in_dir("bound")) == 0);
}

/* One descriptor number for two files in turn. */
static void reopened(void)
{
	close(made("a", 100)), close(made("b", 7));
	enter("known.reopened");
	for (int i = 0; i < 1000; i++) {
		int a, b;

		must((a = open(in_dir("a"), O_RDONLY)) >= 0 && read(a, block, 1000) == 100);
		close(a);
		must((b = open(in_dir("b"), O_RDONLY)) == a && read(b, block, 1000) == 7);
		close(b);
	}
	leave();
	call("read", 2000, 107000, "-");
	call("openat", 2000, 0, "-");
	call("close", 2000, 0, "-");
	file("file", "-", ANY_COUNT, 100000, 0, in_dir("a"));
	file("file", "-", ANY_COUNT, 7000, 0, in_dir("b"));

	/* Here the file system may give a deleted file's inode number to the next one. No more of them than
	 * a segment tells apart. */
	enter("known.recreated");
	for (int i = 0; i < 8; i++) {
		int fd = open(in_dir(i % 2 ? "odd" : "even"), O_RDWR | O_CREAT | O_EXCL, 0600);

		must(fd >= 0 && write(fd, block, 50 + i % 2) == 50 + i % 2);
		close(fd);
		unlink(in_dir(i % 2 ? "odd" : "even"));
	}
	leave();
	call("write", 8, 404, "-");
	file("file", "-", 12, 0, 200, in_dir("even"));
	file("file", "-", 12, 0, 204, in_dir("odd"));
}

/* Two descriptors, a second opening and a second name of one file. */
static void shared(void)
{
	int first = made("shared", 10000), second, third;

	must((second = dup(first)) >= 0 && (third = open(in_dir("shared"), O_RDONLY | O_CLOEXEC)) >= 0);
	enter("known.shared");
	must(read(first, block, 10) == 10 && read(second, block, 20) == 20 && read(third, block, 30) == 30);
	leave();
	call("read", 3, 60, "-");
	file("file", "-", 3, 60, 0, in_dir("shared"));
	close(first), close(second), close(third);
}

static int taken;

static void *take(void *other)
{
	char byte = 0;

	nap(30);
	/* The call under way keeps its file; the number is another's from here on. */
	int end = dup(taken + 1);
	must(dup2(*(int *)other, taken) == taken);
	must(write(end, &byte, 1) == 1);
	close(end);
	return NULL;
}

/* A descriptor is taken by another thread while a read on it is under way. */
static void stolen(void)
{
	int pipes[2], other = made("thief", 5000);
	pthread_t thread;
	char name[64];
	struct stat at;

	must(pipe2(pipes, O_CLOEXEC) == 0 && pipes[1] == pipes[0] + 1 && fstat(pipes[0], &at) == 0);
	snprintf(name, sizeof(name), "pipe:[%lu]", at.st_ino);
	taken = pipes[0];
	must(pthread_create(&thread, NULL, take, &other) == 0);
	enter("known.stolen");
	must(read(taken, block, 100) == 1);
	must(read(taken, block, 100) == 100);
	leave();
	pthread_join(thread, NULL);
	call("read", 2, 101, "-");
	file("pipe", "-", 1, 1, 0, name);
	file("file", "-", 1, 100, 0, in_dir("thief"));
	close(pipes[0]), close(pipes[1]), close(other);
}

/* A child's calls are not its parent's; a descriptor it inherited is the file it was. */
static void inherited(void)
{
	int fd = made("inherited", 10000);
	pid_t child;

	must(fcntl(fd, F_SETFD, 0) == 0);
	enter("known.parent");
	must((child = fork()) >= 0);
	if (child == 0) {
		markf('>', "t", "known.child");
		for (int i = 0; i < 4; i++)
			must(read(fd, block, 25) == 25);
		markf('<', "t", "known.child");
		_exit(0);
	}
	must(waitpid(child, NULL, 0) == child && read(fd, block, 11) == 11);
	leave();
	call("read", 1, 11, "-");
	call("wait4", 1, 0, "-");
	file("file", "-", 1, 11, 0, in_dir("inherited"));
	strcpy(span_name, "known.child");
	call("read", 4, 100, "-");
	file("file", "-", 4, 100, 0, in_dir("inherited"));
	close(fd);
}

/* More files than are told apart at once, then one that takes its time: that one is told. */
static void late(void)
{
	struct itimerspec soon = { .it_value.tv_nsec = 5000000 };
	int fds[40], timer;
	char name[16];

	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "crowd%d", i);
		fds[i] = made(name, 1);
	}
	must((timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) >= 0);
	must(timerfd_settime(timer, 0, &soon, NULL) == 0);
	enter("known.late");
	for (int i = 0; i < 40; i++)
		must(pread(fds[i], block, 1, 0) == 1);
	must(read(timer, block, 8) == 8);
	leave();
	call("pread64", 40, 40, "-");
	call("read", 1, 8, "-");
	file("timerfd", "-", 1, 8, 0, "[timerfd]");
	others();
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	close(timer);
}

/* A span goes on when its process becomes another program. */
static void executed(char *self)
{
	int fd = made("executed", 10000);
	char number[16];
	pid_t child;

	must(fcntl(fd, F_SETFD, 0) == 0);
	snprintf(number, sizeof(number), "%d", fd);
	must((child = fork()) >= 0);
	if (child == 0) {
		markf('>', "t", "known.executed");
		must(read(fd, block, 10) == 10);
		execl(self, self, "--executed", number, NULL);
		_exit(1);
	}
	must(waitpid(child, NULL, 0) == child);
	strcpy(span_name, "known.executed");
	file("file", "-", 3, 60, 0, in_dir("executed"));
	others();
	close(fd);
}

static int after_exec(int fd)
{
	must((null_fd = open("/dev/null", O_WRONLY)) >= 0);
	must(read(fd, block, 20) == 20 && read(fd, block, 30) == 30);
	markf('<', "t", "known.executed");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--executed"))
		return after_exec(atoi(argv[2]));
	if (argc != 2)
		return 2;
	must(mkdir(argv[1], 0700) == 0 && (dir = realpath(argv[1], NULL)) != NULL);
	known_begin();
	prepare();
	reads();
	vectors();
	pairs();
	directory();
	without_a_name();
	reopened();
	shared();
	stolen();
	inherited();
	late();
	executed(argv[0]);
	mounted();
	return 0;
}
