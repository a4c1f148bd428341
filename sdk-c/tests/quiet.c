/* Says nothing when switched off: by the environment, or compiled with NULLTRACE_OFF and no library. */
#include "check.h"

int main(void)
{
	CHECK(!nt_on());
	CHECK(nt_device() < 0 && nt_exit_device() < 0);
	NT_SPAN("a");
	NT_ENTER("b");
	NT_EXIT_WITH("b", "c=d");
	OK(nt_enter(nt_unique(), "b"));
	OK(nt_exit(nt_thread(), "b"));
	const nt_arg arg = nt_int("n", 1);
	OK(nt_enter_args(nt_global(), "b", &arg, 1));
	OK(nt_exit_args(nt_parent(), "b", &arg, 1));
	OK(nt_enter_in(nt_unique(), nt_context(), "b", &arg, 1));
	NT_CONTEXT(nt_unique());
	nt_span in;
	OK(nt_span_begin_in(&in, nt_context_set(nt_empty()), "b", NULL, 0));
	OK(nt_span_end(&in, NULL, 0));
	const nt_text tag = {"b", NT_Z};
	OK(nt_mark(NT_DIR_ENTER, nt_process(), &tag, 1, &arg, 1));
	NT_SCOPED(span);
	nt_span child;
	OK(nt_span_begin(&span, nt_empty(), "b", &arg, 1));
	OK(nt_span_child(&child, &span, "c", NULL, 0));
	OK(nt_span_record(&child, nt_int("n", 1)));
	OK(nt_span_end(&child, NULL, 0));
	nt_write(">:t:b::", 7);
	CHECK(nt_name(0) != NULL && nt_version() != NULL);
	return 0;
}
