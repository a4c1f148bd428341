/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What is kept of a thread that has had no span open for a while. The state that its activity
 * needs is 40 times as large, so it is freed, by the program that samples threads (sample.h), and
 * created again by the thread's next marker. Until then the time that the thread spends is
 * added up here. Its calls are not counted, as of any idle thread.
 */
#ifndef NT_IDLE_H
#define NT_IDLE_H

/* For so long after its last marker a thread keeps all of its state. */
#define NT_FREE_NS 1000000000ULL

/* Every thread has one that wrote a marker; it is in use (segment.since) while there is none in `activities`. */
struct nt_thread_idle {
	struct nt_thread thread;
	__u64 out;	 /* as in struct nt_thread_activity */
	__u64 run_delay;
	__u64 marker;
	__u64 minor, major;
	struct nt_segment segment;
	__u32 state;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct nt_thread_idle);
} idles SEC(".maps");

/* The idle thread's state; NULL if the task is none. It must have storage of some kind. */
static __always_inline struct nt_thread_idle *nt_idle_of(struct task_struct *task)
{
	struct nt_thread_idle *idle = bpf_task_storage_get(&idles, task, NULL, 0);

	return idle && idle->segment.since ? idle : NULL;
}

/* As nt_account_off_cpu. */
static __always_inline void nt_idle_off_cpu(struct nt_thread_idle *idle, struct task_struct *task,
					    __u64 now)
{
	__u64 *last_switch, off, waited;

	if (!idle->out)
		return;
	last_switch = nt_last_switch();
	if (!last_switch)
		return;
	off = nt_off(task, idle->out, idle->run_delay, idle->state, *last_switch, now, &waited);
	nt_store_first(idle->out, 0);
	idle->segment.runnable += waited;
	idle->segment.blocked += off - waited;
}

/* The current thread leaves its cpu. Whether it is an idle one. Not inlined, so that it costs other threads nothing. */
__noinline int nt_idle_switch(__u32 preempted)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_thread_idle *idle = nt_idle_of(task);
	__u64 now;

	if (!idle)
		return 0;
	now = bpf_ktime_get_ns();
	nt_idle_off_cpu(idle, task, now);
	idle->state = preempted ? 0 : task->__state;
	if (idle->state)
		idle->segment.voluntary++;
	else
		idle->segment.involuntary++;
	idle->run_delay = nt_run_delay(task);
	nt_store_last(idle->out, now);
	return 1;
}

/* The idle thread ends: sends its segment. */
static __always_inline void nt_idle_exit(struct nt_thread_idle *idle, struct task_struct *task,
					 __u64 now)
{
	struct nt_segment *segment = &idle->segment;

	nt_idle_off_cpu(idle, task, now);
	segment->minor = task->min_flt - idle->minor;
	segment->major = task->maj_flt - idle->major;
	nt_fill_head(&segment->head, task, now, sizeof(*segment), NT_SEGMENT, 0);
	segment->head.number = idle->thread.number;
	if (bpf_ringbuf_output(&ring, segment, sizeof(*segment), BPF_RB_NO_WAKEUP))
		nt_count(NT_N_SEGMENT);
	segment->since = 0;
}

/*
 * Creates the state that the current thread's activity needs. That of an idle thread goes on in it. Not inlined: it
 * is rare, and the hooks have no room for it on their stacks.
 */
__noinline int nt_create_activity(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_thread_idle *idle = nt_idle_of(task);
	struct nt_thread_activity *a = nt_create(&activities, task);

	if (!a) {
		nt_count(NT_N_SEGMENT);
		if (idle)
			idle->segment.since = 0;
		return 0;
	}
	if (!idle)
		return 0;
	a->thread = idle->thread;
	a->out = idle->out;
	a->run_delay = idle->run_delay;
	a->state = idle->state;
	a->marker = idle->marker;
	a->idle = true;
	a->minor = idle->minor;
	a->major = idle->major;
	a->segment = idle->segment;
	return 0;
}

/*
 * The current thread, which may be an idle one, begins a call. A file that it connects may have been reported
 * without its address: then its state is created, as such calls are followed. Whether it was.
 */
__noinline int nt_idle_call(__u32 nr)
{
	if (!(nt_class_of(nr) & NT_NAMES) || !nt_idle_of(bpf_get_current_task_btf()))
		return 0;
	nt_create_activity();
	return 1;
}

#endif
