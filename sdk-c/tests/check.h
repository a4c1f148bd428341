/*
 * For the test programs: they check what they can see themselves, and say on stdout, a line "= MARKER" each,
 * what strace is to see. The lines are written at the end, so that they mix with nothing.
 */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <nulltrace.h>

#define CHECK(what) \
	((what) ? (void)0 : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what), exit(1)))

/* What a call gives; errno must be as it was. */
#define GIVES(result, call) (errno = 1234, CHECK((call) == (result)), CHECK(errno == 1234))
#define OK(call) GIVES(NT_OK, call)

__attribute__((format(printf, 1, 2), unused)) static void expect(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("= ", stdout);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

#endif
