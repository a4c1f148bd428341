/* Two LTTng-UST events with the span's name as their field. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER nulltrace_bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./bench_tp.h"

#if !defined(BENCH_TP_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define BENCH_TP_H

#include <lttng/tracepoint.h>

LTTNG_UST_TRACEPOINT_EVENT_CLASS(nulltrace_bench, span,
	LTTNG_UST_TP_ARGS(const char *, tag),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_string(tag, tag)))

LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(nulltrace_bench, span, nulltrace_bench, enter,
	LTTNG_UST_TP_ARGS(const char *, tag))

LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(nulltrace_bench, span, nulltrace_bench, leave,
	LTTNG_UST_TP_ARGS(const char *, tag))

#endif

#include <lttng/tracepoint-event.h>
