/*
 * Fifty jobs with one part each, of which two are slow: slowest FIFO. The part of job 31 sleeps, job 17 reads the
 * FIFO until a child writes to it. One more has no end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/wait.h>

#include "known.h"

static void waits_for_bytes(int fifo)
{
	char bytes[4096] = "";
	pid_t child = fork();

	must(child >= 0);
	if (child == 0) {
		nap(250);
		must(write(fifo, bytes, sizeof(bytes)) == sizeof(bytes));
		_exit(0);
	}
	must(read(fifo, bytes, sizeof(bytes)) == sizeof(bytes));
	must(waitpid(child, NULL, 0) == child);
}

int main(int argc, char **argv)
{
	char text[64];
	int fifo;

	must(argc == 2);
	/* With an end to write to it does not wait for who opens that. */
	fifo = open(argv[1], O_RDWR);
	must(fifo >= 0);
	null_fd = open("/dev/null", O_WRONLY);
	must(null_fd >= 0);
	for (int n = 0; n < 50; n++) {
		snprintf(text, sizeof(text), ">:t:job:n=%d:", n);
		mark(text);
		if (n == 17)
			waits_for_bytes(fifo);
		snprintf(text, sizeof(text), ">:t:job.part:n=%d:", n);
		mark(text);
		if (n == 31)
			nap(250);
		mark("<:t:job.part::");
		mark("<:t:job:done=yes:");
	}
	mark(">:p:left:why=nobody:");
	return 0;
}
