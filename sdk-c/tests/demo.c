/* The header's own example, for the end to end test. */
#include <nulltrace.h>

static int pay(int64_t cart)
{
	return cart > 0 ? 0 : 1;
}

static int checkout(int64_t cart)
{
	NT_SPAN("checkout");

	const nt_arg args[] = {nt_int("cart", cart)};
	nt_enter_args(nt_thread(), "checkout.pay", args, 1);
	int status = pay(cart);
	nt_exit(nt_thread(), "checkout.pay");
	return status;
}

int main(void)
{
	int failed = 0;
	for (int64_t cart = 1; cart <= 3; cart++)
		failed += checkout(cart);

	nt_span job;
	nt_span part;
	nt_span_begin(&job, nt_unique(), "job", NULL, 0);
	nt_span_child(&part, &job, "a.b", NULL, 0);
	nt_span_end(&part, NULL, 0);
	nt_span_end(&job, NULL, 0);
	return failed;
}
