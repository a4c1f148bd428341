// As quiet.c.
#include <nulltrace.hpp>

#include "check.h"

int main()
{
	CHECK(!nulltrace::on());
	NULLTRACE_SPAN("a");
	nulltrace::Span span(nulltrace::unique(), "b", {{"c", 1}});
	auto child = span.child("d");
	child.record("e", "f");
	return span.end();
}
