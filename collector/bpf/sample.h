/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * How segments are sampled that have not ended: a thread that sleeps or computes runs no
 * program of ours. Nothing is changed, so a thread that runs meanwhile need not wait.
 *
 * The thread is on another cpu. Its sums only grow, so whichever of its stores are
 * seen, too little is reported at worst, and the next record makes up for that.
 * Four words say what the sums are of, and are stored in order with them
 * (nt_store_first, nt_store_last), so that nothing is reported twice:
 *
 *   since    is 0 while the next segment begins: old sums are not taken for new ones
 *   calls    is raised when the new element is empty: nor are old elements
 *   out      is cleared before the time off the cpu is added to the sums
 *   entered  is cleared before the call is added to the calls that returned, and
 *            set when what there is to know of the call is there
 *
 * They are loaded before the sums and, but for `calls`, again behind them; all have
 * times for values, so one that is the same was not changed. `out` is loaded before
 * `entered`: a thread that left the cpu in a call is known to be in it. Of the words of the
 * scheduler (on_cpu, run_delay, a cpu's last switch) no order is needed: an old one makes
 * the time off the cpu shorter, never longer than since `out`.
 */
#ifndef NT_SAMPLE_H
#define NT_SAMPLE_H

/* A younger segment is not sampled yet. */
#define NT_SAMPLE_NS 500000000ULL

/* A younger call needs no record of its own: it is counted when it returns. */
#define NT_IN_PROGRESS_NS 1000000ULL

#define NT_PF_EXITING 4

struct nt_so_far {
	struct nt_segment segment;
	struct nt_calls calls[NT_CALLS_MAX + 1];
};

/* One is enough: userspace runs one iteration at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nt_so_far);
} so_far SEC(".maps");

/* When the cpu where the task runs switched to it; 0: it does not run. */
static __always_inline __u64 nt_last_switch_of(struct task_struct *task)
{
	__u32 zero = 0, cpu = 0;
	__u64 *last_switch;

	/* These fields are absent on kernels for one cpu: there the only task that runs is the sampler. */
	if (!bpf_core_field_exists(task->on_cpu) || !task->on_cpu)
		return 0;
	if (bpf_core_field_exists(task->thread_info.cpu))
		cpu = task->thread_info.cpu;
	last_switch = bpf_map_lookup_percpu_elem(&last_switches, &zero, cpu);
	return last_switch ? *last_switch : 0;
}

/*
 * For how long a task has waited that was woken and does not run yet. When it was
 * queued is known by the scheduler's clock: how far that is from ours is seen in
 * when the task that samples came to this cpu.
 */
static __always_inline __u64 nt_queued(struct task_struct *task, __u64 now)
{
	struct task_struct *own = bpf_get_current_task_btf();
	__u64 *last_switch = nt_last_switch(), queued;

	if (!last_switch || !bpf_core_field_exists(task->sched_info.last_queued))
		return 0;
	queued = task->sched_info.last_queued;
	if (!queued)
		return 0;
	queued += *last_switch - own->sched_info.last_arrival;
	return queued < now ? now - queued : 0;
}

/* Time off the cpu, until `now`, of a task that was switched out at `out` and did nothing that is seen since. */
static __always_inline __u64 nt_off_so_far(struct task_struct *task, __u64 out,
					   __u64 run_delay, __u32 state, __u64 now, __u64 *waited)
{
	__u64 last_switch = nt_last_switch_of(task), off;

	if (last_switch)
		return nt_off(task, out, run_delay, state, last_switch, now, waited);
	off = now > out ? now - out : 0;
	*waited = 0;
	if (!state)
		*waited = off;
	else if (task->__state == 0)
		*waited = nt_run_delay(task) - run_delay + nt_queued(task, now);
	if (*waited > off)
		*waited = off;
	return off;
}

/* The call the task is in, behind the `n` that returned. */
static __always_inline bool nt_call_in_progress(struct nt_so_far *to, __u32 n, struct nt_thread_activity *a,
				     __u64 entered, __u64 now, __u64 blocked,
				     __u64 runnable)
{
	struct nt_calls *calls;
	__u64 time;

	asm volatile("" : "+r"(n));
	if (n > NT_CALLS_MAX || !entered || entered + NT_IN_PROGRESS_NS > now)
		return false;
	time = now - entered;
	calls = &to->calls[n];
	__builtin_memset(calls, 0, sizeof(*calls));
	calls->nr = a->nr;
	calls->file = a->file;
	calls->flags = (a->class & NT_OUT ? NT_C_OUT : a->class & NT_IN ? NT_C_IN : 0) | NT_C_IN_PROGRESS;
	calls->min = ~0ULL;
	calls->time = time;
	calls->runnable = runnable < time ? runnable : time;
	time -= calls->runnable;
	calls->blocked = blocked < time ? blocked : time;
	if (nt_ordered_load(a->entered) != entered)
		return false;
	to->segment.kernel += time - calls->blocked;
	return true;
}

/* Adds time in which the task is held to what the `n` calls have of it, or behind them. Their number then. */
static __always_inline __u32 nt_held_so_far(struct nt_so_far *to, __u32 n, __u32 state, __u64 time)
{
	__u32 nr = nt_held_by(state);
	struct nt_calls *calls;

	for (__u32 at = 0; at < NT_CALLS_MAX && at < n; at++) {
		calls = &to->calls[at];
		if (calls->flags == NT_C_HELD && calls->nr == nr) {
			calls->time += time;
			return n;
		}
	}
	asm volatile("" : "+r"(n));
	if (n >= NT_CALLS_MAX)
		return n;
	calls = &to->calls[n];
	__builtin_memset(calls, 0, sizeof(*calls));
	calls->nr = nr;
	calls->flags = NT_C_HELD;
	calls->min = ~0ULL;
	calls->time = time;
	return n + 1;
}

/*
 * Whether the task is in exec. There its id may change, and until the record of that is
 * sent, userspace would take its segment for another thread's.
 */
static __always_inline bool nt_execs(struct task_struct *task)
{
	return bpf_core_field_exists(task->in_execve) && BPF_CORE_READ_BITFIELD(task, in_execve);
}

#endif
