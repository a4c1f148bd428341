/* Literals that must not compile, one for each REJECT; without it the file compiles. */
#ifdef __cplusplus
#include <nulltrace.hpp>
#else
#include <nulltrace.h>
#endif

#define LONG_8 "01234567"
#define LONG_64 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8 LONG_8
#define LONG_512 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64
#define LONG_4096 LONG_512 LONG_512 LONG_512 LONG_512 LONG_512 LONG_512 LONG_512 LONG_512

void literal(const char *variable);
void literal(const char *variable)
{
	(void)variable;
	NT_ENTER("fine");
#if REJECT == 1
	NT_ENTER("");
#elif REJECT == 2
	NT_EXIT(variable);
#elif REJECT == 3
	NT_SPAN("");
#elif REJECT == 4
	NT_ENTER_WITH("a", variable);
#elif REJECT == 5
	NT_EXIT(LONG_4096);
#elif REJECT == 6
	NULLTRACE_SPAN("a:b");
#elif REJECT == 7
	nulltrace::Span span("a");
	auto copy = span;
#endif
}
