/* dlopen and dlclose, many times: no descriptor is left over, and the symbols have their version. */
#include <dirent.h>
#include <dlfcn.h>
#include <string.h>

#define NULLTRACE_OFF /* The types; the functions come from dlsym. */
#include "check.h"

static int descriptors(void)
{
	int count = 0;
	DIR *dir = opendir("/proc/self/fd");
	CHECK(dir != NULL);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	nt_result (*enter)(nt_id, const char *);
	nt_id (*context)(void);
	int after_first = 0;

	CHECK(argc == 2);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (int i = 0; i < 20; i++) {
		void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
		if (library == NULL)
			fprintf(stderr, "%s\n", dlerror());
		CHECK(library != NULL);
		void *symbol = dlvsym(library, "nt_enter", "NULLTRACE_0.1");
		CHECK(symbol != NULL);
		CHECK(dlsym(library, "rust_eh_personality") == NULL);
		void *other = dlvsym(library, "nt_context", "NULLTRACE_0.1");
		CHECK(other != NULL);
		memcpy(&context, &other, sizeof context);
		CHECK(context().kind == NT_ID_EMPTY);
		memcpy(&enter, &symbol, sizeof enter);
		OK(enter(nt_thread(), "plugin"));
		expect(">:t:plugin::");
		CHECK(dlclose(library) == 0);
		if (i == 0)
			after_first = descriptors();
	}
	CHECK(descriptors() == after_first);
	/* A thread that was inside would still find its code. */
	OK(enter(nt_thread(), "unloaded"));
	expect(">:t:unloaded::");
	return 0;
}
