/*
 * Threads that are idle between two spans:
 *   idle many PROCESSES THREADS	each thread of each process writes a span and, when it is told to, another
 *   idle connects	a process binds a socket in a span, connects it outside of any, and writes to it in another span
 * It is told to go on by a byte, answers with one when it is idle, and goes on with the next byte. Meanwhile its
 * first thread has a span open.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "known.h"

#define SIZE 10

static struct shared {
	pthread_barrier_t idle, go_on;
} *shared;
static int file_fd;

static void await_byte(void)
{
	char byte;

	must(read(0, &byte, 1) == 1);
}

static void answer(void)
{
	must(write(1, ".", 1) == 1);
}

static void work(const char *span, int reads)
{
	char block[SIZE];

	markf('>', "t", span);
	while (reads--)
		must(pread(file_fd, block, SIZE, 0) == SIZE);
	markf('<', "t", span);
}

static void *two_spans(void *arg)
{
	work("idle.first", 1);
	pthread_barrier_wait(&shared->idle);
	pthread_barrier_wait(&shared->go_on);
	work("idle.second", 3);
	return arg;
}

static void process(int threads)
{
	pthread_t *others = calloc(threads, sizeof(*others));
	pthread_attr_t small;

	must(others);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 1 << 16);
	for (int i = 1; i < threads; i++)
		must(pthread_create(&others[i], &small, two_spans, NULL) == 0);
	two_spans(NULL);
	for (int i = 1; i < threads; i++)
		pthread_join(others[i], NULL);
	free(others);
}

static void barrier(pthread_barrier_t *of, int threads)
{
	pthread_barrierattr_t between_processes;

	pthread_barrierattr_init(&between_processes);
	pthread_barrierattr_setpshared(&between_processes, PTHREAD_PROCESS_SHARED);
	must(pthread_barrier_init(of, &between_processes, threads) == 0);
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void bind_and_connect(void)
{
	struct sockaddr_in own = loopback(0), to = loopback(9);
	socklen_t len = sizeof(own);
	int fd;

	markf('>', "t", "idle.binds");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&own, len) == 0 &&
	     getsockname(fd, (struct sockaddr *)&own, &len) == 0);
	markf('<', "t", "idle.binds");
	pthread_barrier_wait(&shared->idle);
	pthread_barrier_wait(&shared->go_on);
	must(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	markf('>', "t", "idle.writes");
	must(write(fd, "0123456", 7) == 7);
	markf('<', "t", "idle.writes");
	printf("127.0.0.1:%d\n", ntohs(own.sin_port));
	fflush(stdout);
}

static void open_file(void)
{
	char block[SIZE] = { 0 };

	must((file_fd = memfd_create("idle", MFD_CLOEXEC)) >= 0 &&
	     pwrite(file_fd, block, SIZE, 0) == SIZE);
}

/* Processes of so many threads each; with none, one that connects. */
static void run(int processes, int threads)
{
	int idle = threads ? processes * threads : processes;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED);
	barrier(&shared->idle, idle + 1);
	barrier(&shared->go_on, idle + 1);
	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();

		must(pid >= 0);
		if (pid == 0) {
			if (threads)
				process(threads);
			else
				bind_and_connect();
			_exit(0);
		}
	}
	pthread_barrier_wait(&shared->idle);
	answer();
	await_byte();
	pthread_barrier_wait(&shared->go_on);
	for (int i = 0; i < processes; i++) {
		int status;

		must(wait(&status) > 0 && status == 0);
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	known_begin();
	open_file();
	await_byte();
	mark(">:t:idle.open::");
	if (!strcmp(mode, "many") && argc == 4)
		run(atoi(argv[2]), atoi(argv[3]));
	else if (!strcmp(mode, "connects"))
		run(1, 0);
	else
		return 2;
	mark("<:t:idle.open::");
	return 0;
}
