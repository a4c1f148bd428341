/* Made from the crate nulltrace-c by `make -C sdk-c header`; do not edit. */
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

#ifndef NULLTRACE_H
#define NULLTRACE_H

#if defined(__STRICT_ANSI__) && !defined(__cplusplus) && \
	(!defined(__STDC_VERSION__) || __STDC_VERSION__ < 199901L)
#error "nulltrace.h needs C99, or for C90 -std=gnu89: it has inline functions"
#endif
/* It has bool and 64-bit numbers too, which older standards know as extensions. */
#if defined(__GNUC__) && (defined(__cplusplus) ? __cplusplus < 201103L : !defined(__STDC_VERSION__))
#define NT_OLD_STANDARD_
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The version of this header. */
#define NT_VERSION "0.1.0"

/** As a length: the text ends at its first NUL. */
#define NT_Z SIZE_MAX

/**
 * No id: an exit ends the nearest span of the same tags.
 */
#define NT_ID_EMPTY 0

/**
 * One id for the whole machine.
 */
#define NT_ID_GLOBAL 1

/**
 * The calling thread: for spans that begin and end on one thread.
 */
#define NT_ID_THREAD 2

/**
 * The calling process.
 */
#define NT_ID_PROCESS 3

/**
 * The parent of the calling process.
 */
#define NT_ID_PARENT 4

/**
 * A number: nt_unique() gives one that no other span has.
 */
#define NT_ID_NUMBER 5



/**
 * The value is text.
 */
#define NT_ARG_TEXT 0

/**
 * The value is a signed number; it is written in decimal.
 */
#define NT_ARG_INT 1

/**
 * The value is an unsigned number; it is written in decimal.
 */
#define NT_ARG_UINT 2

/**
 * As a direction: a span begins.
 */
#define NT_DIR_ENTER 0

/**
 * As a direction: a span ends.
 */
#define NT_DIR_EXIT 1

/**
 * What became of a marker. Anything but NT_OK means that nothing was written.
 */
typedef enum nt_result {
	/**
	 * It was written, or markers are off, or a span had ended already.
	 */
	NT_OK = 0,
	/**
	 * The kind of the id, or the direction, is none of those defined; or the id of the parent is none that can
	 * be named.
	 */
	NT_E_ID = 1,
	/**
	 * There is no tag, or an empty one.
	 */
	NT_E_TAG_EMPTY = 2,
	/**
	 * More than 32 tags.
	 */
	NT_E_TAG_DEPTH = 3,
	/**
	 * The name of an argument is empty, or that of the first of an enter is "^", which names the parent.
	 */
	NT_E_ARG_NAME = 4,
	/**
	 * More than 64 arguments.
	 */
	NT_E_ARG_COUNT = 5,
	/**
	 * Refused for a reason that this version has no code for.
	 */
	NT_E_OTHER = 6,
	/**
	 * There is no room left for an argument to be kept.
	 */
	NT_E_LIMIT = 7
} nt_result;

/**
 * Whose span it is. Make one with nt_thread(), nt_number() and their like, or nt_unique().
 */
typedef struct nt_id {
	/**
	 * One of the NT_ID_ constants; any other is refused as NT_E_ID.
	 */
	uint32_t kind;
	/**
	 * The number, where kind is NT_ID_NUMBER.
	 */
	int64_t number;
} nt_id;

/**
 * Bytes with their length, for text that is not NUL-terminated or that holds NULs.
 */
typedef struct nt_text {
	/**
	 * May be NULL, which is empty text.
	 */
	const char *data;
	/**
	 * In bytes; NT_Z if the text ends at its first NUL.
	 */
	size_t len;
} nt_text;

/**
 * An argument. Make one with nt_str(), nt_bytes(), nt_int(), nt_uint(), nt_bool(), or NT_ARG().
 */
typedef struct nt_arg {
	/**
	 * Not empty, nor "^" where it is the first of an enter.
	 */
	struct nt_text name;
	/**
	 * The value, where kind is NT_ARG_TEXT. The memory is read during the call and never after.
	 */
	struct nt_text value;
	/**
	 * The value where kind is NT_ARG_UINT, or, as the bits of an int64_t, NT_ARG_INT.
	 */
	uint64_t number;
	/**
	 * One of the NT_ARG_ constants; any other is taken as NT_ARG_TEXT.
	 */
	uint32_t kind;
} nt_arg;

/**
 * A span that knows how to end, wherever that is: on the stack, or in a job that moves from thread
 * to thread. Its memory is yours; there is nothing to free. The fields are the library's.
 */
typedef struct nt_span {
	/**
	 * The id it began with.
	 */
	struct nt_id id;
	/**
	 * The path it began with: not copied.
	 */
	const char *path;
	/**
	 * The span it is a child of, or NULL.
	 */
	const struct nt_span *parent;
	/**
	 * Not 0 from its begin to its end.
	 */
	uint32_t open;
	/**
	 * What nt_span_record() kept.
	 */
	uint16_t recorded[130];
} nt_span;

#ifdef NULLTRACE_OFF

/* The same interface without a call in it. */

static inline bool nt_on(void)
{
	return false;
}

static inline void nt_set_enabled(bool enabled)
{
	(void)enabled;
}

static inline int nt_device(void)
{
	return -1;
}

static inline int nt_exit_device(void)
{
	return -1;
}

static inline nt_id nt_unique(void)
{
	nt_id id = {NT_ID_NUMBER, 0};
	return id;
}

static inline nt_result nt_enter(nt_id id, const char *path)
{
	(void)id, (void)path;
	return NT_OK;
}

static inline nt_result nt_exit(nt_id id, const char *path)
{
	(void)id, (void)path;
	return NT_OK;
}

static inline nt_result nt_enter_args(nt_id id, const char *path, const nt_arg *args, size_t count)
{
	(void)id, (void)path, (void)args, (void)count;
	return NT_OK;
}

static inline nt_result nt_exit_args(nt_id id, const char *path, const nt_arg *args, size_t count)
{
	(void)id, (void)path, (void)args, (void)count;
	return NT_OK;
}

static inline nt_result nt_enter_in(nt_id id, nt_id parent, const char *path, const nt_arg *args,
				    size_t count)
{
	(void)id, (void)parent, (void)path, (void)args, (void)count;
	return NT_OK;
}

static inline nt_id nt_context(void)
{
	nt_id id = {NT_ID_EMPTY, 0};
	return id;
}

static inline nt_id nt_context_set(nt_id span)
{
	(void)span;
	return nt_context();
}

static inline nt_result nt_mark(int dir, nt_id id, const nt_text *tags, size_t tag_count,
				const nt_arg *args, size_t arg_count)
{
	(void)dir, (void)id, (void)tags, (void)tag_count, (void)args, (void)arg_count;
	return NT_OK;
}

static inline void nt_write(const char *marker, size_t len)
{
	(void)marker, (void)len;
}

static inline const char *nt_name(int result)
{
	(void)result;
	return "OK";
}

static inline const char *nt_version(void)
{
	return NT_VERSION;
}

static inline nt_result nt_span_begin(nt_span *span, nt_id id, const char *path, const nt_arg *args,
				      size_t count)
{
	(void)args, (void)count;
	if (span != NULL) {
		span->id = id;
		span->path = path;
		span->parent = NULL;
		span->open = 0;
		span->recorded[0] = 0;
	}
	return NT_OK;
}

static inline nt_result nt_span_begin_in(nt_span *span, nt_id parent, const char *path,
					 const nt_arg *args, size_t count)
{
	(void)parent;
	return nt_span_begin(span, nt_unique(), path, args, count);
}

static inline nt_result nt_span_child(nt_span *child, const nt_span *parent, const char *path,
				      const nt_arg *args, size_t count)
{
	nt_id none = {NT_ID_EMPTY, 0};
	return nt_span_begin(child, parent == NULL ? none : parent->id, path, args, count);
}

static inline nt_result nt_span_record(nt_span *span, nt_arg arg)
{
	(void)span, (void)arg;
	return NT_OK;
}

static inline nt_result nt_span_end(nt_span *span, const nt_arg *args, size_t count)
{
	(void)span, (void)args, (void)count;
	return NT_OK;
}

#else

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/**
 * Whether markers are written: false with NULLTRACE=off in the environment (or 0, false, no), after
 * nt_set_enabled(false), or without a null device. Opens the device if that was not done. Ask before you compute
 * costly arguments.
 */
bool nt_on(void);

/**
 * Switches markers on or off for the whole process, whatever NULLTRACE says in the environment.
 *
 * NT_SPAN and an nt_span that were begun while on write their exit also when off, so that none stays open; what is
 * begun while off writes nothing, also not later. NT_EXIT, nt_exit() and nt_exit_args() know nothing of the enter:
 * after a switch they write the exit in any case, and one that has no enter is counted by the collector as
 * unmatched. Where NULLTRACE=off was never overruled they write nothing.
 */
void nt_set_enabled(bool enabled);

/**
 * The descriptor of the device, negative when nt_on() is false: for the macros, which make the
 * system call where they stand. Opens the device if that was not done.
 */
int nt_device(void);

/**
 * The same for the exits of spans: not negative either while nt_set_enabled(false) has switched markers off.
 */
int nt_exit_device(void);

/**
 * A number that no other span has, between 2^32 and 2^48, for spans that may end on another thread, that begin
 * and end among each other on one, or that are named as parents. A child of fork() counts from a start of
 * its own.
 */
struct nt_id nt_unique(void);

/**
 * Begins a span. Dots separate the tags of the path: "checkout.pay" is pay inside checkout. Every
 * other byte stands for itself.
 *
 * path: NUL-terminated; NULL is refused as an empty tag.
 *
 * @code
 * nt_enter(nt_number(order), "checkout.pay");
 * pay();
 * nt_exit(nt_number(order), "checkout.pay");
 * @endcode
 */
enum nt_result nt_enter(struct nt_id id, const char *path);

/**
 * Ends the span that began with this id and path.
 */
enum nt_result nt_exit(struct nt_id id, const char *path);

/**
 * Begins a span with arguments.
 *
 * args: count of them; may be NULL, which is none.
 *
 * @code
 * const nt_arg args[] = {nt_str("user", name), nt_int("cart", 7)};
 * nt_enter_args(nt_thread(), "checkout.pay", args, 2);
 * @endcode
 */
enum nt_result nt_enter_args(struct nt_id id,
			     const char *path,
			     const struct nt_arg *args,
			     size_t count);

/**
 * Ends a span with arguments: what came out of it, "status", "error", "rows".
 */
enum nt_result nt_exit_args(struct nt_id id,
			    const char *path,
			    const struct nt_arg *args,
			    size_t count);

/**
 * Begins a span whose parent is named, for spans of which several interleave on a thread or that move between
 * threads: the collector would take the innermost span of the thread. nt_exit() ends it.
 *
 * id: of nt_unique(). parent: the id of an open span, of nt_unique() too, such as nt_context(); nt_empty()
 * says that there is no parent; any other is refused as NT_E_ID.
 */
enum nt_result nt_enter_in(struct nt_id id,
			   struct nt_id parent,
			   const char *path,
			   const struct nt_arg *args,
			   size_t count);

/**
 * Writes any marker there can be: each text is one tag, dots and NULs included.
 *
 * dir: NT_DIR_ENTER or NT_DIR_EXIT.
 *
 * @code
 * const nt_text tags[] = {{"www.example.org", NT_Z}, {"get", NT_Z}};
 * nt_mark(NT_DIR_ENTER, nt_thread(), tags, 2, NULL, 0);
 * @endcode
 */
enum nt_result nt_mark(int dir,
		       struct nt_id id,
		       const struct nt_text *tags,
		       size_t tag_count,
		       const struct nt_arg *args,
		       size_t arg_count);

/**
 * Writes a marker that is whole and right already, such as a literal of the macros. Nothing is
 * checked: `nulltrace parse` shows what is wrong with one. An exit is written also after nt_set_enabled(false).
 */
void nt_write(const char *marker,
	      size_t len);

/**
 * The format's name of a result, "E_TAG_EMPTY"; "OK" for NT_OK.
 */
const char *nt_name(int result);

/**
 * The version of the library that runs, "0.1.0"; NT_VERSION is that of the header.
 */
const char *nt_version(void);

/**
 * The id of the span that is current on this thread; nt_empty() if none is. The library never asks:
 * give it to nt_span_begin_in(), to another thread, or to a job.
 */
struct nt_id nt_context(void);

/**
 * Makes a span current on this thread, by its id of nt_unique(); any other id, such as nt_empty(), makes
 * none. Gives the one before, to be set again. A child of fork() has that of the thread that forked.
 *
 * @code
 * const nt_id before = nt_context_set(job->span.id);     // a worker takes up a job,
 * run(job);                                              // whose spans ask for nt_context(),
 * nt_context_set(before);                                // and lays it down
 * @endcode
 */
struct nt_id nt_context_set(struct nt_id span);

/**
 * Begins a span that nt_span_end() ends, on any thread if its id is a number.
 *
 * span: overwritten. path: as in nt_enter(); not copied, it must last until the span's end and its
 * children's. If the span is refused, its end writes nothing.
 *
 * @code
 * nt_span job;
 * nt_span_begin(&job, nt_unique(), "job", NULL, 0);
 * ...                                       // job may move to another thread
 * nt_span_end(&job, NULL, 0);
 * @endcode
 */
enum nt_result nt_span_begin(struct nt_span *span,
			     struct nt_id id,
			     const char *path,
			     const struct nt_arg *args,
			     size_t count);

/**
 * Begins a span with an id of nt_unique() whose parent is named, as nt_enter_in(): its own id may be named
 * then, and made the context.
 *
 * @code
 * nt_span read;
 * nt_span_begin_in(&read, job->span.id, "read", NULL, 0);    // whatever else runs on this thread
 * const nt_id before = nt_context_set(read.id);
 * ...                                                        // asks for nt_context()
 * nt_context_set(before);
 * nt_span_end(&read, NULL, 0);
 * @endcode
 */
enum nt_result nt_span_begin_in(struct nt_span *span,
				struct nt_id parent,
				const char *path,
				const struct nt_arg *args,
				size_t count);

/**
 * Begins a child: with the id of its parent, and the parent's tags and its own.
 *
 * parent: must last until the child's end, but may have ended; NULL is refused.
 *
 * @code
 * nt_span read;
 * nt_span_child(&read, &job, "read", NULL, 0);      // job.read
 * nt_span_end(&read, NULL, 0);
 * @endcode
 */
enum nt_result nt_span_child(struct nt_span *child,
			     const struct nt_span *parent,
			     const char *path,
			     const struct nt_arg *args,
			     size_t count);

/**
 * Keeps an argument for the end of an open span, from any place in the middle of it. The texts are copied: they need
 * not last. Of a name that is recorded twice the last value counts.
 *
 * There are 256 bytes for names and values, four more counted for each argument. What has no room is refused as
 * NT_E_LIMIT, and an earlier value of its name is gone.
 *
 * @code
 * nt_span_record(&job, nt_int("rows", rows));
 * @endcode
 */
enum nt_result nt_span_record(struct nt_span *span,
			      struct nt_arg arg);

/**
 * Ends a span, with arguments or NULL behind those of nt_span_record(). One that has ended, or never began, is left
 * alone.
 */
enum nt_result nt_span_end(struct nt_span *span,
			   const struct nt_arg *args,
			   size_t count);

#ifdef __cplusplus
} /* extern "C" */
#endif /* __cplusplus */

#endif /* NULLTRACE_OFF */

/* Ids. */

/** The calling thread's id: for a span that begins and ends on one thread. */
static inline nt_id nt_thread(void)
{
	nt_id id = {NT_ID_THREAD, 0};
	return id;
}

/** The process's id. */
static inline nt_id nt_process(void)
{
	nt_id id = {NT_ID_PROCESS, 0};
	return id;
}

/** The parent process's id. */
static inline nt_id nt_parent(void)
{
	nt_id id = {NT_ID_PARENT, 0};
	return id;
}

/** One id for the whole machine. */
static inline nt_id nt_global(void)
{
	nt_id id = {NT_ID_GLOBAL, 0};
	return id;
}

/** No id: an exit ends the nearest span of the same tags. */
static inline nt_id nt_empty(void)
{
	nt_id id = {NT_ID_EMPTY, 0};
	return id;
}

/** A number of yours. Small ones may equal a thread's, and so nt_thread(). */
static inline nt_id nt_number(int64_t number)
{
	nt_id id = {NT_ID_NUMBER, 0};
	id.number = number;
	return id;
}

/* Arguments. The name is NUL-terminated. */

/** A NUL-terminated text; NULL is an empty one. */
static inline nt_arg nt_str(const char *name, const char *value)
{
	nt_arg arg = {{NULL, NT_Z}, {NULL, NT_Z}, 0, NT_ARG_TEXT};
	arg.name.data = name;
	arg.value.data = value;
	return arg;
}

/** So many bytes, NULs included. */
static inline nt_arg nt_bytes(const char *name, const char *value, size_t len)
{
	nt_arg arg = nt_str(name, value);
	arg.value.len = len;
	return arg;
}

/** A signed number. */
static inline nt_arg nt_int(const char *name, int64_t value)
{
	nt_arg arg = nt_str(name, NULL);
#ifdef __cplusplus
	arg.number = static_cast<uint64_t>(value);
#else
	arg.number = (uint64_t)value;
#endif
	arg.kind = NT_ARG_INT;
	return arg;
}

/** An unsigned number. */
static inline nt_arg nt_uint(const char *name, uint64_t value)
{
	nt_arg arg = nt_str(name, NULL);
	arg.number = value;
	arg.kind = NT_ARG_UINT;
	return arg;
}

/** true or false. */
static inline nt_arg nt_bool(const char *name, bool value)
{
	return nt_str(name, value ? "true" : "false");
}

#if !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
/** An argument of text, a whole number or a bool, by its type (C11; in C++ see nulltrace.hpp). */
#define NT_ARG(name, value) \
	_Generic((value), bool: nt_bool, char *: nt_str, const char *: nt_str, \
		 signed char: nt_int, short: nt_int, int: nt_int, long: nt_int, long long: nt_int, \
		 unsigned char: nt_uint, unsigned short: nt_uint, unsigned: nt_uint, \
		 unsigned long: nt_uint, unsigned long long: nt_uint)((name), (value))
#endif

/*
 * Literals. The marker is one string that the compiler joins: nothing is left to do but the write.
 * A literal stands in the marker as it is: dots separate tags, and in a tag each of . : = , \ < > that is
 * meant itself needs a backslash ("www\\.example\\.org.get"); it holds no newline. An empty one, or one that
 * no marker has room for, does not compile; what else is wrong the collector counts as malformed, and
 * nt_enter() and nt_exit() have no such rules.
 */

#if !defined(NULLTRACE_OFF) && defined(__GNUC__) && defined(__linux__) && defined(__LP64__) && \
	(defined(__x86_64__) || defined(__aarch64__))
/**
 * @private As nt_write(), but the system call stands in the caller: a return right behind a system call is
 * mispredicted on many processors, which costs as much as a third of the call. False without a device.
 */
__attribute__((always_inline)) static inline bool nt_literal_write_(int device, const char *marker, size_t len)
{
	const volatile char *touched = marker;
	const long descriptor = device;
#if defined(__x86_64__)
	long result;
#else
	register long result __asm__("x0") = descriptor;
	register const char *bytes __asm__("x1") = marker;
	register size_t count __asm__("x2") = len;
	register long number __asm__("x8") = 64;
#endif
	char byte;

	if (__builtin_expect(descriptor < 0, 0))
		return false;
	/* The collector cannot read a page that is not mapped in; the null device never reads it. */
	byte = touched[0];
	byte = touched[len - 1];
	(void)byte;
#if defined(__x86_64__)
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(1L), "D"(descriptor), "S"(marker), "d"(len)
			 : "rcx", "r11", "memory");
#else
	__asm__ volatile("svc 0" : "+r"(result) : "r"(bytes), "r"(count), "r"(number) : "memory");
#endif
	if (__builtin_expect(result == -9, 0)) /* EBADF: closed under us, nt_write() opens it again. */
		nt_write(marker, len);
	return true;
}
#else
/** @private */
static inline bool nt_literal_write_(int device, const char *marker, size_t len)
{
	if (device < 0)
		return false;
	nt_write(marker, len);
	return true;
}
#endif

/* The length of a literal, if a marker has room for it and it is not empty. */
#define NT_LITERAL_(text) (sizeof("" text) - 1)
#define NT_CHECKED_(text, path) \
	(NT_LITERAL_(text) + 0 * sizeof(char[NT_LITERAL_(path) > 0 && NT_LITERAL_(text) <= 4096 ? 1 : -1]))
#define NT_WRITE_(device, text, path) ((void)nt_literal_write_(device, "" text, NT_CHECKED_(text, path)))

/** A span of this thread begins: NT_ENTER("checkout.pay"). */
#define NT_ENTER(path) NT_WRITE_(nt_device(), ">:t:" path "::", path)
/** A span of this thread ends. */
#define NT_EXIT(path) NT_WRITE_(nt_exit_device(), "<:t:" path "::", path)
/** Begins with literal arguments: NT_ENTER_WITH("checkout.pay", "currency=chf,step=1"). */
#define NT_ENTER_WITH(path, args) NT_WRITE_(nt_device(), ">:t:" path ":" args ":", path)
/** Ends with literal arguments: NT_EXIT_WITH("checkout.pay", "status=ok"). */
#define NT_EXIT_WITH(path, args) NT_WRITE_(nt_exit_device(), "<:t:" path ":" args ":", path)

#if defined(__GNUC__)
/* Another name each time, also for two in one line. */
#define NT_JOIN_(a, b) a##b
#define NT_NAME_(name, number) NT_JOIN_(name, number)
#ifdef __COUNTER__
#define NT_NUMBER_ __COUNTER__
#else
#define NT_NUMBER_ __LINE__
#endif

/** @private What NT_SPAN() keeps: the marker that ends it; of no length if its enter was not written. */
typedef struct nt_literal_ {
	const char *marker;
	size_t len;
} nt_literal_;

/** @private */
__attribute__((always_inline)) static inline void nt_literal_end_(const nt_literal_ *literal)
{
	if (literal->len > 0)
		(void)nt_literal_write_(nt_exit_device(), literal->marker, literal->len);
}

/** @private */
__attribute__((always_inline)) static inline nt_literal_ nt_literal_begin_(const char *enter, const char *exit, size_t len)
{
	nt_literal_ literal;
	literal.marker = exit;
	literal.len = nt_literal_write_(nt_device(), enter, len) ? len : 0;
	return literal;
}

/**
 * A span of this thread from here to where the block is left, by return, break or goto too; in C++ also by
 * an exception. Not by longjmp() or exit(): such a span has no end.
 */
#define NT_SPAN(path) \
	__attribute__((cleanup(nt_literal_end_), unused)) const nt_literal_ NT_NAME_(nt_literal_, NT_NUMBER_) = \
		nt_literal_begin_(">:t:" path "::", "<:t:" path "::", \
				  NT_CHECKED_(">:t:" path "::", path))

/** @private */
static inline void nt_context_leave_(const nt_id *before)
{
	nt_context_set(*before);
}

/**
 * Makes a span current on this thread, by its id, from here to where the block is left:
 * NT_CONTEXT(job->span.id);
 */
#define NT_CONTEXT(span) \
	__attribute__((cleanup(nt_context_leave_), unused)) const nt_id NT_NAME_(nt_before_, NT_NUMBER_) = \
		nt_context_set(span)

/** @private */
static inline void nt_span_leave_(nt_span *span)
{
	nt_span_end(span, NULL, 0);
}

/**
 * Declares an nt_span that ends where the block is left, unless nt_span_end() ended it before:
 * NT_SCOPED(job); nt_span_begin(&job, ...);
 */
#define NT_SCOPED(name) \
	__attribute__((cleanup(nt_span_leave_))) nt_span name = {{NT_ID_EMPTY, 0}, NULL, NULL, 0, {0}}
#endif

#ifdef NT_OLD_STANDARD_
#undef NT_OLD_STANDARD_
#pragma GCC diagnostic pop
#endif

#endif /* NULLTRACE_H */
