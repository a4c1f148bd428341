/* Two static Rust libraries in one program. */
#include "check.h"

unsigned another(unsigned);

int main(void)
{
	OK(nt_enter(nt_thread(), "one"));
	CHECK(another(3) == 1);
	OK(nt_exit(nt_thread(), "one"));
	expect(">:t:one::");
	expect("<:t:one::");
	return 0;
}
