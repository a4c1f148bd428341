/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Maps, what the loader sets before load, and the counters. */
#ifndef NT_MAPS_H
#define NT_MAPS_H

/* Which threads' markers are sent: values of a map, so that they can change while the programs are attached. */
enum nt_scope_kind {
	NT_SCOPE_ALL,
	NT_SCOPE_MEMBERS,	/* processes in `members` */
	NT_SCOPE_UID,		/* threads whose real user is `uid` */
	NT_SCOPE_CGROUP,	/* threads in `cgroup`, which is `level` levels below the root */
};

#define NT_PATH_WORDS 64

struct nt_scope {
	__u64 cgroup;
	__u32 level;
	__u32 uid;
	__u32 kind;
	__u32 unused;
	__u64 path[NT_PATH_WORDS]; /* of `cgroup`, padded with zeros: to recognise it when it is created again */
};

struct nt_scope nt_scope SEC(".data.scope");

/*
 * What follows is set by the loader and constant for the verifier: what is not
 * chosen is not there.
 */

/* nulltrace's keeper process, which is never observed; 0: there is none. */
const volatile __u32 nt_keeper;

/* Only threads of user nt_own may be observed, whatever the scope: nulltrace has rights that its user has not. */
const volatile bool nt_confined;
const volatile __u32 nt_own;

/* Whether threads inside spans are observed between their markers. */
const volatile bool nt_activity;

/* Whether there are threads that nt_sample_task cannot sample: they send long segments in parts themselves. */
const volatile bool nt_parts;

/* Whose activity counts toward a span. */
enum nt_inside {
	NT_INSIDE_THREAD,	/* that of the thread that opened it */
	NT_INSIDE_PROCESS,	/* of its process */
	NT_INSIDE_SCRIPT,	/* of its process, that one's parent and children, and those of the same parent */
	NT_INSIDE_MACHINE,	/* of all threads of the machine */
};

const volatile __u32 nt_inside;

/* Of which threads every system call is reported; needs nt_activity. */
enum nt_full_of {
	NT_FULL_NONE,
	NT_FULL_SPANS,	/* of those that have a span open */
	NT_FULL_ALL,	/* of all in scope */
};

const volatile __u32 nt_full;

/* How many bytes of what a call read or wrote are reported. */
const volatile __u32 nt_snaplen;

/* Records of single calls may fill so many bytes of the ring: the rest is for those that cannot be spared. */
const volatile __u64 nt_full_room;

/* The loader adds one whenever it changes membership by hand: cached answers end. */
__u32 nt_generation;

/* The collector, which is never observed. Not zero: .bss is nt_generation alone. */
__u32 nt_collector = -1;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24); /* bytes; the loader sets its own */
} ring SEC(".maps");

/* By enum nt_counter. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NT_N_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/*
 * Processes, by thread group id. An element may be deleted, and its memory reused for
 * another process, at any time after it was looked up: by the last thread of its
 * process, or by the loader. So an element is never modified: it is present or absent,
 * or replaced as a whole.
 */

/* Those in scope where that is NT_SCOPE_MEMBERS: their children are added when they are forked. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} members SEC(".maps");

/*
 * How many members the kernel programs added, less those that they removed: with those that the loader added and
 * removed, how many there are.
 */
__s64 nt_alive SEC(".data.alive");

/* Those that wrote markers: 1 if their current facts reached the ring. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} processes SEC(".maps");

/* Whether the end of a process is reported. */
static __always_inline bool nt_is_known(__u32 tgid)
{
	return bpf_map_lookup_elem(&processes, &tgid) || bpf_map_lookup_elem(&members, &tgid);
}

/* Whether a marker may use the thread's state as it is. */
enum nt_ready {
	NT_UNREPORTED,	/* the process's facts must reach the ring first */
	NT_READY,
	NT_LEAVING,	/* the thread is idle, and nt_free_idle is about to free its state; it may prevent that */
	NT_GONE,	/* nobody may use it any more: it is freed in a moment */
};

/* State of a thread that wrote a marker. A thread without one takes the fast path. */
struct nt_thread {
	__u64 since;		/* when the pending marker began */
	__u32 generation;	/* of `member` */
	__u32 number;		/* of its last marker */
	__u32 ready;		/* enum nt_ready */
	__u16 left;		/* bytes the pending marker may still take; 0: none is pending */
	__u8 member;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct nt_thread);
} threads SEC(".maps");

/*
 * A thread's state, created if it has none. While something else of the same task is created on another cpu
 * the kernel refuses that, so it is tried again.
 */
#define nt_create(map, task)                                                                      \
	({                                                                                        \
		void *created = bpf_task_storage_get(map, task, NULL,                             \
						     BPF_LOCAL_STORAGE_GET_F_CREATE);             \
		if (!created)                                                                     \
			created = bpf_task_storage_get(map, task, NULL,                           \
						       BPF_LOCAL_STORAGE_GET_F_CREATE);           \
		created;                                                                          \
	})

/* Reads memory where the compiler might reuse the value it wrote there. */
#define NT_READ(x) (*(volatile typeof(x) *)&(x))

/*
 * A write of up to so many bytes, as most markers are, is read whole at the
 * first read and sent from the stack: a second read costs as much as the first,
 * and reading to a map's memory more than to the stack.
 */
#define NT_SHORT 64

struct nt_short {
	struct nt_head head;
	__u8 payload[NT_SHORT + 8]; /* slack for the verifier, as nt_mark_pending loads four bytes */
};

#define NT_PIECES 16
/* The kernel's UIO_MAXIOV: it refuses a longer list. */
#define NT_PIECES_MAX 1024

/* One piece of user memory, as struct iovec has it. */
struct nt_piece {
	__u64 base;
	__u64 len;
};

/* Where the list of pieces is, and how. */
enum nt_list {
	NT_LIST_USER,
	NT_LIST_COMPAT, /* pairs of 32 bits */
	NT_LIST_KERNEL,
};

/* The first pieces are read at once. Where there are more, the list is walked. */
struct nt_pieces {
	struct nt_piece at[NT_PIECES];
	__u64 list;
	__u64 skip;  /* bytes of the first piece that are written already */
	__u64 first; /* where the bytes begin, once it was looked for */
	__u32 count; /* in `at` */
	__u32 all;
	__u32 where; /* enum nt_list */
};

/*
 * Where a record is built that is too large for the stack. Lengths and flags go
 * through it too: what is read back from memory is unknown to the verifier,
 * which then checks what follows once and not for each way to get there. fentry
 * programs may be preempted, so two of them can be under way on one cpu: each
 * has its own.
 */
enum nt_slot {
	NT_SLOT_WRITE,
	NT_SLOT_WRITE_ITER,
	NT_SLOT_FULL, /* not there where calls are not reported */
	NT_SLOT_MAX,
	NT_SLOT_SYSCALL = NT_SLOT_WRITE, /* never together with the others */
};

struct nt_scratch {
	struct nt_pieces pieces;
	struct nt_process process;
	struct nt_thread no_state; /* used where there is no memory for a thread's state */
	__u64 len;		 /* of the payload; 0: it could not be read */
	__u64 beyond;		 /* bytes of the write behind it */
	struct nt_head head;
	/* Twice: the verifier bounds an offset and a length by NT_PAYLOAD_MAX, but not their sum. */
	__u8 payload[2 * NT_PAYLOAD_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NT_SLOT_MAX);
	__type(key, __u32);
	__type(value, struct nt_scratch);
} scratch SEC(".maps");

static __always_inline struct nt_scratch *nt_scratch(__u32 slot)
{
	return bpf_map_lookup_elem(&scratch, &slot);
}

/* Several programs may count on one cpu, so a plain add could lose one. */
static __always_inline void nt_count(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &which);

	if (n)
		__sync_fetch_and_add(n, 1);
}

#endif
