/* together N: N processes, eight at a time, whose two threads end in the same moment, each within a span. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "known.h"

static int ready;

static void end_together(void)
{
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < 2)
		sched_yield();
	/* exit(2) of a thread: what a process does at its end would let one be the last. */
	syscall(SYS_exit, 0);
}

static void *second(void *unused)
{
	markf('>', "t", "together.thread"); /* on the stack, which is mapped in */
	end_together();
	return unused;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1, running = 0;
	pthread_t thread;

	known_begin();
	for (long i = 0; i < n; i++) {
		pid_t child = fork();

		must(child >= 0);
		if (child == 0) {
			markf('>', "p", "together.process");
			must(pthread_create(&thread, NULL, second, NULL) == 0);
			end_together();
		}
		if (++running == 8) {
			must(wait(NULL) > 0);
			running--;
		}
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
