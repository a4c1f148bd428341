/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The facts of a process, reported once. */
#ifndef NT_FACTS_H
#define NT_FACTS_H

/*
 * Whether a confined nulltrace may observe the task: all its user ids are those of
 * nulltrace's user, as ptrace asks too.
 * The answer can change: a thread may run a program with the set-user-id bit.
 */
static __always_inline bool nt_may_see(struct task_struct *task)
{
	const struct cred *cred;

	if (!nt_confined)
		return true;
	cred = task->real_cred;
	return cred->uid.val == nt_own && cred->euid.val == nt_own && cred->suid.val == nt_own;
}

/* Command line and cgroup path of a process, where activity is observed: fields to group by. */
struct nt_origin {
	union {
		struct nt_head head;
		struct nt_cgroup group;
	};
	char text[2 * NT_NAMES_MAX]; /* twice: see nt_file_text */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nt_origin);
} origins SEC(".maps");

/* Cgroups whose path userspace knows. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 12);
	__type(key, __u64);
	__type(value, __u32);
} cgroups SEC(".maps");

#define NT_CGROUP_DEPTH 24

static __always_inline struct kernfs_node *nt_kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___since_6_15 *since_6_15 = (void *)node;

	if (bpf_core_field_exists(since_6_15->__parent))
		return BPF_CORE_READ(since_6_15, __parent);
	return BPF_CORE_READ(node, parent);
}

/* Reports the path of the task's cgroup, if it was not reported yet. */
__noinline int nt_report_cgroup(__u64 ts)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kernfs_node *node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	__u64 id = bpf_get_current_cgroup_id();
	__u32 zero = 0, n = 0;
	struct nt_origin *o;

	if (bpf_map_lookup_elem(&cgroups, &id))
		return 0;
	o = bpf_map_lookup_elem(&origins, &zero);
	if (!o)
		return 0;
	__builtin_memset(&o->group, 0, sizeof(o->group));
	o->group.id = id;
	for (int i = 0; i < NT_CGROUP_DEPTH; i++) {
		struct kernfs_node *above = nt_kernfs_parent(node);
		long len;

		/* The root has no name. */
		if (!above)
			break;
		n = NT_READ(o->group.names);
		asm volatile("" : "+r"(n));
		if (n > NT_NAMES_MAX - 256)
			break;
		len = bpf_probe_read_kernel_str((char *)o + sizeof(o->group) + n, 256,
						BPF_CORE_READ(node, name));
		if (len <= 0 || len > 256)
			break;
		o->group.names = n + len;
		node = above;
	}
	n = NT_READ(o->group.names) + sizeof(o->group);
	asm volatile("" : "+r"(n));
	if (n > NT_NAMES_MAX)
		return 0;
	nt_fill_head(&o->head, task, ts, n, NT_CGROUP, 0);
	if (nt_send(o, n))
		bpf_map_update_elem(&cgroups, &id, &zero, BPF_ANY);
	return 0;
}

__noinline int nt_report_command(__u64 ts)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 start = task->mm->arg_start, end = task->mm->arg_end, n = end - start;
	__u32 zero = 0;
	struct nt_origin *o = bpf_map_lookup_elem(&origins, &zero);
	__u8 flags = 0;

	if (!o || end <= start)
		return 0;
	if (n > NT_COMMAND_MAX) {
		n = NT_COMMAND_MAX;
		flags = NT_SHORTENED;
	}
	asm volatile("" : "+r"(n));
	if (n > NT_COMMAND_MAX ||
	    bpf_probe_read_user((char *)o + sizeof(o->head), n, (void *)start))
		return 0;
	__builtin_memset(&o->head, 0, sizeof(o->head));
	nt_fill_head(&o->head, task, ts, sizeof(o->head) + n, NT_COMMAND, flags);
	nt_send(o, sizeof(o->head) + n);
	return 0;
}

static __always_inline bool nt_send_facts(struct nt_process *p, struct task_struct *task, __u32 tid,
					  __u64 ts, __u8 flags)
{
	struct task_struct *leader = task->group_leader;

	if (!nt_may_see(task))
		return true; /* there is nothing to report */
	__builtin_memset(p, 0, sizeof(*p));
	nt_fill_head(&p->head, task, ts, sizeof(*p), NT_PROCESS, flags);
	p->head.tid = tid;
	p->start = leader->start_time;
	p->cgroup = bpf_get_current_cgroup_id();
	p->ppid = leader->real_parent->tgid;
	p->uid = bpf_get_current_uid_gid();
	/* The process's name is its leader's: threads may have their own. */
	bpf_probe_read_kernel_str(p->comm, sizeof(p->comm), leader->comm);
	bpf_probe_read_kernel_str(p->exe, sizeof(p->exe),
				  task->mm->exe_file->f_path.dentry->d_name.name);
	if (nt_activity)
		nt_report_cgroup(ts);
	if (!nt_send(p, sizeof(*p)))
		return false;
	if (nt_activity)
		nt_report_command(ts);
	return true;
}

/* The end of a member is reported even where there was no memory for this, as is that of one another thread put there. */
static __always_inline void nt_set_reported(__u32 tgid, __u32 reported)
{
	if (bpf_map_update_elem(&processes, &tgid, &reported, BPF_ANY) && !nt_is_known(tgid))
		nt_count(NT_N_STORAGE);
}

/*
 * Before a marker of a thread that is not NT_READY. Reports the facts of its process if it is the first; again at
 * the next one if that failed. A state that is NT_LEAVING stays. 0: it is NT_GONE, so the marker has no number, and
 * the segment that begins with it is lost.
 */
__noinline int nt_make_ready(struct nt_thread *t, __u64 ts, __u32 slot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tgid = task->tgid;
	__u32 *reported = bpf_map_lookup_elem(&processes, &tgid);

	__u32 ready;

	if (!t)
		return 1;
	ready = __sync_val_compare_and_swap(&t->ready, NT_LEAVING, NT_READY);
	if (ready == NT_GONE)
		nt_count(NT_N_SEGMENT);
	if (ready != NT_UNREPORTED)
		return ready != NT_GONE;
	if (!reported || !*reported) {
		struct nt_scratch *s = nt_scratch(slot);

		if (!s || !nt_send_facts(&s->process, task, task->pid, ts, 0))
			return 1;
		nt_set_reported(tgid, 1);
	}
	t->ready = NT_READY;
	return 1;
}

#endif
