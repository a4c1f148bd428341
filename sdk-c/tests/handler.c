/*
 * Markers from signal handlers: the first of the process, between any two instructions of other markers, and on
 * small stacks of their own.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t handled;

static void on_first(int signal)
{
	(void)signal;
	NT_ENTER("first");
}

static void on_timer(int signal)
{
	(void)signal;
	const int before = errno;
	NT_SPAN("timer");
	const nt_arg args[] = {nt_int("n", -7), nt_str("control", "\n")};
	if (nt_unique().number == nt_unique().number)
		abort();
	if (nt_enter_args(nt_number(7), "timer.args", args, 1) != NT_OK)
		abort();
	if (nt_exit_args(nt_thread(), "timer.args", args, 2) != NT_OK)
		abort();
	/* The context of whoever was interrupted is left as it was. */
	const nt_id current = nt_context();
	{
		NT_CONTEXT(nt_unique());
		if (nt_context().number == current.number)
			abort();
	}
	if (nt_context().number != current.number || errno != before)
		abort();
	handled++;
}

int main(int argc, char **argv)
{
	/* Under valgrind a handler's frame is larger than the stack that is tested here. */
	const bool small = argc < 2 || strcmp(argv[1], "any-stack") != 0;
	if (small) {
		/* What the kernel puts there, what the header promises, and the handler's own; then a wall. */
		const size_t page = (size_t)sysconf(_SC_PAGESIZE);
		const size_t size = (size_t)sysconf(_SC_MINSIGSTKSZ) + (10 << 10) + 512;
		char *wall = mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(wall != MAP_FAILED && mprotect(wall, page, PROT_NONE) == 0);
		const stack_t own = {.ss_sp = wall + page, .ss_size = size};
		CHECK(sigaltstack(&own, NULL) == 0);
	}

	struct sigaction action;
	memset(&action, 0, sizeof action);
	action.sa_flags = small ? SA_ONSTACK : 0;
	action.sa_handler = on_first;
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	CHECK(raise(SIGUSR1) == 0);
	expect(">:t:first::");

	action.sa_handler = on_timer;
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	const struct itimerval often = {{0, 2000}, {0, 2000}};
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	int mine = 0;
	while (handled < 50) {
		const nt_id mine_too = nt_unique();
		nt_context_set(mine_too);
		CHECK(nt_context().number == mine_too.number);
		const nt_arg arg = nt_str("busy", "a.b:c");
		OK(nt_enter_args(nt_thread(), "main", &arg, 1));
		mine++;
	}
	const struct itimerval never = {{0, 0}, {0, 0}};
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);

	for (int i = 0; i < handled; i++) {
		expect(">:t:timer::");
		expect(">:7:timer.args:n=-7:");
		expect("[\"<\",\"t\",[\"timer\",\"args\"],[{\"n\":\"-7\"},{\"control\":\"\\n\"}]]");
		expect("<:t:timer::");
	}
	for (int i = 0; i < mine; i++)
		expect(">:t:main:busy=a.b\\:c:");
	return 0;
}
