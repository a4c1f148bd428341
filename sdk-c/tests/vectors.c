/* Every encode vector of spec/ through nt_mark(). vectors.py compares what was written. */
#include <string.h>

#include "check.h"

typedef struct vector {
	const char *name;
	int dir;
	nt_id id;
	const nt_text *tags;
	size_t tag_count;
	const nt_arg *args;
	size_t arg_count;
	const char *result;
} vector;

#include "vectors.inc"

int main(void)
{
	const size_t count = sizeof vectors / sizeof vectors[0];
	CHECK(count >= 49);
	for (size_t at = 0; at < count; at++) {
		const vector *v = &vectors[at];
		errno = 1234;
		const char *result = nt_name(nt_mark(v->dir, v->id, v->tags, v->tag_count, v->args, v->arg_count));
		if (strcmp(result, v->result) != 0) {
			fprintf(stderr, "%s: %s, not %s\n", v->name, result, v->result);
			return 1;
		}
		CHECK(errno == 1234);
	}
	return 0;
}
