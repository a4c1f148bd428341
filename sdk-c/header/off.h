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
