/* On and off while it runs. An argument says that the environment has NULLTRACE=off. */
#include <unistd.h>

#include "check.h"

static nt_span begun_while_off;

static void off(void)
{
	NT_SPAN("kept");
	nt_span job;
	OK(nt_span_begin(&job, nt_number(5), "job", NULL, 0));
	OK(nt_enter(nt_thread(), "free"));
	NT_ENTER("literal");
	expect(">:t:kept::");
	expect(">:5:job::");
	expect(">:t:free::");
	expect(">:t:literal::");

	errno = 1234;
	nt_set_enabled(false);
	CHECK(errno == 1234 && !nt_on() && nt_device() < 0 && nt_exit_device() > 63);
	{
		NT_SPAN("quiet");
		NT_ENTER("quiet");
		NT_ENTER_WITH("quiet", "a=b");
		OK(nt_enter(nt_thread(), "quiet"));
		nt_write(">:t:quiet::", 11);
		nt_write("[ \">\",\"t\",[\"<\"]]", 16);
		OK(nt_span_begin(&begun_while_off, nt_thread(), "quiet", NULL, 0));
		nt_span child;
		OK(nt_span_child(&child, &job, "quiet", NULL, 0));
		OK(nt_span_end(&child, NULL, 0));
		NT_SCOPED(in);
		OK(nt_span_begin_in(&in, nt_empty(), "quiet", NULL, 0));
	}
	/* Ends what is open. */
	NT_EXIT("literal");
	OK(nt_exit(nt_thread(), "free"));
	OK(nt_span_end(&job, NULL, 0));
	nt_write("[ \"<\",\"t\",[\">\"]]", 16);
	expect("<:t:literal::");
	expect("<:t:free::");
	expect("<:5:job::");
	expect("[ \"<\",\"t\",[\">\"]]");
	/* The end of "kept" finds its descriptor closed. */
	close(nt_exit_device());
	expect("<:t:kept::");
}

int main(int argc, char **argv)
{
	(void)argv;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (argc > 1) {
		NT_SPAN("quiet");
		NT_EXIT("quiet");
		OK(nt_exit(nt_thread(), "quiet"));
		CHECK(!nt_on() && nt_device() < 0 && nt_exit_device() < 0);
		nt_set_enabled(true);
		CHECK(nt_on());
	}
	off();
	CHECK(!nt_on());
	nt_set_enabled(false);
	nt_set_enabled(true);
	CHECK(nt_on() && nt_device() == nt_exit_device());
	OK(nt_span_end(&begun_while_off, NULL, 0));
	{
		NT_SPAN("again");
	}
	expect(">:t:again::");
	expect("<:t:again::");
	return 0;
}
