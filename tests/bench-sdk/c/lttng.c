/* LTTng-UST: an event at enter and one at exit. run.sh's session makes them active. */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "bench_tp.h"

#include "worker.h"

static void events(long n)
{
	/* Else a failed session would look like a very cheap tracer. */
	if (!lttng_ust_tracepoint_enabled(nulltrace_bench, enter)) {
		printf("! no LTTng session has enabled the events\n");
		exit(1);
	}
	for (; n > 0; n--) {
		lttng_ust_tracepoint(nulltrace_bench, enter, "checkout.cart.tax.amount");
		lttng_ust_tracepoint(nulltrace_bench, leave, "checkout.cart.tax.amount");
	}
}

int main(void)
{
	static const struct row rows[] = {
		{"lttng", events},
		{0},
	};
	return serve(rows);
}
