/*
 * Other ways to leave a span: longjmp() has no exit, the end of a thread has one where the compiler unwinds C
 * (-fexceptions, and always in C++). An argument says that it does.
 */
#include <pthread.h>
#include <setjmp.h>

#include "check.h"

static jmp_buf back;
static int unwinds;

static void jumps(void)
{
	NT_SPAN("jumped");
	longjmp(back, 1);
}

static void *exits(void *unused)
{
	NT_SPAN("thread.exit");
	pthread_exit(unused);
}

static void *waits(void *unused)
{
	NT_SPAN("thread.cancel");
	for (;;)
		pthread_testcancel();
	return unused;
}

/* Known to any way that the thread ends. */
static void tidy(void *span)
{
	nt_span_end((nt_span *)span, NULL, 0);
}

static void *cleans(void *unused)
{
	nt_span span;
	nt_span_begin(&span, nt_thread(), "thread.clean", NULL, 0);
	pthread_cleanup_push(tidy, &span);
	for (;;)
		pthread_testcancel();
	pthread_cleanup_pop(1);
	return unused;
}

static void run(void *(*function)(void *), int cancel)
{
	pthread_t thread;
	CHECK(pthread_create(&thread, NULL, function, NULL) == 0);
	if (cancel)
		CHECK(pthread_cancel(thread) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
}

/* The writes themselves are no place where a thread is cancelled. */
static void *writes(void *unused)
{
	int old;
	CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0);
	CHECK(pthread_cancel(pthread_self()) == 0);
	CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old) == 0);
	{
		NT_SPAN("no.point");
		nt_enter(nt_thread(), "no.point");
		nt_exit(nt_thread(), "no.point");
	}
	return unused;
}

int main(int argc, char **argv)
{
	(void)argv;
	unwinds = argc > 1;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);

	NT_ENTER("outer");
	if (setjmp(back) == 0)
		jumps();
	NT_EXIT("outer");
	expect(">:t:outer::");
	expect(">:t:jumped::");
	expect("<:t:outer::");

	run(exits, 0);
	expect(">:t:thread.exit::");
	if (unwinds)
		expect("<:t:thread.exit::");

	run(waits, 1);
	expect(">:t:thread.cancel::");
	if (unwinds)
		expect("<:t:thread.cancel::");

	run(cleans, 1);
	expect(">:t:thread.clean::");
	expect("<:t:thread.clean::");

	run(writes, 0);
	expect(">:t:no.point::");
	expect(">:t:no.point::");
	expect("<:t:no.point::");
	expect("<:t:no.point::");
	return 0;
}
