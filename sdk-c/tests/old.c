/* What C90 with GNU's extensions (gnu89), C++98 and all later standards compile; two spans in one line, too. */
#include "check.h"

#define BOTH NT_SPAN("outer"); NT_SPAN("outer.inner")

static void both(void)
{
	BOTH;
}

static void contexts(void)
{
	const nt_id one = nt_unique();
	const nt_id other = nt_unique();
	NT_CONTEXT(one); NT_CONTEXT(other);

	CHECK(nt_context().number == other.number);
}

int main(void)
{
	nt_arg args[2];
	nt_span span;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	both();
	expect(">:t:outer::");
	expect(">:t:outer.inner::");
	expect("<:t:outer.inner::");
	expect("<:t:outer::");

	contexts();
	CHECK(nt_context().kind == NT_ID_EMPTY);

	args[0] = nt_int("cart", 7);
	args[1] = nt_bool("paid", 1);
	OK(nt_span_begin(&span, nt_thread(), "pay", args, 2));
	OK(nt_span_end(&span, NULL, 0));
	expect(">:t:pay:cart=7,paid=true:");
	expect("<:t:pay::");
	return 0;
}
