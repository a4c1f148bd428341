/* Threads that start at once, and spans that end on another thread than they began on. */
#include <inttypes.h>
#include <pthread.h>

#include "check.h"

enum { THREADS = 8, SPANS = 25 };

static nt_span spans[THREADS][SPANS];
static pthread_barrier_t barrier;

static void *work(void *arg)
{
	const int mine = *(int *)arg;
	const int other = (mine + 1) % THREADS;
	pthread_barrier_wait(&barrier);
	/* All open the device here, and one does. */
	NT_ENTER("start");
	for (int i = 0; i < SPANS; i++) {
		const nt_arg thread = nt_int("thread", mine);
		OK(nt_span_begin(&spans[mine][i], nt_unique(), "moved", &thread, 1));
	}
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < SPANS; i++)
		OK(nt_span_end(&spans[other][i], NULL, 0));
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a;
	const int64_t y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

int main(void)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];
	static int64_t ids[THREADS * SPANS];

	setvbuf(stdout, NULL, _IOFBF, 1 << 18);
	CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		CHECK(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	for (int i = 0; i < THREADS; i++) {
		expect(">:t:start::");
		for (int j = 0; j < SPANS; j++) {
			const int64_t id = ids[i * SPANS + j] = spans[i][j].id.number;
			expect(">:%" PRId64 ":moved:thread=%d:", id, i);
			expect("<:%" PRId64 ":moved::", id);
		}
	}
	qsort(ids, THREADS * SPANS, sizeof ids[0], compare);
	for (int i = 1; i < THREADS * SPANS; i++)
		CHECK(ids[i] != ids[i - 1]);
	return 0;
}
