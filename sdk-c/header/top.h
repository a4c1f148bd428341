/**
 * @file nulltrace.h
 * nulltrace for C and C++: spans by one short write to /dev/null.
 *
 * @code
 * #include <nulltrace.h>
 *
 * int checkout(int64_t cart)
 * {
 *     NT_SPAN("checkout");                            // ends when the block is left
 *
 *     const nt_arg args[] = {nt_int("cart", cart)};
 *     nt_enter_args(nt_thread(), "checkout.pay", args, 1);
 *     int status = pay(cart);
 *     nt_exit(nt_thread(), "checkout.pay");
 *     return status;
 * }
 * @endcode
 *
 * cc demo.c $(pkg-config --cflags --libs nulltrace), and nulltrace run -- ./a.out
 *
 * Every function
 * - makes one write at most, on the calling thread, and neither allocates, locks nor blocks; the first
 *   marker of a process opens the device besides;
 * - keeps errno, is no cancellation point, and is async-signal-safe, the first call included. One with
 *   arguments needs up to 10 KiB of stack, others 6 KiB, NT_ENTER, NT_EXIT and NT_SPAN next to nothing:
 *   SIGSTKSZ may be too little for a handler with arguments;
 * - may be called by any thread, after fork, before exec (the descriptor is closed by it), and by a
 *   library that is unloaded with dlclose;
 * - accepts NULL for any address, and reads no memory it was given after it returns, the path and the
 *   parent of an nt_span excepted;
 * - does nothing, nearly for free, with NULLTRACE=off (or 0, false, no) in the environment of the first call, or after
 *   nt_set_enabled(false).
 *
 * Parents. A span of nt_thread(), as those of NT_SPAN(), is a child of the innermost one that its thread has open; no
 * parent is named, and none need be while a thread does one thing after the other. Where jobs interleave on a
 * thread, as coroutines and callbacks do, or a job goes from thread to thread, give its spans numbers and
 * name their parents: nt_span_begin_in() and nt_enter_in(). nt_context() is a place of the thread where the
 * current span is kept for callers that ask; no function or macro here reads it by itself.
 *
 * The descriptor of the device has a high number, from 992 on or below the limit on descriptors; one that
 * was closed, by closefrom(3) or so, is opened again. Only a program that closes it and, before the next
 * marker, opens so many files that one gets the very number would find a marker in it.
 *
 * With NULLTRACE_OFF defined before it is included, this header makes no calls and needs no library.
 */
