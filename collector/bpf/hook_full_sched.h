/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Switches and wake-ups of threads whose calls are all reported: loaded only there. */
#ifndef NT_HOOK_FULL_SCHED_H
#define NT_HOOK_FULL_SCHED_H

#define NT_PF_KTHREAD 0x00200000

/*
 * Whether the thread is one of those, as of its last call. One that made none yet is where that can be
 * known without its cgroup, which only the thread itself can be asked for.
 */
static __always_inline bool nt_full_observes(struct task_struct *task)
{
	struct nt_full_thread *f;
	__u32 tgid = task->tgid;

	if (!tgid || task->flags & NT_PF_KTHREAD || tgid == nt_collector || tgid == nt_keeper ||
	    !nt_may_see(task))
		return false;
	f = nt_full_of(task);
	if (f)
		return f->seen;
	if (nt_full == NT_FULL_SPANS)
		return false;
	switch (NT_READ(nt_scope.kind)) {
	case NT_SCOPE_ALL:
		return true;
	case NT_SCOPE_MEMBERS:
		return bpf_map_lookup_elem(&members, &tgid) != NULL;
	case NT_SCOPE_UID:
		return task->real_cred->uid.val == NT_READ(nt_scope.uid);
	}
	return false;
}

/* (preempted, previous, next, state of the previous), in the previous */
SEC("tp_btf/sched_switch")
int nt_full_switch(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[1];
	struct task_struct *next = (struct task_struct *)ctx[2];
	struct nt_switch record = {};

	if (!nt_full_observes(task) && !nt_full_observes(next))
		return 0;
	nt_fill_head(&record.head, task, bpf_ktime_get_ns(), sizeof(record), NT_SWITCH, 0);
	record.next_pid = next->tgid;
	record.next_tid = next->pid;
	record.state = (bool)ctx[0] ? 0 : ctx[3];
	record.cpu = bpf_get_smp_processor_id();
	nt_full_output(&record, sizeof(record));
	return 0;
}

static __always_inline void nt_full_woken(struct task_struct *woken, __u8 flags)
{
	struct nt_wakeup record = {};

	if (!nt_full_observes(woken))
		return;
	nt_fill_head(&record.head, bpf_get_current_task_btf(), bpf_ktime_get_ns(), sizeof(record),
		     NT_WAKEUP, flags);
	record.pid = woken->tgid;
	record.tid = woken->pid;
	/* Absent on kernels for one cpu. */
	if (bpf_core_field_exists(woken->thread_info.cpu))
		record.cpu = woken->thread_info.cpu;
	nt_full_output(&record, sizeof(record));
}

/* (thread) */
SEC("tp_btf/sched_wakeup")
int nt_full_wakeup(__u64 *ctx)
{
	nt_full_woken((struct task_struct *)ctx[0], 0);
	return 0;
}

/* (thread) */
SEC("tp_btf/sched_wakeup_new")
int nt_full_wakeup_new(__u64 *ctx)
{
	nt_full_woken((struct task_struct *)ctx[0], NT_NEW_TASK);
	return 0;
}

#endif
