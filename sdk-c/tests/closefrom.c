/*
 * A program that closes every descriptor it did not open, as daemons do, and opens its own: no marker lands in
 * them, and the markers go on.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

enum { FILES = 48 };

static void mark(const char *path)
{
	OK(nt_enter(nt_thread(), path));
	OK(nt_exit(nt_thread(), path));
	expect(">:t:%s::", path);
	expect("<:t:%s::", path);
}

static void rounds(bool at_once)
{
	char dir[] = "/tmp/nulltrace-closefrom-XXXXXX";
	char name[64];
	int files[FILES];
	int pipes[2];
	int sockets[2];

	CHECK(mkdtemp(dir) != NULL);
	mark("before");
	closefrom(3);
	if (at_once) {
		/* The macro's own system call is the first that fails. */
		NT_ENTER("closed");
		expect(">:t:closed::");
	}
	CHECK(pipe(pipes) == 0 && pipes[0] == 3);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof name, "%s/%d", dir, i);
		files[i] = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
		CHECK(files[i] >= 0);
		NT_ENTER("opened");
		expect(">:t:opened::");
		CHECK(write(files[i], "mine", 4) == 4);
		mark("between");
	}
	CHECK(write(pipes[1], "mine", 4) == 4);
	CHECK(write(sockets[1], "mine", 4) == 4);
	mark("after");
	/* Closed alone, and its number taken by another file: where that is opened before the next marker, nobody
	 * can tell; where it is opened after it, the number is in use again. */
	CHECK(close(nt_device()) == 0);
	NT_ENTER("reopened");
	expect(">:t:reopened::");
	const int again = open("/dev/zero", O_RDONLY);
	CHECK(again >= 0 && again != nt_device());
	close(again);

	char found[64];
	CHECK(read(pipes[0], found, sizeof found) == 4 && memcmp(found, "mine", 4) == 0);
	CHECK(read(sockets[0], found, sizeof found) == 4 && memcmp(found, "mine", 4) == 0);
	for (int i = 0; i < FILES; i++) {
		CHECK(lseek(files[i], 0, SEEK_SET) == 0);
		CHECK(read(files[i], found, sizeof found) == 4 && memcmp(found, "mine", 4) == 0);
		close(files[i]);
		snprintf(name, sizeof name, "%s/%d", dir, i);
		CHECK(unlink(name) == 0);
	}
	close(pipes[0]);
	close(pipes[1]);
	close(sockets[0]);
	close(sockets[1]);
	CHECK(rmdir(dir) == 0);
}

int main(void)
{
	/* Few descriptors, so that its own are next to the library's; then many. */
	struct rlimit limit;
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	const rlim_t limits[] = {128, 1024, limit.rlim_max};
	setvbuf(stdout, NULL, _IOFBF, 1 << 18);
	for (int i = 0; i < 3; i++) {
		limit.rlim_cur = limits[i];
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		rounds(true);
		rounds(false);
		closefrom(3);
	}
	/* A program that has no descriptors at all gets no marker on what it takes for its own 0, 1 and 2. */
	int out = fcntl(1, F_DUPFD, 10);
	closefrom(out + 1);
	close(0);
	mark("no-stdin");
	CHECK(open("/dev/zero", O_RDONLY) == 0);
	return 0;
}
