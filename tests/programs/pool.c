/*
 * pool FILE: 50 spans `job`, each of which waits while another thread, which
 * writes no markers, reads 3 x 1000 bytes of FILE.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOBS = 50, READS = 3, BYTES = 1000 };

static int ask[2], answer[2], file;

static void check(int ok)
{
	if (!ok)
		_exit(1);
}

static void *work(void *unused)
{
	char job, data[BYTES];

	while (read(ask[0], &job, 1) == 1) {
		for (int i = 0; i < READS; i++)
			check(pread(file, data, BYTES, i * BYTES) == BYTES);
		check(write(answer[1], &job, 1) == 1);
	}
	return unused;
}

int main(int argc, char **argv)
{
	int null = open("/dev/null", O_WRONLY);
	char job = 0, data[READS * BYTES] = {0};
	pthread_t worker;

	check(argc == 2);
	file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	check(null >= 0 && file >= 0 && !pipe(ask) && !pipe(answer));
	check(write(file, data, sizeof(data)) == sizeof(data));
	check(!pthread_create(&worker, NULL, work, NULL));
	for (int i = 0; i < JOBS; i++) {
		check(write(null, ">:t:job::", 9) == 9);
		check(write(ask[1], &job, 1) == 1);
		check(read(answer[0], &job, 1) == 1);
		check(write(null, "<:t:job::", 9) == 9);
	}
	close(ask[1]);
	return pthread_join(worker, NULL);
}
