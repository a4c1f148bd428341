/* Spans that name their parents: jobs that interleave on a thread, and that move to another. */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { JOBS = 3, STEPS = 2 };

static bool is(nt_id id, nt_id other)
{
	return id.kind == other.kind && id.number == other.number;
}

static void expect_enter(nt_id id, nt_id parent, const char *rest)
{
	if (parent.kind == NT_ID_EMPTY)
		expect(">:%" PRId64 ":%s", id.number, rest);
	else
		expect(">:%" PRId64 ":%.4s:^=%" PRId64 "%s", id.number, rest, parent.number, rest + 4);
}

static void *elsewhere(void *arg)
{
	const nt_span *job = arg;
	CHECK(is(nt_context(), nt_empty()));
	NT_CONTEXT(job->id);
	nt_span part;
	OK(nt_span_begin_in(&part, nt_context(), "part", NULL, 0));
	OK(nt_span_end(&part, NULL, 0));
	expect_enter(part.id, job->id, "part:");
	expect("<:%" PRId64 ":part::", part.id.number);
	return NULL;
}

/* As an event loop does: a step of each in turn. */
static void interleaved(void)
{
	nt_span jobs[JOBS];
	for (int i = 0; i < JOBS; i++) {
		const nt_arg number = nt_int("n", i);
		OK(nt_span_begin_in(&jobs[i], nt_empty(), "jobs", &number, 1));
		CHECK(jobs[i].id.number > INT64_C(1) << 32 && jobs[i].id.number < INT64_C(1) << 48);
		expect(">:%" PRId64 ":jobs:^=,n=%d:", jobs[i].id.number, i);
	}
	for (int step = 0; step < STEPS; step++) {
		for (int i = 0; i < JOBS; i++) {
			NT_CONTEXT(jobs[i].id);
			const nt_arg number = nt_int("n", i);
			NT_SCOPED(span);
			OK(nt_span_begin_in(&span, nt_context(), "step", &number, 1));
			char rest[32];
			snprintf(rest, sizeof rest, "step,n=%d:", i);
			expect_enter(span.id, jobs[i].id, rest);
			const nt_id before = nt_context_set(span.id);
			CHECK(is(before, jobs[i].id) && is(nt_context(), span.id));
			const nt_id call = nt_unique();
			OK(nt_enter_in(call, nt_context(), "call", NULL, 0));
			OK(nt_exit(call, "call"));
			expect_enter(call, span.id, "call:");
			expect("<:%" PRId64 ":call::", call.number);
			nt_context_set(before);
			/* Not asked by itself. */
			NT_ENTER("literal");
			expect(">:t:literal::");
			expect("<:%" PRId64 ":step::", span.id.number);
		}
		CHECK(is(nt_context(), nt_empty()));
	}
	pthread_t thread;
	CHECK(pthread_create(&thread, NULL, elsewhere, &jobs[0]) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(is(nt_context(), nt_empty()));
	for (int i = 0; i < JOBS; i++) {
		OK(nt_span_end(&jobs[i], NULL, 0));
		expect("<:%" PRId64 ":jobs::", jobs[i].id.number);
	}
}

static void refused(void)
{
	nt_span span;
	const nt_id none[] = {nt_thread(), nt_process(), nt_global(), nt_number(7), nt_number(INT64_C(1) << 48)};
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		GIVES(NT_E_ID, nt_enter_in(nt_unique(), none[i], "none", NULL, 0));
		GIVES(NT_E_ID, nt_span_begin_in(&span, none[i], "none", NULL, 0));
		OK(nt_span_end(&span, NULL, 0));
		nt_context_set(none[i]);
		CHECK(is(nt_context(), nt_empty()));
	}
	GIVES(NT_E_TAG_EMPTY, nt_span_begin_in(&span, nt_empty(), "", NULL, 0));
	GIVES(NT_E_TAG_EMPTY, nt_span_begin_in(NULL, nt_empty(), "a", NULL, 0));

	/* A parent that a user writes: in front of an enter, in no form. */
	const nt_arg args[] = {nt_int("^", 1), nt_str("^", "\n"), nt_int("n", 1)};
	const nt_text tag = {"tag", NT_Z};
	GIVES(NT_E_ARG_NAME, nt_enter_args(nt_thread(), "a", args, 3));
	GIVES(NT_E_ARG_NAME, nt_enter_args(nt_thread(), "a", args + 1, 1));
	GIVES(NT_E_ARG_NAME, nt_enter_in(nt_thread(), nt_empty(), "a", args, 1));
	GIVES(NT_E_ARG_NAME, nt_mark(NT_DIR_ENTER, nt_thread(), &tag, 1, args, 1));
	GIVES(NT_E_ARG_NAME, nt_span_begin(&span, nt_thread(), "a", args, 1));
	const nt_arg behind[] = {args[2], args[0]};
	OK(nt_enter_args(nt_thread(), "a", behind, 2));
	OK(nt_exit_args(nt_thread(), "a", args, 1));
	expect(">:t:a:n=1,^=1:");
	expect("<:t:a:^=1:");

	/* It counts as one of 64. */
	nt_arg many[64];
	char text[64 * 4 + 1] = "";
	for (int i = 0; i < 64; i++) {
		many[i] = nt_int("n", 1);
		if (i < 63)
			strcat(text, ",n=1");
	}
	GIVES(NT_E_ARG_COUNT, nt_enter_in(nt_number(7), nt_empty(), "a", many, 64));
	OK(nt_enter_in(nt_number(7), nt_empty(), "a", many, 63));
	expect(">:7:a:^=%s:", text);

	/* In JSON too. */
	const nt_arg line = nt_str("line", "\n");
	OK(nt_enter_in(nt_number(7), nt_empty(), "a", &line, 1));
	expect("[\">\",7,[\"a\"],[{\"^\":\"\"},{\"line\":\"\\n\"}]]");
}

/* A child works on behalf of its parent. */
static void forked(void)
{
	const nt_id job = nt_unique();
	nt_context_set(job);
	fflush(stdout);
	const pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0)
		_exit(is(nt_context(), job) && !is(nt_unique(), job) ? 0 : 1);
	int status;
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK(is(nt_context_set(nt_empty()), job));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	interleaved();
	refused();
	forked();
	return 0;
}
