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
