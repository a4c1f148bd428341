/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The program that userspace has run over all threads, once a second: it samples segments that
 * have not ended, and frees what idle threads need no more.
 */
#ifndef NT_HOOK_SAMPLE_H
#define NT_HOOK_SAMPLE_H

/* The layout is the kernel's promise, unlike those of vmlinux_min.h. */
struct bpf_iter_meta;
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* Sends what was sampled, `size` bytes. Whether it must be sampled again. */
static __always_inline bool nt_send_so_far(struct nt_so_far *to, struct task_struct *task, __u64 now,
					   __u32 size)
{
	asm volatile("" : "+r"(size));
	if (size > sizeof(*to))
		return false;
	__builtin_memset(&to->segment.head, 0, sizeof(to->segment.head));
	nt_fill_head(&to->segment.head, task, now, size, NT_SO_FAR, 0);
	if (nt_execs(task))
		return false;
	if (bpf_ringbuf_output(&ring, to, size, BPF_RB_NO_WAKEUP)) {
		if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA))
			return true;
		nt_count(NT_N_SEGMENT);
	}
	return false;
}

/* Of an idle thread whose other state was freed. Whether it must be sampled again. */
static __always_inline bool nt_sample_idle(struct nt_thread_idle *idle, struct task_struct *task,
					   struct nt_so_far *to, __u64 since, __u64 now)
{
	__u64 out = nt_ordered_load(idle->out), off, waited;

	to->segment = idle->segment;
	if (out) {
		off = nt_off_so_far(task, out, idle->run_delay, idle->state, now, &waited);
		to->segment.runnable += waited;
		to->segment.blocked += off - waited;
	}
	to->segment.minor = task->min_flt - idle->minor;
	to->segment.major = task->maj_flt - idle->major;
	if (nt_ordered_load(idle->segment.since) != since || nt_ordered_load(idle->out) != out)
		return true;
	return nt_send_so_far(to, task, now, sizeof(to->segment));
}

/* Of any other thread. */
static __always_inline bool nt_sample_active(struct nt_thread_activity *a, struct task_struct *task,
					     struct nt_so_far *to, __u64 since, __u64 now)
{
	__u64 out, entered, off, waited = 0, blocked, runnable;
	__u32 n, size;

	out = nt_ordered_load(a->out);
	entered = nt_ordered_load(a->entered);
	n = nt_ordered_load(a->segment.calls);
	if (n > NT_CALLS_MAX)
		n = NT_CALLS_MAX;
	size = sizeof(a->segment) + n * sizeof(a->calls[0]);
	asm volatile("" : "+r"(size));
	if (size > sizeof(*to) || bpf_probe_read_kernel(to, size, &a->segment))
		return false;
	blocked = a->call_blocked;
	runnable = a->call_runnable;
	if (out) {
		off = nt_off_so_far(task, out, a->run_delay, a->state, now, &waited);
		to->segment.runnable += waited;
		to->segment.blocked += off - waited;
		if (entered) {
			runnable += waited;
			blocked += off - waited;
		} else if (!a->idle) {
			to->segment.fault += off - waited;
			if (a->state & NT_TASK_HELD)
				n = nt_held_so_far(to, n, a->state, off - waited);
		}
	}
	to->segment.minor = task->min_flt - a->minor;
	to->segment.major = task->maj_flt - a->major;
	if (nt_call_in_progress(to, n, a, entered, now, blocked, runnable))
		n++;
	if (nt_ordered_load(a->segment.since) != since || nt_ordered_load(a->out) != out)
		return true;
	to->segment.calls = n;
	return nt_send_so_far(to, task, now, sizeof(to->segment) + n * sizeof(to->calls[0]));
}

/* Returns 1 to have the same task sampled again, at the next read. */
SEC("iter/task")
int nt_sample_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct nt_thread_idle *idle = NULL;
	struct nt_thread_activity *a;
	__u64 since, marker, now;
	struct nt_so_far *to;
	__u32 zero = 0;

	/* One that is exiting has reported all it did. */
	if (!task || task->flags & NT_PF_EXITING || nt_execs(task) || !nt_may_see(task) ||
	    !task->bpf_storage)
		return 0;
	a = bpf_task_storage_get(&activities, task, NULL, 0);
	if (!a)
		idle = nt_idle_of(task);
	if (!a && !idle)
		return 0;
	since = a ? NT_READ(a->segment.since) : NT_READ(idle->segment.since);
	marker = a ? a->marker : idle->marker;
	now = bpf_ktime_get_ns();
	to = bpf_map_lookup_elem(&so_far, &zero);
	if (!to || !since || since + NT_SAMPLE_NS > now)
		return 0;
	if (nt_inside == NT_INSIDE_THREAD && nt_is_idle(marker, task->pid)) {
		if (a && nt_ring_has_room())
			nt_free_idle(a, task, to, now);
		return 0;
	}
	if (!nt_ring_has_room())
		return 1;
	return a ? nt_sample_active(a, task, to, since, now) : nt_sample_idle(idle, task, to, since, now);
}

#endif
