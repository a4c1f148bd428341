/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The entry and return of every system call, where all are reported: loaded only there. */
#ifndef NT_HOOK_FULL_H
#define NT_HOOK_FULL_H

/* The descriptor that the call which begins is about, and its file. */
static __always_inline void nt_full_file(struct nt_full_thread *f, struct task_struct *task)
{
	__u32 n = (f->class & NT_FD_MASK) - 1;
	struct nt_used *used;
	__u64 fd;

	__builtin_memset(&f->file, 0, sizeof(f->file));
	f->fd = -1;
	asm volatile("" : "+r"(n));
	/* None, or the result. */
	if (n >= NT_ARGS)
		return;
	fd = f->args[n];
	/* AT_FDCWD, and -1 where a call may have none. */
	if ((__s32)fd < 0)
		return;
	f->fd = fd;
	used = nt_use(f->used, task, fd);
	if (used)
		f->file = used->id;
}

/* Keeps what there is to know of the call that begins. */
static __always_inline void nt_full_call(struct nt_full_thread *f, struct task_struct *task,
					 struct pt_regs *regs, __u32 nr)
{
	struct nt_signature *of = bpf_map_lookup_elem(&signatures, &nr);
	bool compat = nt_is_compat(task);
	__u32 n = NT_ARGS;

	f->class = compat ? 0 : nt_class_of(nr);
	if (of && of->args && !compat)
		n = of->args - 1;
	for (int i = 0; i < NT_ARGS; i++)
		f->args[i] = i >= n ? 0 : compat ? nt_arg_compat(regs, i) : nt_arg(regs, i);
	f->nr = compat ? nr | NT_COMPAT : nr;
	if (of && !compat && !(f->class & NT_FD_MASK))
		f->class |= of->fd;
	nt_full_file(f, task);
	if (of && !compat && of->texts == NT_TEXTS_AT_ENTRY)
		nt_keep_exec();
	f->entered = bpf_ktime_get_ns();
}

/* (regs, number) */
SEC("tp_btf/sys_enter")
int nt_full_enter(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_full_thread *f = nt_full_of(task);

	if (!f) {
		if (task->tgid == nt_collector || task->tgid == nt_keeper)
			return 0;
		nt_full_begin();
		f = nt_full_of(task);
		if (!f)
			return 0;
	}
	f->seen = nt_in_scope(&f->thread) && (nt_full == NT_FULL_ALL || nt_full_in_span(task));
	f->entered = 0;
	if (f->seen)
		nt_full_call(f, task, (struct pt_regs *)ctx[0], ctx[1]);
	return 0;
}

/* (regs, result) */
SEC("tp_btf/sys_exit")
int nt_full_exit(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_full_thread *f = nt_full_of(task);
	bool marker;

	if (!f)
		return 0;
	marker = f->marker;
	f->marker = false;
	/* A marker that io_uring writes is no call of its own. */
	if (marker && (nt_call_native(f->nr) != NT_CALL_NONE || f->nr & NT_COMPAT))
		f->entered = 0;
	if (f->entered)
		nt_send_call(ctx[1], bpf_ktime_get_ns(), 0);
	return 0;
}

#endif
