// The C++ face: scopes, children, exceptions, moved spans.
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include <nulltrace.hpp>

#include "check.h"

using nulltrace::Span;

static_assert(nulltrace::detail::is_path("a") && nulltrace::detail::is_path("a.b\\:c.d"));
static_assert(!nulltrace::detail::is_path("") && !nulltrace::detail::is_path("a.") &&
	      !nulltrace::detail::is_path(".a") && !nulltrace::detail::is_path("a..b"));
static_assert(!nulltrace::detail::is_path("a:b") && !nulltrace::detail::is_path("a\\") &&
	      !nulltrace::detail::is_path("a\nb") && !nulltrace::detail::is_path("a\\\nb") &&
	      !nulltrace::detail::is_path("a<") && !nulltrace::detail::is_path("a,b"));
static_assert(nulltrace::detail::is_path("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"));
static_assert(!nulltrace::detail::is_path("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"));
static_assert(!std::is_copy_constructible_v<Span> && !std::is_move_constructible_v<Span>);

static void scopes()
{
	NULLTRACE_SPAN("literal");
	const std::string user = "ann";
	Span pay("checkout.pay", {{"cart", 7L}, {"user", user}, {"ok", true}, {"high", ~std::uint64_t{0}}});
	{
		auto card = pay.child("card");
		auto deep = card.child("read.chip", {{"n", -1}});
		card.record("rows", 3);
		card.record("text", std::string("gone before the exit"));
	}
	pay.record("status", 200);
	CHECK(pay.end({{"more", user}}) == NT_OK);
	CHECK(pay.end() == NT_OK);
}

static void expect_scopes()
{
	expect(">:t:literal::");
	expect(">:t:checkout.pay:cart=7,user=ann,ok=true,high=18446744073709551615:");
	expect(">:t:checkout.pay.card::");
	expect(">:t:checkout.pay.card.read.chip:n=-1:");
	expect("<:t:checkout.pay.card.read.chip::");
	expect("<:t:checkout.pay.card:rows=3,text=gone before the exit:");
	expect("<:t:checkout.pay:status=200,more=ann:");
	expect("<:t:literal::");
}

static void throws()
{
	NULLTRACE_SPAN("literal.throws");
	Span span("throws");
	for (int i = 0; i < 20; i++)
		span.record("n", i);
	throw std::runtime_error("no");
}

// A span in a destructor that runs because of an exception is not ended by it.
struct Cleanup {
	~Cleanup()
	{
		Span span("cleanup");
		NULLTRACE_SPAN("cleanup.literal");
	}
};

static void exceptions()
{
	try {
		throws();
	} catch (const std::runtime_error &) {
		Span span("caught");
	}
	try {
		Span own("own");
		own.record("error", "io");
		throw 1;
	} catch (int) {
	}
	try {
		Cleanup cleanup;
		throw 1;
	} catch (int) {
	}
	CHECK(nulltrace::trace("trace", [] { return 7; }, {{"n", 1}}) == 7);
	int value = 0;
	int &reference = nulltrace::trace("trace", [&]() -> int & { return value; });
	CHECK(&reference == &value);
	for (const bool standard : {true, false}) {
		try {
			nulltrace::trace("trace", [&] {
				if (standard)
					throw std::runtime_error("no");
				throw 1;
			});
			CHECK(false);
		} catch (const std::runtime_error &error) {
			CHECK(standard && std::strcmp(error.what(), "no") == 0);
		} catch (int number) {
			CHECK(!standard && number == 1);
		}
	}
	expect(">:t:literal.throws::");
	expect(">:t:throws::");
	expect("<:t:throws:n=19,error=exception:");
	expect("<:t:literal.throws:error=exception:");
	expect(">:t:caught::");
	expect("<:t:caught::");
	expect(">:t:own::");
	expect("<:t:own:error=io:");
	expect(">:t:cleanup::");
	expect(">:t:cleanup.literal::");
	expect("<:t:cleanup.literal::");
	expect("<:t:cleanup::");
	expect(">:t:trace:n=1:");
	expect("<:t:trace::");
	expect(">:t:trace::");
	expect("<:t:trace::");
	expect(">:t:trace::");
	expect("<:t:trace:error=std\\:\\:runtime_error:");
	expect(">:t:trace::");
	expect("<:t:trace:error=int:");
}

static void moved()
{
	const auto id = nulltrace::number(99);
	auto span = std::make_unique<Span>(id, "moved");
	CHECK(span->id().number == 99);
	std::thread([span = std::move(span)]() mutable { span.reset(); }).join();
	expect(">:99:moved::");
	expect("<:99:moved::");

	std::optional<Span> maybe;
	maybe.emplace(nulltrace::empty(), "maybe");
	maybe.reset();
	expect(">::maybe::");
	expect("<::maybe::");

	CHECK(nulltrace::enter(nulltrace::global(), "free", {{"a", "b"}}) == NT_OK);
	CHECK(nulltrace::exit(nulltrace::global(), "free") == NT_OK);
	expect(">:g:free:a=b:");
	expect("<:g:free::");
	CHECK(nulltrace::unique().number != nulltrace::unique().number);
}

static void parents()
{
	using nulltrace::within;
	CHECK(nulltrace::context().kind == NT_ID_EMPTY);
	Span job(within(nulltrace::empty()), "job", {{"n", 1}});
	const auto number = std::to_string(job.id().number);
	std::string part;
	{
		const nulltrace::Current current(job.id());
		CHECK(nulltrace::context().number == job.id().number);
		try {
			const nulltrace::Current inner(nulltrace::unique());
			throw 1;
		} catch (int) {
		}
		Span span(within(nulltrace::context()), "part");
		part = std::to_string(span.id().number);
	}
	CHECK(nulltrace::context().kind == NT_ID_EMPTY);
	expect(">:%s:job:^=,n=1:", number.c_str());
	expect(">:%s:part:^=%s:", part.c_str(), number.c_str());
	expect("<:%s:part::", part.c_str());
	expect("<:%s:job::", number.c_str());
}

static void refused()
{
	{
		Span empty("");
		auto child = empty.child("a");
	}
	CHECK(nulltrace::enter(nulltrace::thread(), "a", {{"", 1}}) == NT_E_ARG_NAME);
	{
		Span span("kept");
		span.record("", 1);
	}
	// Ends, without what was refused.
	expect(">:t:kept::");
	expect("<:t:kept::");
}

static void switched()
{
	Span kept("kept");
	nulltrace::set_enabled(false);
	CHECK(!nulltrace::on());
	Span quiet("quiet");
	CHECK(kept.end() == NT_OK);
	nulltrace::set_enabled(true);
	CHECK(quiet.end() == NT_OK);
	expect(">:t:kept::");
	expect("<:t:kept::");
}

int main()
{
	std::setvbuf(stdout, nullptr, _IOFBF, 1 << 16);
	CHECK(nulltrace::on());
	scopes();
	expect_scopes();
	exceptions();
	moved();
	parents();
	refused();
	switched();
	return 0;
}
