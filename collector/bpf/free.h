/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Frees the state that an idle thread's activity needed. The thread may wake up at any time. So
 * its state is first marked, and only then is looked whether the thread is asleep: either
 * it is seen to be awake, or it sees the mark before it uses the state for a marker, and takes the mark away. What is
 * left is the moment between the last exchange and the deletion: a marker that is written then is sent,
 * and its segment counted as lost. Programs at calls and switches do not look at the mark: what they write
 * meanwhile is of the time since the thread was asleep, which its idle state has too.
 */
#ifndef NT_FREE_H
#define NT_FREE_H

/*
 * Whether the task is asleep, and so in none of our programs: these do not sleep, and one that
 * was preempted in them is runnable.
 */
static __always_inline bool nt_sleeps(struct task_struct *task)
{
	if (bpf_core_field_exists(task->on_cpu) && task->on_cpu)
		return false;
	return task->__state != 0;
}

/* Takes the mark away. False: the thread did. */
static __always_inline bool nt_unmark(struct nt_thread_activity *a, __u32 ready)
{
	return __sync_val_compare_and_swap(&a->thread.ready, NT_LEAVING, ready) == NT_LEAVING;
}

/*
 * What the thread, asleep since `out`, did until `now`, as the segment that ends. Its bytes; 0 if the thread
 * woke up meanwhile: it may have changed what was copied.
 */
static __always_inline __u32 nt_last_segment(struct nt_so_far *to, struct nt_thread_activity *a,
					     struct task_struct *task, __u64 out, __u64 now)
{
	__u32 n = NT_READ(a->segment.calls), size;

	if (n > NT_CALLS_MAX)
		n = NT_CALLS_MAX;
	size = sizeof(a->segment) + n * sizeof(a->calls[0]);
	asm volatile("" : "+r"(size));
	if (size > sizeof(*to) || bpf_probe_read_kernel(to, size, &a->segment))
		return 0;
	if (nt_ordered_load(a->out) != out)
		return 0;
	to->segment.calls = n;
	to->segment.blocked += now - out;
	to->segment.minor = task->min_flt - a->minor;
	to->segment.major = task->maj_flt - a->major;
	nt_fill_head(&to->segment.head, task, now, size, NT_SEGMENT, 0);
	to->segment.head.number = a->thread.number;
	return size;
}

/* What is kept of the thread, from `now` on. */
static __always_inline void nt_keep_idle(struct nt_thread_idle *idle, struct nt_thread_activity *a,
					 struct task_struct *task, __u64 now)
{
	__builtin_memset(idle, 0, sizeof(*idle));
	idle->thread.number = a->thread.number;
	idle->out = now;
	idle->run_delay = nt_run_delay(task);
	idle->state = a->state;
	idle->marker = a->marker;
	idle->minor = task->min_flt;
	idle->major = task->maj_flt;
	idle->segment.since = now;
}

/* Whether it is asleep, and has been idle for long enough. */
static __always_inline bool nt_may_free(struct nt_thread_activity *a, struct task_struct *task,
					__u64 out, __u64 now)
{
	/* Outside of a call it is held, or in a page fault: what that takes is told apart. */
	return out && out <= now && a->marker + NT_FREE_NS <= now && (a->entered || a->idle) &&
	       nt_sleeps(task) && nt_is_idle(a->marker, task->pid);
}

/* Frees the state of the thread, if it may be freed by `now`. */
static __always_inline void nt_free_idle(struct nt_thread_activity *a, struct task_struct *task,
					 struct nt_so_far *to, __u64 now)
{
	struct nt_thread_idle *idle = bpf_task_storage_get(&idles, task, NULL, 0);
	__u32 size = 0;
	__u64 out;

	if (!idle || !nt_may_free(a, task, NT_READ(a->out), now) ||
	    __sync_val_compare_and_swap(&a->thread.ready, NT_READY, NT_LEAVING) != NT_READY)
		return;
	out = NT_READ(a->out);
	if (nt_may_free(a, task, out, now))
		size = nt_last_segment(to, a, task, out, now);
	asm volatile("" : "+r"(size));
	if (!size || size > sizeof(*to)) {
		nt_unmark(a, NT_READY);
		return;
	}
	nt_keep_idle(idle, a, task, now);
	if (!nt_unmark(a, NT_GONE))
		return;
	bpf_task_storage_delete(&activities, task);
	if (bpf_ringbuf_output(&ring, to, size, BPF_RB_NO_WAKEUP))
		nt_count(NT_N_SEGMENT);
}

#endif
