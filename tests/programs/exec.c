/*
 * A thread that is not the leader calls exec: exec MS. The threads open spans; the program that runs then,
 * which is this one with the word `after`, ends some of them. It sleeps for MS before and after.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "known.h"

static pthread_barrier_t step;
static const char *self, *pause_ms;

static void *third(void *unused)
{
	markf('>', "t", "exec.third");
	markf('>', "5000000001", "exec.third_numbered");
	pthread_barrier_wait(&step);
	pause();
	return unused;
}

static void *caller(void *unused)
{
	pthread_barrier_wait(&step);
	markf('>', "t", "exec.left");
	markf('>', "5000000002", "exec.numbered");
	markf('>', "t", "exec.caller");
	nap(atol(pause_ms));
	execl(self, self, "after", pause_ms, (char *)NULL);
	must(0);
	return unused;
}

static void after(void)
{
	char child[] = ">:t:exec.child:^=5000000002:"; /* on the stack, which is mapped in */

	nap(atol(pause_ms));
	markf('<', "t", "exec.caller");
	mark(child);
	markf('<', "t", "exec.child");
	markf('<', "5000000002", "exec.numbered");
	markf('<', "5000000001", "exec.third_numbered");
	markf('<', "p", "exec.process");
	markf('>', "t", "exec.leader");
	markf('<', "t", "exec.leader");
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	must(argc > 1);
	known_begin();
	self = argv[0];
	pause_ms = argv[argc - 1];
	if (argc > 2) {
		after();
		return 0;
	}
	markf('>', "p", "exec.process");
	markf('>', "t", "exec.leader");
	pthread_barrier_init(&step, NULL, 2);
	must(pthread_create(&threads[0], NULL, third, NULL) == 0);
	must(pthread_create(&threads[1], NULL, caller, NULL) == 0);
	for (;;)
		pause();
}
