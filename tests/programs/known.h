/*
 * Work whose size is known: a program does it inside spans and prints what each span must show, a fact
 * a line, its words parted by tabs:
 *   call SPAN SYSCALL COUNT BYTES ERRORS	ERRORS as `again=3`, or `-`
 *   file SPAN TYPE PROTOCOL COUNT IN OUT NAME	COUNT may be `-`; `-` for no protocol
 *   others SPAN	there are files in it that are not told
 *   io SPAN READ WRITTEN	what /proc/thread-self/io says of it
 *   between SPAN TIME LOW HIGH PERCENT	what the scheduler says of a stretch just inside and just outside
 *   skip SPAN WHY
 */
#ifndef KNOWN_H
#define KNOWN_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
			abort(); \
		} \
	} while (0)

/* Where calls that the facts do not tell are made on the file as well. */
#define ANY_COUNT (-1)

static int null_fd, io_fd;

static inline void known_begin(void)
{
	static char room[1 << 20];

	setvbuf(stdout, room, _IOFBF, sizeof(room)); /* written at the end: no span sees it */
	must((null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC)) >= 0);
	must((io_fd = open("/proc/thread-self/io", O_RDONLY | O_CLOEXEC)) >= 0);
}

static inline void mark(const char *text)
{
	must(write(null_fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static inline void markf(char dir, const char *id, const char *span)
{
	char text[128];

	snprintf(text, sizeof(text), "%c:%s:%s::", dir, id, span);
	mark(text);
}

static inline long io_now(unsigned long *in, unsigned long *out)
{
	char text[512] = { 0 };
	long n = pread(io_fd, text, sizeof(text) - 1, 0);

	must(sscanf(text, "rchar: %lu wchar: %lu", in, out) == 2);
	return n;
}

static char span_name[64];
static unsigned long io_in, io_out;

/* A span of this thread. */
static inline void enter(const char *span)
{
	snprintf(span_name, sizeof(span_name), "%s", span);
	io_in = io_out = 0;
	if (io_fd >= 0) {
		long own = io_now(&io_in, &io_out);

		io_in += own;
	}
	markf('>', "t", span);
}

static inline void leave(void)
{
	unsigned long in, out, marks = 2 * (strlen(span_name) + 6);

	markf('<', "t", span_name);
	if (io_fd < 0)
		return;
	io_now(&in, &out);
	printf("io\t%s\t%lu\t%lu\n", span_name, in - io_in, out - io_out - marks);
}

static inline void call(const char *syscall, long count, long bytes, const char *errors)
{
	printf("call\t%s\t%s\t%ld\t%ld\t%s\n", span_name, syscall, count, bytes, errors);
}

static inline void file(const char *type, const char *protocol, long count, long in, long out,
			const char *name)
{
	char text[32] = "-";

	if (count != ANY_COUNT)
		snprintf(text, sizeof(text), "%ld", count);
	printf("file\t%s\t%s\t%s\t%s\t%ld\t%ld\t%s\n", span_name, type, protocol, text, in, out, name);
}

static inline void others(void)
{
	printf("others\t%s\n", span_name);
}

static inline void skip(const char *span, const char *why)
{
	printf("skip\t%s\t%s\n", span, why);
}

static inline void nap(long ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

#endif
