/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Single system calls, where all are reported (nt_full): what is kept of a thread from the
 * entry of a call to its return.
 */
#ifndef NT_FULL_H
#define NT_FULL_H

struct nt_full_thread {
	struct nt_thread thread; /* for its scope and its process's facts; it has no markers */
	__u64 entered;		 /* the call under way; 0: none, or one not to be reported */
	__u64 args[NT_ARGS];
	struct nt_file_id file; /* of the call */
	__s32 fd;
	__u32 nr;
	__u16 class;
	bool marker; /* the call under way is a marker's write, which is reported as that */
	bool seen;   /* its last call was one to be reported */
	struct nt_used used[NT_USED];
};

/* Threads in scope; others have none. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct nt_full_thread);
} full_threads SEC(".maps");

/* What an argument points to that is reported too. */
enum nt_arg_kind {
	NT_A_NUMBER,
	NT_A_STRING,
	NT_A_STRINGS,
	NT_A_ADDRESS,	 /* its size is argument `sizes` */
	NT_A_ADDRESS_AT, /* that argument points to its size */
	NT_A_DATA,	 /* bytes that are written or read; argument `sizes` is their number at most */
	NT_A_PIECES,	 /* a list of pieces of memory that are written or read: the first is reported */
	NT_A_MESSAGE,	 /* a struct msghdr with such a list */
};

/* Whether arguments point to something that is reported. */
enum nt_texts {
	NT_TEXTS_NONE,
	NT_TEXTS_AT_RETURN,
	NT_TEXTS_AT_ENTRY, /* of exec: at its return they are gone */
};

/* The arguments of a system call; userspace fills it in. */
struct nt_signature {
	__u8 args;  /* how many, and 1; 0: not known */
	__u8 fd;    /* as in nt_call_classes, for a call that is not there */
	__u8 texts; /* enum nt_texts */
	__u8 unused;
	__u8 kinds[NT_ARGS];
	__u8 sizes[NT_ARGS];
};

/* By number, in the native table. */
#define NT_SIGNATURES 512
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NT_SIGNATURES);
	__type(key, __u32);
	__type(value, struct nt_signature);
} signatures SEC(".maps");

/* The current task's state; NULL if it has none. */
static __always_inline struct nt_full_thread *nt_full_of(struct task_struct *task)
{
	if (!task->bpf_storage)
		return NULL;
	return bpf_task_storage_get(&full_threads, task, NULL, 0);
}

/* Whether the thread, which is in scope, has a span open, as far as that is known here. */
static __always_inline bool nt_full_in_span(struct task_struct *task)
{
	struct nt_thread_activity *a = nt_activity_of(task);

	return a && (nt_inside != NT_INSIDE_THREAD || !nt_is_idle(a->marker, task->pid));
}

/* Creates the current task's state, if its calls are to be reported. */
__noinline int nt_full_begin(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_thread unknown = {};

	if (!nt_in_scope(&unknown) || (nt_full == NT_FULL_SPANS && !nt_full_in_span(task)))
		return 0;
	if (!nt_create(&full_threads, task))
		nt_count(NT_N_CALL);
	return 0;
}

/* The current task writes a marker: that call is not reported. It has a state from here on. */
__noinline int nt_full_marker(void)
{
	struct nt_full_thread *f = nt_create(&full_threads, bpf_get_current_task_btf());

	if (f)
		f->marker = true;
	return 0;
}

/* The facts of the current task's process are to be reported before its next call. */
__noinline int nt_full_unreported(void)
{
	struct nt_full_thread *f = nt_full_of(bpf_get_current_task_btf());

	if (f)
		f->thread.ready = NT_UNREPORTED;
	return 0;
}

/* Whether the ring has room for what can be spared. */
static __always_inline bool nt_full_has_room(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < nt_full_room;
}

static __always_inline void nt_full_output(void *record, __u64 size)
{
	if (!nt_full_has_room() || bpf_ringbuf_output(&ring, record, size, BPF_RB_NO_WAKEUP))
		nt_count(NT_N_CALL);
}

#endif
