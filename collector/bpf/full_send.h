/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Sends the record of a system call. */
#ifndef NT_FULL_SEND_H
#define NT_FULL_SEND_H

/* A call that made, closed or named a file returned; as nt_file_changes. */
__noinline int nt_full_changes(__s64 result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_full_thread *f = nt_full_of(task);
	struct nt_used *used;

	if (!f)
		return 0;
	if (f->class & NT_CLOSES)
		__builtin_memset(f->used, 0, sizeof(f->used));
	if ((f->class & NT_FD_MASK) == NT_FD_RESULT && result >= 0) {
		f->fd = result;
		used = nt_use(f->used, task, result);
		if (used)
			f->file = used->id;
	}
	/* Where the thread's activity is observed it was reported with that. */
	if (f->class & NT_NAMES && !nt_activity_of(task)) {
		used = nt_use(f->used, task, f->fd);
		if (used)
			nt_report_file(used, f->class & NT_CONNECTS && result < 0 ? f->args[1] : 0,
				       f->args[2]);
	}
	return 0;
}

/* Sends the record of the current task's call, which ended at `ts`. */
__noinline int nt_send_call(__s64 result, __u64 ts, __u32 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_full_thread *f = nt_full_of(task);
	struct nt_full_record *r = nt_full_record();
	struct nt_signature *of;
	struct nt_syscall *call;
	__u32 nr, n;
	__u64 time;

	if (!f || !r)
		return 0;
	time = ts - f->entered;
	f->entered = 0;
	if (f->thread.ready != NT_READY)
		nt_make_ready(&f->thread, ts, NT_SLOT_FULL);
	if (!flags && (f->class & (NT_CLOSES | NT_NAMES) || (f->class & NT_FD_MASK) == NT_FD_RESULT)) {
		nt_full_changes(result);
		/* A file that this call opened was reported since, and must come first. */
		ts = bpf_ktime_get_ns();
	}
	if (!nt_full_has_room()) {
		nt_count(NT_N_CALL);
		return 0;
	}
	call = &r->call;
	__builtin_memset(call, 0, sizeof(*call));
	call->time = time;
	call->result = result;
	__builtin_memcpy(call->args, f->args, sizeof(call->args));
	call->file = f->file;
	call->nr = f->nr;
	call->fd = f->fd;
	call->cpu = bpf_get_smp_processor_id();
	nr = f->nr; /* of a 32-bit caller it is too large */
	of = bpf_map_lookup_elem(&signatures, &nr);
	if (of && of->texts && !flags &&
	    !(of->texts == NT_TEXTS_AT_ENTRY && nt_kept_exec(result)))
		nt_add_texts(result);
	n = NT_READ(call->texts) + sizeof(*call);
	asm volatile("" : "+r"(n));
	if (n > sizeof(*call) + NT_TEXTS_MAX)
		return 0;
	nt_fill_head(&call->head, task, ts, n, NT_SYSCALL, flags);
	if (bpf_ringbuf_output(&ring, r, n, BPF_RB_NO_WAKEUP))
		nt_count(NT_N_CALL);
	return 0;
}

/* The current task ends in the call it is in, if it is in one. */
__noinline int nt_full_ends(void)
{
	struct nt_full_thread *f = nt_full_of(bpf_get_current_task_btf());

	if (f && f->entered)
		nt_send_call(0, bpf_ktime_get_ns(), NT_NO_RETURN);
	return 0;
}

#endif
