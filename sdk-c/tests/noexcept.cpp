// Compiled with -fno-exceptions, with and without -fno-rtti.
#include <nulltrace.hpp>

#include "check.h"

int main()
{
	std::setvbuf(stdout, nullptr, _IOFBF, 1 << 16);
	CHECK(nulltrace::trace("trace", [] { return 7; }, {{"n", 1}}) == 7);
	nulltrace::trace("trace", [] { NULLTRACE_SPAN("literal"); NULLTRACE_SPAN("again"); });
	{
		nulltrace::Span span("span");
		span.record("rows", 3);
	}
	expect(">:t:trace:n=1:");
	expect("<:t:trace::");
	expect(">:t:trace::");
	expect(">:t:literal::");
	expect(">:t:again::");
	expect("<:t:again::");
	expect("<:t:literal::");
	expect("<:t:trace::");
	expect(">:t:span::");
	expect("<:t:span:rows=3:");
	return 0;
}
