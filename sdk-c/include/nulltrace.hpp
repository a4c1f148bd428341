/**
 * @file nulltrace.hpp
 * nulltrace for C++17: spans that end with their scope.
 *
 * @code
 * #include <nulltrace.hpp>
 *
 * void checkout(long cart, const std::string &user)
 * {
 *     NULLTRACE_SPAN("checkout");                      // a literal, checked by the compiler
 *     nulltrace::Span pay("checkout.pay", {{"cart", cart}, {"user", user}});
 *     {
 *         auto card = pay.child("card");               // checkout.pay.card
 *     }
 *     pay.record("status", 200);                       // an argument of its exit
 * }
 * @endcode
 *
 * Nothing here throws or allocates. A span that an exception ends says so: error=exception, for its type
 * cannot be known while the stack unwinds; trace() catches it, says error=std::runtime_error, and throws it on
 * (to put its name into words allocates). With NULLTRACE_OFF defined all of it is empty.
 */
#ifndef NULLTRACE_HPP
#define NULLTRACE_HPP

#if __cplusplus < 201703L
#error "nulltrace.hpp needs C++17; nulltrace.h does not"
#endif

#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if defined(__cpp_exceptions) && defined(__cpp_rtti) && defined(__GNUC__)
#include <cstdlib>
#include <cxxabi.h>
#include <typeinfo>
#endif

#include "nulltrace.h"

namespace nulltrace {
// Two namespaces, because one program may have both kinds of files: their classes must not be mixed up.
#ifdef NULLTRACE_OFF
inline namespace off {
#else
inline namespace v0 {
#endif

using Id = nt_id;

inline Id thread() noexcept { return nt_thread(); }
inline Id process() noexcept { return nt_process(); }
inline Id parent() noexcept { return nt_parent(); }
inline Id global() noexcept { return nt_global(); }
inline Id empty() noexcept { return nt_empty(); }
inline Id number(std::int64_t number) noexcept { return nt_number(number); }
/** A number that no other span has: for spans that may end on another thread. */
inline Id unique() noexcept { return nt_unique(); }
/** The id of the span that is current on this thread, for within(); empty() if none is. See nulltrace.h on parents. */
inline Id context() noexcept { return nt_context(); }
/** Whether markers are written: ask before you compute costly arguments. */
inline bool on() noexcept { return nt_on(); }

/** Switches markers on or off while the program runs, whatever NULLTRACE says in the environment. */
inline void set_enabled(bool enabled) noexcept { nt_set_enabled(enabled); }

/** An argument: text, a whole number, or a bool. It refers to its texts, which must last as long as it does. */
class Arg {
public:
	Arg(std::string_view name, std::string_view value) noexcept : arg_(nt_str(nullptr, nullptr))
	{
		arg_.name = text(name);
		arg_.value = text(value);
	}

	Arg(std::string_view name, const char *value) noexcept
	    : Arg(name, value == nullptr ? std::string_view() : std::string_view(value))
	{
	}

	template <typename Number, std::enable_if_t<std::is_integral_v<Number>, int> = 0>
	Arg(std::string_view name, Number value) noexcept : arg_(of(value))
	{
		arg_.name = text(name);
	}

	const nt_arg &c() const noexcept { return arg_; }

	/** Whether it says how a span failed. */
	bool is_error() const noexcept { return std::string_view(arg_.name.data, arg_.name.len) == "error"; }

private:
	static nt_text text(std::string_view view) noexcept { return {view.data(), view.size()}; }

	template <typename Number> static nt_arg of(Number value) noexcept
	{
		if constexpr (std::is_same_v<Number, bool>)
			return nt_bool(nullptr, value);
		else if constexpr (std::is_signed_v<Number>)
			return nt_int(nullptr, value);
		else
			return nt_uint(nullptr, value);
	}

	nt_arg arg_;
};

/** Arguments, {{"cart", 7}, {"user", name}}: good for one call. */
using Args = std::initializer_list<Arg>;

/** @private */
namespace detail {
// An Arg is an nt_arg and nothing else, so a list of the one is a list of the other.
static_assert(sizeof(Arg) == sizeof(nt_arg) && std::is_standard_layout_v<Arg>);
inline const nt_arg *first(Args args) noexcept
{
	return args.size() == 0 ? nullptr : &args.begin()->c();
}

/** How many exceptions pass. */
inline int exceptions() noexcept
{
#ifdef __cpp_exceptions
	return std::uncaught_exceptions();
#else
	return 0;
#endif
}

/** What NULLTRACE_SPAN() keeps: the marker that ends it, and that which an exception writes. */
class Literal {
public:
	Literal(const char *enter, const char *exit, std::size_t len, const char *failed, std::size_t failed_len) noexcept
	    : literal_(nt_literal_begin_(enter, exit, len)), failed_(failed), failed_len_(failed_len)
	{
	}
	Literal(const Literal &) = delete;
	Literal &operator=(const Literal &) = delete;
	~Literal()
	{
		if (exceptions() > exceptions_) {
			literal_.marker = failed_;
			literal_.len = literal_.len == 0 ? 0 : failed_len_;
		}
		nt_literal_end_(&literal_);
	}

private:
	nt_literal_ literal_;
	const char *failed_;
	std::size_t failed_len_;
	int exceptions_ = exceptions();
};

/** Whether a literal is a path of the simple form with nothing unescaped in its tags. */
constexpr bool is_path(std::string_view path) noexcept
{
	std::size_t tags = 1;
	bool empty = true;
	for (std::size_t at = 0; at < path.size(); at++) {
		const char byte = path[at];
		if (byte == '.') {
			if (empty || ++tags > 32)
				return false;
			empty = true;
			continue;
		}
		if (byte == '\\' && ++at == path.size())
			return false;
		else if (byte != '\\' && std::string_view(":=,<>").find(byte) != std::string_view::npos)
			return false;
		if (path[at] == '\n')
			return false;
		empty = false;
	}
	return !empty;
}
} // namespace detail

/** Begins a span with an id, which exit() of the same id and path ends: on whatever thread that may be. */
inline nt_result enter(Id id, const char *path, Args args = {}) noexcept
{
	return nt_enter_args(id, path, detail::first(args), args.size());
}

/** Ends it. */
inline nt_result exit(Id id, const char *path, Args args = {}) noexcept
{
	return nt_exit_args(id, path, detail::first(args), args.size());
}

/** The parent of a span, by within(). */
struct Within {
	Id parent;
};

/** Names the parent: an open span's id of unique(), such as context(); empty() is none. */
inline Within within(Id parent) noexcept { return {parent}; }

/**
 * A span from its construction to its destruction. It stays where it is, for its children point to it; one
 * that moves between threads is made with unique() in a std::unique_ptr, a std::optional or a job's member.
 */
class Span {
public:
	/** On this thread. The path is not copied: it must last as long as the span and its children. */
	explicit Span(const char *path, Args args = {}) noexcept : Span(thread(), path, args) {}

	/** With an id. */
	Span(Id id, const char *path, Args args = {}) noexcept
	{
		nt_span_begin(&span_, id, path, detail::first(args), args.size());
	}

	/** With an id of its own, and the parent named: Span read(within(job.id()), "read"). */
	Span(Within within, const char *path, Args args = {}) noexcept
	{
		nt_span_begin_in(&span_, within.parent, path, detail::first(args), args.size());
	}

	Span(const Span &) = delete;
	Span &operator=(const Span &) = delete;

	~Span()
	{
		if (detail::exceptions() > exceptions_ && !has_error_)
			record("error", "exception");
		finish(nullptr, 0);
	}

	/** A span inside: it has this one's id, and its tags before its own. It must not outlive this one. */
	[[nodiscard]] Span child(const char *path, Args args = {}) const noexcept
	{
		return Span(*this, path, args);
	}

	/**
	 * An argument for the exit. Its texts are copied; of a name that is recorded twice the last value counts. What has
	 * no room (256 bytes in all) is left out.
	 */
	void record(const Arg &arg) noexcept
	{
		const nt_result result = nt_span_record(&span_, arg.c());
		if (result == NT_OK && arg.is_error())
			has_error_ = true;
	}
	template <typename Value> void record(std::string_view name, const Value &value) noexcept
	{
		record(Arg(name, value));
	}

	/** Ends it now; its destructor then does nothing. */
	nt_result end(Args args = {}) noexcept { return finish(detail::first(args), args.size()); }

	Id id() const noexcept { return span_.id; }

private:
	Span(const Span &parent, const char *path, Args args) noexcept
	{
		nt_span_child(&span_, &parent.span_, path, detail::first(args), args.size());
	}

	nt_result finish(const nt_arg *args, std::size_t count) noexcept
	{
		const nt_result result = nt_span_end(&span_, args, count);
		// An argument that is refused must not keep the span open.
		if (result != NT_OK)
			nt_span_end(&span_, nullptr, 0);
		return result;
	}

	nt_span span_;
	int exceptions_ = detail::exceptions();
	bool has_error_ = false;
};

/** Makes a span current on this thread while it lives: Current current(job.id()). */
class Current {
public:
	explicit Current(Id span) noexcept : before_(nt_context_set(span)) {}
	Current(const Current &) = delete;
	Current &operator=(const Current &) = delete;
	~Current() { nt_context_set(before_); }

private:
	Id before_;
};

/**
 * Calls a function in a span of this thread, whose exit has error=TYPE if an exception leaves it; without RTTI the
 * type is not known, and without exceptions there is none.
 */
template <typename Function> decltype(auto) trace(const char *path, Function &&function, Args args = {})
{
	Span span(path, args);
#if defined(__cpp_exceptions) && defined(__cpp_rtti) && defined(__GNUC__)
	try {
		return std::forward<Function>(function)();
	} catch (...) {
		// None for what is no exception of C++, such as the end of a thread.
		const std::type_info *type = abi::__cxa_current_exception_type();
		const char *name = type == nullptr ? "exception" : type->name();
		int status = 0;
		char *words = type == nullptr ? nullptr : abi::__cxa_demangle(name, nullptr, nullptr, &status);
		span.end({{"error", words == nullptr ? name : words}});
		std::free(words);
		throw;
	}
#else
	return std::forward<Function>(function)();
#endif
}

} // namespace off, v0
} // namespace nulltrace

/** NT_SPAN() with a literal that the compiler checks; an exception that ends it writes error=exception. */
#define NULLTRACE_SPAN(path) \
	static_assert(::nulltrace::detail::is_path("" path), "not a tag path: see nulltrace.h on literals"); \
	const ::nulltrace::detail::Literal NT_NAME_(nulltrace_literal_, NT_NUMBER_)( \
		">:t:" path "::", "<:t:" path "::", NT_CHECKED_(">:t:" path "::", path), \
		"<:t:" path ":error=exception:", NT_LITERAL_("<:t:" path ":error=exception:"))

#endif
