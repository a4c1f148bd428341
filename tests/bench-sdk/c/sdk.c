/* The C SDK as a program uses it: NT_SPAN, and a span with an argument. */
#include <nulltrace.h>

#include "worker.h"

static void spans(long n)
{
	for (; n > 0; n--) {
		NT_SPAN("checkout.cart.tax.amount");
	}
}

static void spans_arg(long n)
{
	for (; n > 0; n--) {
		const nt_arg args[] = {nt_int("cart", n)};
		nt_enter_args(nt_thread(), "checkout.cart.tax", args, 1);
		nt_exit(nt_thread(), "checkout.cart.tax");
	}
}

int main(void)
{
	static const struct row rows[] = {
		{"span", spans},
		{"arg", spans_arg},
		{0},
	};
	return serve(rows);
}
