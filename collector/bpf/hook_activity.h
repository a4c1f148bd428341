/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Activity of threads inside spans: their system calls and their time on and off the cpu. */
#ifndef NT_HOOK_ACTIVITY_H
#define NT_HOOK_ACTIVITY_H

/*
 * The state of the thread that begins a call, as `ctx` of sys_enter has it; NULL if it is not observed. What
 * most threads do not get to, as the call's number, is read only behind it.
 */
static __always_inline struct nt_thread_activity *nt_caller(struct task_struct *task, __u64 *ctx)
{
	struct nt_thread_activity *a;

	if (nt_inside != NT_INSIDE_THREAD)
		nt_join();
	if (!task->bpf_storage)
		return NULL;
	a = bpf_task_storage_get(&activities, task, NULL, 0);
	if (!a) {
		if (nt_is_compat(task) || !nt_idle_call(ctx[1]))
			return NULL;
		a = bpf_task_storage_get(&activities, task, NULL, 0);
	}
	if (!a || (nt_confined && !nt_may_see_current()))
		return NULL;
	return a;
}

/*
 * Entry of a call that is no marker. A 32-bit caller's numbers are others: its
 * calls are counted under those, without files and bytes.
 */
static __always_inline void nt_call_begins(struct nt_thread_activity *a, struct task_struct *task,
					   struct pt_regs *regs, __u32 nr, bool compat)
{
	__u32 class = compat ? 0 : nt_class_of(nr);

	/* Calls that change what a descriptor stands for are followed even so. */
	if (nt_inside == NT_INSIDE_THREAD && !(class & (NT_NAMES | NT_CLOSES)) && nt_is_idle(a->marker, task->pid)) {
		a->idle = true;
		return;
	}
	if (a->out)
		nt_account_off_cpu(a, task, bpf_ktime_get_ns());
	a->nr = compat ? nr | NT_COMPAT : nr;
	a->class = class;
	if (a->class)
		nt_call_files(a, task, regs);
	else
		__builtin_memset(&a->file, 0, sizeof(a->file));
	a->call_blocked = 0;
	a->call_runnable = 0;
	nt_store_last(a->entered, bpf_ktime_get_ns());
}

/* (regs, number), where markers are seen elsewhere. */
SEC("tp_btf/sys_enter")
int nt_call_enter(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_thread_activity *a = nt_caller(task, ctx);

	if (a)
		nt_call_begins(a, task, (struct pt_regs *)ctx[0], ctx[1], nt_is_compat(task));
	return 0;
}

/* (regs, result) */
SEC("tp_btf/sys_exit")
int nt_sys_exit(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_thread_activity *a = nt_activity_of(task);
	__u64 now, time, off;

	/* A call whose entry was not seen, and a marker's own write, are not counted. */
	if (!a || !a->entered)
		return 0;
	now = bpf_ktime_get_ns();
	nt_account_off_cpu(a, task, now);
	time = now - a->entered;
	nt_store_first(a->entered, 0);
	nt_call_ends(a, task, time, ctx[1]);
	off = a->call_blocked + a->call_runnable;
	a->segment.kernel += time > off ? time - off : 0;
	if ((nt_parts && now - a->segment.since > NT_PART_NS) ||
	    (a->segment.calls >= NT_CALLS_MAX - NT_CALLS_SPARE &&
	     (now - a->segment.since > NT_FULL_NS || nt_ring_has_room())) ||
	    (nt_inside != NT_INSIDE_THREAD && nt_marked(task) > a->segment.since))
		/* Not `now`: a file that this call opened was reported since, and must come first. */
		nt_segment_end(a, task, bpf_ktime_get_ns(), NT_AT_RETURN);
	return 0;
}

/* (preempted, previous, next), in the previous. */
SEC("tp_btf/sched_switch")
int nt_switch(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[1];
	struct task_struct *next = (struct task_struct *)ctx[2];
	bool has_storage = task->bpf_storage;
	struct nt_thread_activity *a = NULL;
	__u64 *last_switch, now;

	if (has_storage)
		a = bpf_task_storage_get(&activities, task, NULL, 0);
	/* Its time is needed only by a thread that was seen to leave its cpu, and by the collector, which samples others. */
	if (!a && !(has_storage && nt_idle_switch((bool)ctx[0])) && !next->bpf_storage &&
	    next->tgid != nt_collector)
		return 0;
	now = bpf_ktime_get_ns();
	last_switch = nt_last_switch();
	if (!last_switch)
		return 0;
	if (a) {
		nt_account_off_cpu(a, task, now);
		if (nt_parts && !a->entered && now - a->segment.since > NT_PART_NS)
			nt_segment_end(a, task, now, 0);
		a->state = (bool)ctx[0] ? 0 : task->__state;
		if (a->state)
			a->segment.voluntary++;
		else
			a->segment.involuntary++;
		a->run_delay = nt_run_delay(task);
		nt_store_last(a->out, now);
	}
	*last_switch = now;
	return 0;
}

#endif
