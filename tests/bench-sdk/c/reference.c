/* The reference: what a span of two markers costs a C program that does nothing but write them. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker.h"

static const char enter[] = ">:t:checkout.cart.tax.amount::";
static const char leave[] = "<:t:checkout.cart.tax.amount::";
enum { LENGTH = 30 };
_Static_assert(sizeof enter - 1 == LENGTH && sizeof leave - 1 == LENGTH, "30 bytes");

static int null;

static void libc_writes(long n)
{
	for (; n > 0; n--) {
		if (write(null, enter, LENGTH) < 0 || write(null, leave, LENGTH) < 0)
			abort();
	}
}

#if defined(__x86_64__)
/* glibc's syscall() would move seven registers about: this is the floor. */
static long bare_write(const char *bytes)
{
	long result = SYS_write;
	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"((long)null), "S"(bytes), "d"((long)LENGTH)
			 : "rcx", "r11", "memory");
	return result;
}
#else
static long bare_write(const char *bytes)
{
	return syscall(SYS_write, null, bytes, LENGTH);
}
#endif

static void bare_writes(long n)
{
	for (; n > 0; n--) {
		if (bare_write(enter) < 0 || bare_write(leave) < 0)
			abort();
	}
}

/* The same in a function, which is as cheap as the processor foretells where it returns to. Kernels that
 * guard against return stack overflow make it forget that in every system call. */
static __attribute__((noinline)) void called_write(const char *bytes)
{
	if (bare_write(bytes) < 0)
		abort();
}

static void called_writes(long n)
{
	for (; n > 0; n--) {
		called_write(enter);
		called_write(leave);
	}
}

int main(void)
{
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		abort();
	static const struct row rows[] = {
		{"libc", libc_writes},
		{"bare", bare_writes},
		{"called", called_writes},
		{0},
	};
	return serve(rows);
}
