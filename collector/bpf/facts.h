/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What is told of a process, once. */
#ifndef NT_FACTS_H
#define NT_FACTS_H

static __always_inline bool nt_send_facts(struct nt_process *p, struct task_struct *task, __u64 ts,
					  __u8 flags)
{
	struct task_struct *leader = task->group_leader;

	__builtin_memset(p, 0, sizeof(*p));
	nt_fill_head(&p->head, ts, sizeof(*p), NT_PROCESS, flags);
	p->start = leader->start_time;
	p->cgroup = bpf_get_current_cgroup_id();
	p->ppid = leader->real_parent->tgid;
	p->uid = bpf_get_current_uid_gid();
	/* The process's name is its leader's: threads may bear their own. */
	bpf_probe_read_kernel_str(p->comm, sizeof(p->comm), leader->comm);
	bpf_probe_read_kernel_str(p->exe, sizeof(p->exe),
				  task->mm->exe_file->f_path.dentry->d_name.name);
	return nt_send(p, sizeof(*p));
}

/* Tells the facts before a process's first marker; again at the next one if that failed. */
static __noinline int nt_first_sight(struct task_struct *task, struct nt_thread *t, __u64 ts,
				     __u32 slot)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u32 *state = bpf_map_lookup_elem(&processes, &tgid);
	__u32 told = NT_TOLD;

	if (!state || !(*state & NT_TOLD)) {
		struct nt_scratch *s = nt_scratch(slot);

		if (!s || !nt_send_facts(&s->process, task, ts, 0))
			return 0;
		if (state)
			__sync_fetch_and_or(state, NT_TOLD);
		else if (bpf_map_update_elem(&processes, &tgid, &told, BPF_NOEXIST))
			nt_count(NT_N_STORAGE);
	}
	t->told = 1;
	return 0;
}

#endif
