/*
 * A pool of threads with a queue. A job's span begins on the thread that queues it and ends on the one that
 * collects it, so it has a unique id; its children, the wait and the work, have the id of the job. What stays
 * on one thread uses NT_SPAN.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <nulltrace.h>

enum { WORKERS = 4, JOBS = 40 };

typedef struct job {
	struct job *next;
	int number;
	unsigned long result;
	nt_span span; /* from queued to collected */
	nt_span wait; /* from queued to taken by a worker */
} job;

/* First in, first out; closed when no more come. */
typedef struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	job *first;
	job **last;
	int closed;
} queue;

static queue todo;
static queue done;

static void queue_open(queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, NULL);
	q->first = NULL;
	q->last = &q->first;
	q->closed = 0;
}

static void queue_put(queue *q, job *j)
{
	j->next = NULL;
	pthread_mutex_lock(&q->lock);
	*q->last = j;
	q->last = &j->next;
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

static void queue_close(queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = 1;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

/* The next job, or NULL when the queue is closed and empty. */
static job *queue_take(queue *q)
{
	pthread_mutex_lock(&q->lock);
	while (q->first == NULL && !q->closed)
		pthread_cond_wait(&q->filled, &q->lock);
	job *j = q->first;
	if (j != NULL) {
		q->first = j->next;
		if (q->first == NULL)
			q->last = &q->first;
	}
	pthread_mutex_unlock(&q->lock);
	return j;
}

static unsigned long fibonacci(int n)
{
	return n < 2 ? (unsigned long)n : fibonacci(n - 1) + fibonacci(n - 2);
}

static void *worker(void *unused)
{
	(void)unused;
	NT_SPAN("worker");
	for (job *j; (j = queue_take(&todo)) != NULL;) {
		nt_span_end(&j->wait, NULL, 0);

		/* Its parent is the job, though another thread began that. */
		const nt_arg number = nt_int("number", j->number);
		NT_SCOPED(work);
		nt_span_child(&work, &j->span, "work", &number, 1);
		j->result = fibonacci(10 + j->number % 10);
		if (j->number % 5 == 0) {
			NT_SCOPED(check);
			nt_span_child(&check, &work, "check", NULL, 0);
			if (fibonacci(10 + j->number % 10) != j->result)
				abort();
		}
		const nt_arg result = nt_uint("result", j->result);
		nt_span_end(&work, &result, 1);
		queue_put(&done, j);
	}
	return NULL;
}

static void *collector(void *sum)
{
	for (job *j; (j = queue_take(&done)) != NULL;) {
		NT_SPAN("collect");
		*(unsigned long *)sum += j->result;
		nt_span_end(&j->span, NULL, 0);
		free(j);
	}
	return NULL;
}

int main(void)
{
	NT_SPAN("pool");
	pthread_t workers[WORKERS];
	pthread_t collecting;
	unsigned long sum = 0;

	queue_open(&todo);
	queue_open(&done);
	for (int i = 0; i < WORKERS; i++)
		if (pthread_create(&workers[i], NULL, worker, NULL) != 0)
			abort();
	if (pthread_create(&collecting, NULL, collector, &sum) != 0)
		abort();

	for (int number = 0; number < JOBS; number++) {
		job *j = malloc(sizeof *j);
		if (j == NULL)
			abort();
		j->number = number;
		nt_span_begin(&j->span, nt_unique(), "job", NULL, 0);
		nt_span_child(&j->wait, &j->span, "wait", NULL, 0);
		queue_put(&todo, j);
	}
	queue_close(&todo);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
	queue_close(&done);
	pthread_join(collecting, NULL);
	printf("%d jobs, sum %lu\n", JOBS, sum);
	return 0;
}
