/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What a thread does between two of its markers, added up here, so that a span
 * costs one record whatever it does. Only threads that wrote a marker have this
 * state: for all others there is one failed look-up.
 */
#ifndef NT_ACTIVITY_H
#define NT_ACTIVITY_H

/* Where its thread cannot be sampled (nt_parts), a longer segment is sent in parts. */
#define NT_PART_NS 1000000000ULL
/* A segment whose `calls` are full is sent at once; where the ring is half full, not before it is this old. */
#define NT_FULL_NS 100000ULL

#define NT_SEGMENT_MAX (sizeof(struct nt_segment) + NT_CALLS_MAX * sizeof(struct nt_calls))

struct nt_thread_activity {
	struct nt_thread thread;
	__u64 out;	  /* when it was switched out, until that is accounted; 0: no */
	__u64 run_delay;  /* the scheduler's count then */
	__u64 entered;	  /* the call under way; 0: none, or one not to be counted */
	__u64 marker;	  /* when the thread last wrote one */
	__u64 call_blocked;
	__u64 call_runnable;
	__u32 nr;
	__u32 at;	 /* of its kind in `calls` */
	__u32 fd;	 /* of the call, where its file may have another name after it */
	__u32 state;	 /* in which it was switched out; 0: runnable */
	__u16 class;	 /* of the call */
	bool idle;	 /* it has no span open: its calls are not counted */
	struct nt_file_id file; /* of the call */
	struct nt_file_id from; /* the file its bytes come from, if that is another */
	struct nt_file_id other_files; /* NT_OTHER_FILES, for files there is no room for */
	struct nt_used used[NT_USED];
	unsigned long minor, major; /* the task's counts when the segment began */
	struct nt_segment segment;  /* sent, with as many of `calls` as it says */
	struct nt_calls calls[NT_CALLS_MAX];
	struct nt_short marker_room; /* the marker that ends the segment is sent behind the last of `calls` */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct nt_thread_activity);
} activities SEC(".maps");

/* When each cpu switched to the thread that runs there now. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} last_switches SEC(".maps");

/*
 * When each group of threads that share their spans had a marker last: then a
 * segment of any of them ends at its next system call. A thread that never wrote a
 * marker is observed as soon as its group has one. Other cpus read the time without
 * a lock: an old one ends a segment a call later, a time in an
 * element reused for another group ends it early, which costs a record and no accuracy.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 14);
	__type(key, __u32);
	__type(value, __u64);
} marked SEC(".maps");

/* The groups of a thread, a script's having two: the process's own and its parent's. */
static __always_inline void nt_groups_of(struct task_struct *task, __u32 group[2])
{
	group[0] = group[1] = 0;
	if (nt_inside == NT_INSIDE_MACHINE)
		return;
	group[0] = group[1] = task->tgid;
	if (nt_inside == NT_INSIDE_SCRIPT)
		group[1] = task->real_parent->tgid;
}

/* 0: never. */
static __always_inline __u64 nt_marked(struct task_struct *task)
{
	__u32 group[2];
	__u64 *ts, last;

	nt_groups_of(task, group);
	ts = bpf_map_lookup_elem(&marked, &group[0]);
	last = ts ? *ts : 0;
	if (nt_inside != NT_INSIDE_SCRIPT)
		return last;
	ts = bpf_map_lookup_elem(&marked, &group[1]);
	return ts && *ts > last ? *ts : last;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, NT_IDLE_SLOTS);
	__type(key, __u32);
	__type(value, struct nt_idle);
} idle_threads SEC(".maps");

/* Whether the thread had no span open after its last marker, of that time, as far as userspace has read. */
static __always_inline bool nt_is_idle(__u64 marker, __u32 tid)
{
	__u32 at = tid % NT_IDLE_SLOTS;
	struct nt_idle *idle = bpf_map_lookup_elem(&idle_threads, &at);

	/* Userspace writes 0, the thread and the time, in this order: with a time comes its thread. */
	return idle && idle->marker == marker && nt_ordered_load(idle->tid) == tid;
}

static __always_inline __u64 *nt_last_switch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&last_switches, &zero);
}

/* How long the task has ever waited for a cpu, ns; 0 where the kernel does not keep it. */
static __always_inline __u64 nt_run_delay(struct task_struct *task)
{
	return bpf_core_field_exists(task->sched_info.run_delay) ? task->sched_info.run_delay : 0;
}

/* The current task's state; NULL if it has none. Checking for storage of any kind is cheaper than the look-up. */
static __always_inline struct nt_thread_activity *nt_activity_of(struct task_struct *task)
{
	if (!task->bpf_storage)
		return NULL;
	return bpf_task_storage_get(&activities, task, NULL, 0);
}

/* The current task's marker state; NULL if it wrote no marker. */
static __always_inline struct nt_thread *nt_thread_of(struct task_struct *task)
{
	struct nt_thread_activity *a;

	if (!nt_activity)
		return bpf_task_storage_get(&threads, task, NULL, 0);
	a = bpf_task_storage_get(&activities, task, NULL, 0);
	return a ? &a->thread : NULL;
}

/*
 * How long the task was off the cpu, from `out` to `last_switch`; sets `waiting` to the part it was runnable.
 * `run_delay` is the scheduler's count at `out`, `state` that of the task.
 */
static __always_inline __u64 nt_off(struct task_struct *task, __u64 out, __u64 run_delay,
				    __u32 state, __u64 last_switch, __u64 now, __u64 *waiting)
{
	__u64 off = last_switch > out ? last_switch - out : 0;
	__u64 waited = nt_run_delay(task) - run_delay;

	/* The scheduler's count is right even where a switch of another thread was not seen. */
	if (off < waited)
		off = waited;
	/* That is by another clock, which may have been read at another time. */
	if (off > now - out)
		off = now - out;
	if (waited > off)
		waited = off;
	if (!state)
		waited = off;
	*waiting = waited;
	return off;
}

/* States of a task that does not run, as the kernel has them since 6.1. */
#define NT_TASK_STOPPED 0x4
#define NT_TASK_TRACED 0x8
/*
 * The freezer of cgroups puts a thread to sleep in the second, the other one in the first.
 * Both do so on the way back to the program: there nothing else sleeps like that.
 */
#define NT_TASK_FROZEN (0x8000 | 0x2000)
#define NT_TASK_HELD (NT_TASK_STOPPED | NT_TASK_TRACED | NT_TASK_FROZEN)

static __always_inline __u32 nt_held_by(__u32 state)
{
	return state & NT_TASK_STOPPED ? NT_HELD_STOPPED :
	       state & NT_TASK_TRACED ? NT_HELD_TRACED : NT_HELD_FROZEN;
}

int nt_add_held(struct nt_thread_activity *a, __u64 time);

/*
 * Accounts for the time the current task was off its cpu, if it was. That ended at
 * the last switch on this cpu, which was to this task: so nothing has to be looked up
 * for a task when it is switched in, where it is not the current one.
 */
static __always_inline void nt_account_off_cpu(struct nt_thread_activity *a, struct task_struct *task,
				      __u64 now)
{
	__u64 *last_switch, off, waited;

	if (!a->out)
		return;
	last_switch = nt_last_switch();
	if (!last_switch)
		return;
	off = nt_off(task, a->out, a->run_delay, a->state, *last_switch, now, &waited);
	nt_store_first(a->out, 0);
	a->segment.runnable += waited;
	a->segment.blocked += off - waited;
	if (a->entered) {
		a->call_runnable += waited;
		a->call_blocked += off - waited;
	} else if (!a->idle) {
		a->segment.fault += off - waited;
		if (a->state & NT_TASK_HELD)
			nt_add_held(a, off - waited);
	}
}

static __always_inline void nt_segment_begin(struct nt_thread_activity *a, struct task_struct *task,
					     __u64 ts)
{
	nt_store_first(a->segment.since, 0);
	/* The rest of the head is filled in when it is sent. */
	a->segment.head.number = 0;
	__builtin_memset(&a->segment.kernel, 0,
			 sizeof(a->segment) - __builtin_offsetof(struct nt_segment, kernel));
	a->minor = task->min_flt;
	a->major = task->maj_flt;
	nt_store_last(a->segment.since, ts);
}

/* Completes the segment. Its bytes; 0 if there is none. */
static __always_inline __u32 nt_segment_complete(struct nt_thread_activity *a,
						 struct task_struct *task, __u64 ts,
						 __u8 flags)
{
	struct nt_segment *segment = &a->segment;
	__u32 n;

	nt_account_off_cpu(a, task, ts);
	if (!segment->since)
		return 0;
	segment->minor = task->min_flt - a->minor;
	segment->major = task->maj_flt - a->major;
	n = NT_READ(segment->calls);
	if (n > NT_CALLS_MAX)
		n = NT_CALLS_MAX;
	n = sizeof(*segment) + n * sizeof(a->calls[0]);
	nt_fill_head(&segment->head, task, ts, n, NT_SEGMENT, flags);
	asm volatile("" : "+r"(n));
	return n;
}

/* Sends the segment, if there is one, and begins the next. */
static __always_inline void nt_segment_end(struct nt_thread_activity *a, struct task_struct *task,
					   __u64 ts, __u8 flags)
{
	__u32 n = nt_segment_complete(a, task, ts, flags);

	a->segment.head.number = a->thread.number;
	if (n && n <= NT_SEGMENT_MAX &&
	    bpf_ringbuf_output(&ring, &a->segment, n, BPF_RB_NO_WAKEUP))
		nt_count(NT_N_SEGMENT);
	nt_segment_begin(a, task, ts);
}

/* After a marker was sent: the next segment begins. The marker's own call is no activity. */
static __always_inline void nt_marked_now(struct nt_thread_activity *a, struct task_struct *task,
					  __u64 ts)
{
	a->entered = 0;
	a->marker = ts;
	a->idle = false;
	if (nt_inside != NT_INSIDE_THREAD) {
		__u32 group[2];

		nt_groups_of(task, group);
		bpf_map_update_elem(&marked, &group[0], &ts, BPF_ANY);
		if (nt_inside == NT_INSIDE_SCRIPT)
			bpf_map_update_elem(&marked, &group[1], &ts, BPF_ANY);
	}
}

/* The segment that a marker ends, where the marker is too long to go with it. */
__noinline int nt_segment_at_marker(__u64 ts)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_thread_activity *a = bpf_task_storage_get(&activities, task, NULL, 0);

	if (!a)
		return 0;
	nt_segment_end(a, task, ts, NT_AT_MARKER);
	nt_marked_now(a, task, ts);
	return 0;
}

/* Sends in one sample the segment that a marker of `n` bytes ends and the marker, whose number serves both. */
static __always_inline void nt_send_with_segment(struct nt_thread_activity *a,
						 struct task_struct *task, struct nt_short *r,
						 __u64 n, __u64 ts)
{
	__u32 segment = nt_segment_complete(a, task, ts, NT_AT_MARKER), all;

	if (!segment) {
		nt_send_marker(&r->head, n);
	} else if (segment <= NT_SEGMENT_MAX) {
		__builtin_memcpy((char *)&a->segment + segment, r, sizeof(*r));
		all = segment + n;
		asm volatile("" : "+r"(all));
		if (all <= NT_SEGMENT_MAX + sizeof(*r) && !nt_send(&a->segment, all)) {
			nt_count(NT_N_MARKER);
			nt_count(NT_N_SEGMENT);
		}
	}
	nt_segment_begin(a, task, ts);
	nt_marked_now(a, task, ts);
}

/* Ends the segment of a thread whose group had a marker. Its state is created if it wrote none itself. */
__noinline int nt_join(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_thread_activity *a = nt_activity_of(task);
	__u64 last = nt_marked(task), now;

	if (!last || (a && a->segment.since > last) || task->tgid == nt_collector ||
	    task->tgid == nt_keeper || (nt_confined && !nt_may_see_current()))
		return 0;
	now = bpf_ktime_get_ns();
	if (!a) {
		a = nt_create(&activities, task);
		if (!a) {
			nt_count(NT_N_SEGMENT);
			return 0;
		}
		nt_make_ready(&a->thread, now, NT_SLOT_SYSCALL);
	}
	nt_segment_end(a, task, now, 0);
	return 0;
}

/* Internal to the kernel, never returned to programs: linux/errno.h. */
#define NT_ERESTARTSYS 512
#define NT_ERESTARTNOINTR 513
#define NT_ERESTARTNOHAND 514
#define NT_ERESTART_RESTARTBLOCK 516

static __always_inline enum nt_error nt_error_of(__s64 ret)
{
	switch (-ret) {
	case EAGAIN: case EINPROGRESS: case EALREADY:
		return NT_E_AGAIN;
	case EINTR: case NT_ERESTARTSYS: case NT_ERESTARTNOINTR: case NT_ERESTARTNOHAND:
	case NT_ERESTART_RESTARTBLOCK:
		return NT_E_INTR;
	case ENOENT: case ENOTDIR: case ENODEV: case ENXIO: case ESRCH:
		return NT_E_ABSENT;
	case EPERM: case EACCES: case EROFS:
		return NT_E_DENIED;
	case EPIPE: case ECONNABORTED: case ECONNRESET: case ENOTCONN: case ETIMEDOUT:
	case ECONNREFUSED: case EHOSTDOWN: case EHOSTUNREACH:
		return NT_E_PEER;
	}
	return NT_E_OTHER;
}

/* The position of the highest bit; 0 for 0. */
static __always_inline __u32 nt_log2(__u64 n)
{
	__u32 log = 0;

	if (n >> 32) { n >>= 32; log += 32; }
	if (n >> 16) { n >>= 16; log += 16; }
	if (n >> 8) { n >>= 8; log += 8; }
	if (n >> 4) { n >>= 4; log += 4; }
	if (n >> 2) { n >>= 2; log += 2; }
	return log + (n >> 1);
}

/*
 * Finds where the calls of that number on that file are added up, or makes room
 * for them: `at` is NT_CALLS_MAX if there is none. A pipe may be written by one
 * splice and read by the next: these are two kinds, as only the one is counted
 * already. A call that took long finds room where another file has none: slow
 * calls matter most, and the segment is sent right behind it. The place goes
 * through memory, which makes it unknown to the verifier: so it walks what
 * follows once and not for each place.
 */
__noinline int nt_find_calls(struct nt_thread_activity *a, struct nt_file_id *file, __u32 flags,
			     __u64 time)
{
	struct nt_calls *calls;
	__u32 n, at;

	if (!a || !file)
		return 0;
	n = NT_READ(a->segment.calls);
	for (at = 0; at < NT_CALLS_MAX && at < n; at++) {
		calls = &a->calls[at];
		if (NT_READ(calls->nr) == a->nr && calls->flags == flags &&
		    nt_same_file(&calls->file, file))
			break;
	}
	a->at = at;
	at = NT_READ(a->at);
	asm volatile("" : "+r"(at));
	if (at < n || at >= NT_CALLS_MAX)
		return 0;
	if (file->ino && file->ino != NT_OTHER_FILES && at >= NT_CALLS_MAX - NT_CALLS_SPARE &&
	    time <= NT_FULL_NS) {
		a->at = NT_CALLS_MAX;
		return 0;
	}
	calls = &a->calls[at];
	__builtin_memset(calls, 0, sizeof(*calls));
	calls->nr = a->nr;
	calls->file = *file;
	calls->flags = flags;
	calls->min = ~0ULL;
	nt_store_last(a->segment.calls, at + 1);
	return 0;
}

/* Adds time in which the thread was held, between two calls. It has a place among them, as it is rare. */
__noinline int nt_add_held(struct nt_thread_activity *a, __u64 time)
{
	struct nt_file_id none = {};
	__u32 at;

	if (!a)
		return 0;
	a->nr = nt_held_by(a->state);
	nt_find_calls(a, &none, NT_C_HELD, 0);
	at = NT_READ(a->at);
	asm volatile("" : "+r"(at));
	if (at < NT_CALLS_MAX)
		a->calls[at].time += time;
	return 0;
}

/* Adds the call that returned to those at `at`, which must be in range. */
static __always_inline void nt_add_at(struct nt_thread_activity *a, __u32 at, __u64 time, __s64 ret)
{
	struct nt_calls *calls = &a->calls[at];
	__u32 bucket;

	calls->count++;
	calls->time += time;
	calls->blocked += a->call_blocked;
	calls->runnable += a->call_runnable;
	if (time < calls->min)
		calls->min = time;
	if (time > calls->max)
		calls->max = time;
	bucket = nt_log2(time >> 8) + (time >= 256);
	if (bucket >= NT_BUCKETS)
		bucket = NT_BUCKETS - 1;
	asm volatile("" : "+r"(bucket));
	if (bucket < NT_BUCKETS)
		calls->buckets[bucket]++;
	if (ret < 0 && ret >= -4095) {
		__u32 error = nt_error_of(ret);

		asm volatile("" : "+r"(error));
		if (error < NT_E_MAX)
			calls->errors[error]++;
	} else if (a->class & NT_MOVES) {
		calls->bytes += ret;
	}
}

/* Adds the call that returned to those of one of its files, if that is not where the last one was added. */
__noinline int nt_add_elsewhere(struct nt_thread_activity *a, __u64 time, __s64 ret,
				struct nt_file_id *file, __u32 flags)
{
	__u32 at;

	if (!a || !file)
		return 0;
	nt_find_calls(a, file, flags, time);
	if (NT_READ(a->at) >= NT_CALLS_MAX && file->ino) {
		a->other_files.ino = NT_OTHER_FILES;
		a->other_files.gen = flags;
		nt_find_calls(a, &a->other_files, flags, time);
	}
	at = NT_READ(a->at);
	asm volatile("" : "+r"(at));
	if (at < NT_CALLS_MAX) {
		nt_add_at(a, at, time, ret);
	} else if (!(flags & NT_C_AGAIN)) {
		a->segment.other++;
		a->segment.other_time += time;
	}
	return 0;
}

/* Adds the call that returned to those of one of its files: most are of the same kind as the last. */
static __always_inline void nt_add_call(struct nt_thread_activity *a, __u64 time, __s64 ret,
					struct nt_file_id *file, __u32 flags)
{
	__u32 at = NT_READ(a->at);
	struct nt_calls *calls;

	asm volatile("" : "+r"(at));
	if (at < NT_CALLS_MAX && at < a->segment.calls) {
		calls = &a->calls[at];
		if (calls->nr == a->nr && calls->flags == flags &&
		    nt_same_file(&calls->file, file)) {
			nt_add_at(a, at, time, ret);
			return;
		}
	}
	nt_add_elsewhere(a, time, ret, file, flags);
}

/* A call begins: which files it is on. */
static __always_inline void nt_call_files(struct nt_thread_activity *a, struct task_struct *task,
					  struct pt_regs *regs)
{
	__u32 arg = a->class & NT_FD_MASK;
	struct nt_used *used;

	__builtin_memset(&a->file, 0, sizeof(a->file));
	if (!arg || arg == NT_FD_RESULT)
		return;
	a->fd = nt_arg(regs, arg - 1);
	used = nt_use(a->used, task, a->fd);
	if (used)
		a->file = used->id;
	arg = NT_FROM_ARG(a->class);
	if (!arg)
		return;
	__builtin_memset(&a->from, 0, sizeof(a->from));
	used = nt_use(a->used, task, nt_arg(regs, arg - 1));
	if (used)
		a->from = used->id;
}

/* A call that made, closed or named a file returned. */
static __always_inline void nt_file_changes(struct nt_thread_activity *a, struct task_struct *task,
					    __s64 ret)
{
	struct nt_used *used;
	struct pt_regs *regs;

	if (a->class & NT_CLOSES)
		__builtin_memset(a->used, 0, sizeof(a->used));
	if ((a->class & NT_FD_MASK) == NT_FD_RESULT && ret >= 0) {
		used = nt_use(a->used, task, ret);
		if (used)
			a->file = used->id;
	}
	if (a->class & NT_NAMES) {
		used = nt_use(a->used, task, a->fd);
		regs = (struct pt_regs *)bpf_task_pt_regs(task);
		if (used)
			nt_report_file(used, a->class & NT_CONNECTS && ret < 0 ? nt_arg(regs, 1) : 0,
				nt_arg(regs, 2));
	}
}

/* A call returned: adds it up. */
static __always_inline void nt_call_ends(struct nt_thread_activity *a, struct task_struct *task,
					 __u64 time, __s64 ret)
{
	__u32 class = a->class;
	__u32 flags = class & NT_OUT ? NT_C_OUT : class & NT_IN ? NT_C_IN : 0;

	/* One test for most calls. */
	if (class & (NT_CLOSES | NT_NAMES) || (class & NT_FD_MASK) == NT_FD_RESULT)
		nt_file_changes(a, task, ret);
	nt_add_call(a, time, ret, &a->file, flags);
	if (NT_FROM_ARG(a->class) && a->from.ino)
		nt_add_elsewhere(a, time, ret, &a->from, NT_C_IN | NT_C_AGAIN);
}

#endif
