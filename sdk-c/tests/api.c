/* Every function and macro, on one thread. */
#include <inttypes.h>
#include <string.h>

#include "check.h"

static int left_by_return(int deep)
{
	NT_SPAN("left.return");
	if (deep)
		return 1;
	NT_ENTER("never");
	return 0;
}

static int walk(int depth)
{
	NT_SPAN("walk");
	return depth == 0 ? 0 : 1 + walk(depth - 1);
}

static void literals(void)
{
	NT_ENTER("checkout");
	NT_ENTER_WITH("checkout.pay", "currency=chf,step=1");
	NT_EXIT_WITH("checkout.pay", "status=ok");
	NT_EXIT("checkout");
	expect(">:t:checkout::");
	expect(">:t:checkout.pay:currency=chf,step=1:");
	expect("<:t:checkout.pay:status=ok:");
	expect("<:t:checkout::");

	for (int i = 0; i < 2; i++) {
		NT_SPAN("loop");
		NT_SPAN("loop.inner");
		if (i == 1)
			break;
	}
	for (int i = 0; i < 2; i++) {
		expect(">:t:loop::");
		expect(">:t:loop.inner::");
		expect("<:t:loop.inner::");
		expect("<:t:loop::");
	}
	/* Each call is a span. */
	CHECK(walk(2) == 2);
	for (int i = 0; i < 3; i++)
		expect(">:t:walk::");
	for (int i = 0; i < 3; i++)
		expect("<:t:walk::");
	CHECK(left_by_return(1) == 1);
	expect(">:t:left.return::");
	expect("<:t:left.return::");

	errno = 1234;
	NT_ENTER("errno");
	CHECK(errno == 1234);
	expect(">:t:errno::");

	nt_write("<:t:errno::", 11);
	nt_write(NULL, 11);
	nt_write("", 0);
	expect("<:t:errno::");
}

static void ids(void)
{
	const nt_id all[] = {nt_empty(), nt_global(), nt_thread(), nt_process(), nt_parent(),
			     nt_number(0), nt_number(INT64_MIN), nt_number(INT64_MAX)};
	const char *texts[] = {"", "g", "t", "p", "pp", "0", "-9223372036854775808", "9223372036854775807"};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		OK(nt_enter(all[i], "id"));
		OK(nt_exit(all[i], "id"));
		expect(">:%s:id::", texts[i]);
		expect("<:%s:id::", texts[i]);
	}
	const nt_id one = nt_unique();
	const nt_id other = nt_unique();
	CHECK(one.number != other.number);
	CHECK(one.number > INT64_C(1) << 32 && other.number > INT64_C(1) << 32);
	OK(nt_enter(one, "unique"));
	expect(">:%" PRId64 ":unique::", one.number);

	nt_id wrong = {77, 0};
	GIVES(NT_E_ID, nt_enter(wrong, "id"));
}

static void paths(void)
{
	OK(nt_enter(nt_thread(), "a:b=c,d\\e<f>.g"));
	expect(">:t:a\\:b\\=c\\,d\\\\e\\<f\\>.g::");
	OK(nt_enter(nt_thread(), "line\nbreak.b"));
	expect("[\">\",\"t\",[\"line\\nbreak\",\"b\"]]");
	GIVES(NT_E_TAG_EMPTY, nt_enter(nt_thread(), ""));
	GIVES(NT_E_TAG_EMPTY, nt_enter(nt_thread(), "."));
	GIVES(NT_E_TAG_EMPTY, nt_enter(nt_thread(), "a..b"));
	GIVES(NT_E_TAG_EMPTY, nt_exit(nt_thread(), "a."));
	GIVES(NT_E_TAG_EMPTY, nt_exit(nt_thread(), NULL));

	char deep[2 * 40] = "";
	for (int i = 0; i < 32; i++)
		strcat(deep, i == 0 ? "d" : ".d");
	OK(nt_enter(nt_thread(), deep));
	expect(">:t:%s::", deep);
	strcat(deep, ".d");
	GIVES(NT_E_TAG_DEPTH, nt_enter(nt_thread(), deep));

	const nt_text tags[] = {{"www.example.org", NT_Z}, {"getter", 3}};
	OK(nt_mark(NT_DIR_ENTER, nt_thread(), tags, 2, NULL, 0));
	OK(nt_mark(NT_DIR_EXIT, nt_empty(), tags, 1, NULL, 9));
	expect(">:t:www\\.example\\.org.get::");
	expect("<::www\\.example\\.org::");
	GIVES(NT_E_TAG_EMPTY, nt_mark(NT_DIR_ENTER, nt_thread(), NULL, 2, NULL, 0));
	GIVES(NT_E_ID, nt_mark(2, nt_thread(), tags, 2, NULL, 0));
	GIVES(NT_E_ID, nt_mark(-1, nt_thread(), tags, 2, NULL, 0));
}

static void args(void)
{
	const nt_arg some[] = {nt_str("user", "ann:b"),		  nt_bytes("raw", "a=b\0c", 3),
			       nt_int("low", INT64_MIN),	  nt_int("zero", 0),
			       nt_uint("high", UINT64_MAX),	  nt_bool("yes", true),
			       nt_bool("no", false),		  nt_str("null", NULL),
			       nt_bytes("none", NULL, 5),	  nt_str("empty", "")};
	OK(nt_enter_args(nt_thread(), "args", some, sizeof some / sizeof some[0]));
	expect(">:t:args:user=ann\\:b,raw=a\\=b,low=-9223372036854775808,zero=0,"
	       "high=18446744073709551615,yes=true,no=false,null=,none=,empty=:");
	OK(nt_exit_args(nt_thread(), "args", some, 1));
	expect("<:t:args:user=ann\\:b:");
	OK(nt_exit_args(nt_thread(), "args", NULL, 3));
	expect("<:t:args::");

	const nt_arg binary = nt_bytes("b", "x\0y", 3);
	OK(nt_enter_args(nt_thread(), "args", &binary, 1));
	expect("[\">\",\"t\",[\"args\"],[{\"b\":\"x\\u0000y\"}]]");

	const nt_arg nameless = nt_int("", 1);
	GIVES(NT_E_ARG_NAME, nt_enter_args(nt_thread(), "args", &nameless, 1));
	const nt_arg null = nt_int(NULL, 1);
	GIVES(NT_E_ARG_NAME, nt_enter_args(nt_thread(), "args", &null, 1));

	nt_arg many[66];
	for (size_t i = 0; i < 66; i++)
		many[i] = nt_uint("n", i);
	GIVES(NT_E_ARG_COUNT, nt_enter_args(nt_thread(), "args", many, 65));
	GIVES(NT_E_ARG_COUNT, nt_enter_args(nt_thread(), "args", many, 66));

#ifdef NT_ARG
	const char *text = "text";
	char array[] = "array";
	const nt_arg typed[] = {NT_ARG("a", text), NT_ARG("b", array), NT_ARG("c", -1),
				NT_ARG("d", 1UL),  NT_ARG("e", true),  NT_ARG("f", (short)-2)};
#else
	const nt_arg typed[] = {nt_str("a", "text"), nt_str("b", "array"), nt_int("c", -1),
				nt_uint("d", 1),     nt_bool("e", true),   nt_int("f", -2)};
#endif
	OK(nt_enter_args(nt_thread(), "typed", typed, 6));
#ifdef __STDC_VERSION__
#if __STDC_VERSION__ >= 201112L && !defined(NT_ARG)
#error "C11 and no NT_ARG"
#endif
#endif
	/* A bool literal is an int in C before C23. */
#ifdef NT_ARG
	expect(">:t:typed:a=text,b=array,c=-1,d=1,e=%s,f=-2:", _Generic(true, bool: "true", default: "1"));
#else
	expect(">:t:typed:a=text,b=array,c=-1,d=1,e=true,f=-2:");
#endif
}

static void spans(void)
{
	nt_span job;
	nt_span read;
	nt_span block;
	const nt_arg name = nt_str("name", "x");
	OK(nt_span_begin(&job, nt_number(5), "job", &name, 1));
	OK(nt_span_child(&read, &job, "read", NULL, 0));
	OK(nt_span_child(&block, &read, "part.block", &name, 1));
	OK(nt_span_end(&block, NULL, 0));
	OK(nt_span_end(&job, &name, 1));
	/* A child may end after its parent; an end is written once. */
	OK(nt_span_end(&read, NULL, 0));
	OK(nt_span_end(&read, NULL, 0));
	OK(nt_span_end(NULL, NULL, 0));
	expect(">:5:job:name=x:");
	expect(">:5:job.read::");
	expect(">:5:job.read.part.block:name=x:");
	expect("<:5:job.read.part.block::");
	expect("<:5:job:name=x:");
	expect("<:5:job.read::");

	/* Arguments from the middle, whose texts need not last. */
	{
		char text[] = "gone";
		char big[300];
		nt_arg long_one;

		memset(big, 'x', sizeof big);
		OK(nt_span_begin(&job, nt_thread(), "middle", NULL, 0));
		for (int i = 0; i < 1000; i++)
			OK(nt_span_record(&job, nt_int("n", i)));
		OK(nt_span_record(&job, nt_str("text", text)));
		OK(nt_span_record(&job, nt_str("other", "a,b")));
		text[0] = 'x';
		OK(nt_span_record(&job, nt_uint("n", UINT64_MAX)));
		OK(nt_span_record(&job, nt_int("long", 1)));
		long_one = nt_bytes("long", big, sizeof big);
		GIVES(NT_E_LIMIT, nt_span_record(&job, long_one));
		long_one.name.len = SIZE_MAX - 1;
		long_one.name.data = NULL;
		GIVES(NT_E_ARG_NAME, nt_span_record(&job, long_one));
		OK(nt_span_end(&job, &name, 1));
		OK(nt_span_record(&job, nt_int("late", 1)));
		OK(nt_span_record(NULL, nt_int("late", 1)));
		OK(nt_span_end(&job, NULL, 0));
		expect(">:t:middle::");
		expect("<:t:middle:text=gone,other=a\\,b,n=18446744073709551615,name=x:");
	}

	/* What is refused has no end, nor children. */
	nt_span refused;
	nt_span child;
	GIVES(NT_E_TAG_EMPTY, nt_span_begin(&refused, nt_thread(), "a..b", NULL, 0));
	GIVES(NT_E_TAG_EMPTY, nt_span_child(&child, &refused, "c", NULL, 0));
	OK(nt_span_end(&child, NULL, 0));
	OK(nt_span_end(&refused, NULL, 0));
	GIVES(NT_E_TAG_EMPTY, nt_span_child(&child, NULL, "c", NULL, 0));
	OK(nt_span_end(&child, NULL, 0));
	GIVES(NT_E_TAG_EMPTY, nt_span_begin(NULL, nt_thread(), "a", NULL, 0));

	/* An end that is refused can be had without its arguments. */
	const nt_arg nameless = nt_int("", 1);
	OK(nt_span_begin(&job, nt_thread(), "again", NULL, 0));
	GIVES(NT_E_ARG_NAME, nt_span_end(&job, &nameless, 1));
	OK(nt_span_end(&job, NULL, 0));
	expect(">:t:again::");
	expect("<:t:again::");

	/* Parents without end are no endless loop. */
	nt_span chain[40];
	OK(nt_span_begin(&chain[0], nt_thread(), "c", NULL, 0));
	expect(">:t:c::");
	for (int i = 1; i < 40; i++) {
		const nt_result result = nt_span_child(&chain[i], &chain[i - 1], "c", NULL, 0);
		CHECK(result == (i < 32 ? NT_OK : NT_E_TAG_DEPTH));
		if (i < 32) {
			printf("= >:t:c");
			for (int j = 0; j < i; j++)
				printf(".c");
			puts("::");
		}
	}
	chain[0].parent = &chain[1];
	GIVES(NT_E_TAG_DEPTH, nt_span_child(&child, &chain[0], "c", NULL, 0));

	{
		NT_SCOPED(unused);
		NT_SCOPED(ended);
		NT_SCOPED(scoped);
		OK(nt_span_begin(&scoped, nt_thread(), "scoped", NULL, 0));
		OK(nt_span_begin(&ended, nt_thread(), "ended", NULL, 0));
		OK(nt_span_end(&ended, &name, 1));
		(void)unused;
	}
	expect(">:t:scoped::");
	expect(">:t:ended::");
	expect("<:t:ended:name=x:");
	expect("<:t:scoped::");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	literals();
	ids();
	paths();
	args();
	spans();
	CHECK(nt_on());
	CHECK(nt_device() > 63);
	CHECK(strcmp(nt_version(), NT_VERSION) == 0);
	CHECK(strcmp(nt_name(NT_OK), "OK") == 0);
	CHECK(strcmp(nt_name(NT_E_ARG_COUNT), "E_ARG_COUNT") == 0);
	CHECK(strcmp(nt_name(NT_E_LIMIT), "E_LIMIT") == 0);
	CHECK(strcmp(nt_name(-1), "E_OTHER") == 0);
	return 0;
}
