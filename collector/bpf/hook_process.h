/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Fork, exec and exit of processes that are members or wrote markers. */
#ifndef NT_HOOK_PROCESS_H
#define NT_HOOK_PROCESS_H

#define NT_SIGNAL_GROUP_EXIT 4

/* False: there is no room. One that is there already was left by a process whose end was not seen. */
static __always_inline bool nt_add_member(__u32 pid)
{
	long done = bpf_map_update_elem(&members, &pid, &pid, BPF_NOEXIST);

	if (!done)
		__sync_fetch_and_add(&nt_alive, 1);
	return !done || done == -EEXIST;
}

/* (parent, child), in the parent, before the child first runs. */
SEC("raw_tp/sched_process_fork")
int nt_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *child = (struct task_struct *)ctx->args[1];
	__u32 tgid = task->tgid;
	bool member = bpf_map_lookup_elem(&members, &tgid) != NULL;
	struct nt_fork record = {};
	__u32 pid, child_tgid;

	if (!member && !bpf_map_lookup_elem(&processes, &tgid))
		return 0;
	pid = BPF_CORE_READ(child, pid);
	child_tgid = BPF_CORE_READ(child, tgid);
	if (pid != child_tgid)
		return 0; /* a thread */
	if (member && !nt_add_member(pid)) {
		nt_count(NT_N_SCOPE);
		return 0;
	}
	nt_fill_head(&record.head, task, bpf_ktime_get_ns(), sizeof(record), NT_FORK, 0);
	record.child = pid;
	nt_send(&record, sizeof(record));
	return 0;
}

/*
 * (task, id of the thread that called exec, ...), in that thread, by now the only
 * one: where another led the process, this one has the leader's id by now.
 */
SEC("raw_tp/sched_process_exec")
int nt_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tgid = task->tgid;
	struct nt_process record;
	struct nt_thread *t;
	bool sent;

	if (!nt_is_known(tgid))
		return 0;
	sent = nt_send_facts(&record, task, ctx->args[1], bpf_ktime_get_ns(), NT_EXEC);
	nt_set_reported(tgid, sent);
	if (sent)
		return 0;
	/* What was reported before is no longer true: the next marker reports again. */
	t = nt_thread_of(task);
	if (t)
		t->ready = NT_UNREPORTED;
	if (nt_full)
		nt_full_unreported();
	return 0;
}

/* In the ending task. signal->live has been lowered already. */
SEC("raw_tp/sched_process_exit")
int nt_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct signal_struct *signal = task->signal;
	__u32 tgid = task->tgid;
	bool group = signal->live.counter == 0;
	struct nt_exit record = {};
	struct nt_thread *t = NULL;
	__u64 now;

	if (nt_full)
		nt_full_ends();
	now = bpf_ktime_get_ns();

	if (nt_activity) {
		struct nt_thread_activity *a = nt_activity_of(task);

		if (a) {
			nt_segment_end(a, task, now, 0);
			t = &a->thread;
		} else if (task->bpf_storage) {
			struct nt_thread_idle *idle = nt_idle_of(task);

			if (idle) {
				nt_idle_exit(idle, task, now);
				t = &idle->thread;
			}
		}
	} else {
		t = bpf_task_storage_get(&threads, task, NULL, 0);
	}
	if (!nt_is_known(tgid))
		return 0;
	/* Two last threads may both find none alive: then both report the end, which is harmless. */
	if (!group && !t)
		return 0;
	if (!group)
		record.code = task->exit_code;
	else if (signal->flags & NT_SIGNAL_GROUP_EXIT)
		record.code = signal->group_exit_code;
	else
		record.code = task->group_leader->exit_code;
	nt_fill_head(&record.head, task, now, sizeof(record), NT_EXIT, group ? NT_GROUP : 0);
	if (t)
		record.head.number = t->number;
	nt_send(&record, sizeof(record));
	/* Last: a reader that finds the member gone finds its end in the ring. */
	if (group) {
		bpf_map_delete_elem(&processes, &tgid);
		if (!bpf_map_delete_elem(&members, &tgid))
			__sync_fetch_and_add(&nt_alive, -1);
	}
	return 0;
}

/* Never attached: test-run by the loader, which may be in a pid namespace, to learn its own id. */
SEC("raw_tp/own_id")
int nt_own_id(struct bpf_raw_tracepoint_args *ctx)
{
	nt_collector = bpf_get_current_pid_tgid() >> 32;
	return nt_collector;
}

#endif
