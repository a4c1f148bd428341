/* The spans of tests/tests/languages.rs, in C. */
#include <nulltrace.h>
#include <pthread.h>
#include <string.h>

static void *work(void *unused)
{
	NT_SPAN("worker");
	NT_SPAN("worker.inner");
	return unused;
}

int main(void)
{
	const nt_arg run[] = {nt_int("run", 1)};
	const nt_arg ok[] = {nt_str("status", "ok")};
	nt_enter_args(nt_thread(), "tree", run, 1);

	for (int n = 0; n < 3; n++) {
		nt_span step, leaf;
		const nt_arg enter[] = {nt_int("n", n)};
		const nt_arg leave[] = {nt_int("rows", n * 10)};
		nt_span_begin(&step, nt_thread(), "tree.step", enter, 1);
		if (n == 1) {
			nt_span_child(&leaf, &step, "leaf", NULL, 0);
			nt_span_end(&leaf, NULL, 0);
		}
		nt_span_end(&step, leave, 1);
	}

	const nt_text reserved[] = {{".:=,\\<>", NT_Z}, {"a b \xc3\xbc", NT_Z}};
	const nt_arg values[] = {nt_str(":=,\\", ":=,\\<>[]{}'\""),
				 nt_str("text", "fr\xc3\xbch \xe6\x97\xa5\xe6\x9c\xac")};
	nt_mark(NT_DIR_ENTER, nt_thread(), reserved, 2, values, 2);
	nt_mark(NT_DIR_EXIT, nt_thread(), reserved, 2, NULL, 0);

	const nt_text control[] = {{"line\nbreak", NT_Z}, {"\t\"\\\x01\x1f\x7f", NT_Z}};
	const nt_arg more[] = {nt_str("n\n", "v\r\v"), nt_str("empty", "")};
	const nt_arg status[] = {nt_str("status", "a:b,c=d")};
	nt_mark(NT_DIR_ENTER, nt_thread(), control, 2, more, 2);
	nt_mark(NT_DIR_EXIT, nt_thread(), control, 2, status, 1);

	nt_exit_args(nt_thread(), "tree", ok, 1);

	if (strcmp(nt_version(), NT_VERSION) != 0)
		return 1;
	pthread_t thread;
	return pthread_create(&thread, NULL, work, NULL) || pthread_join(thread, NULL);
}
