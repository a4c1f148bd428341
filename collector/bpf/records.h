/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The only contract between the kernel programs and userspace. Mirrored by
 * collector/core/src/record.rs, whose tests compare every size and offset.
 *
 * Every record begins with nt_head; all fields are in the machine's own byte
 * order. A record is exactly the bytes of one ring buffer sample; the ptrace
 * backend, a capture file and the generator make the same bytes.
 */
#ifndef NT_RECORDS_H
#define NT_RECORDS_H

/* What of one marker write is seen; a longer one is flagged NT_CUT. */
#define NT_PAYLOAD_MAX 4096
/* A marker write that may be unfinished is continued for this long, in ns. */
#define NT_FRAGMENT_NS 1000000000ULL

#define NT_COMM_LEN 16
#define NT_EXE_LEN 64

enum nt_kind {
	NT_WRITE = 1,	/* nt_head + payload[size - sizeof(nt_head)] */
	NT_PROCESS = 2,	/* nt_process: first marker of a process, or its exec */
	NT_FORK = 3,	/* nt_fork: a traced process made a child process */
	NT_EXIT = 4,	/* nt_exit: a thread that wrote markers, or its process, ended */
};

enum nt_flags {
	NT_CUT = 1,	/* NT_WRITE: the write was longer than the payload */
	NT_CONT = 2,	/* NT_WRITE: begins like no marker; may continue a fragment */
	NT_EXEC = 4,	/* NT_PROCESS: sent by exec, not by first sight */
	NT_GROUP = 8,	/* NT_EXIT: the last thread of the process */
};

struct nt_head {
	__u64 ts;	/* CLOCK_MONOTONIC, ns */
	__u32 pid;	/* thread group id, initial pid namespace */
	__u32 tid;	/* thread id, initial pid namespace */
	__u16 size;	/* of the whole record, head included */
	__u8 kind;	/* enum nt_kind */
	__u8 flags;	/* enum nt_flags */
	__u32 reserved;
};

struct nt_process {
	struct nt_head head;
	__u64 start;	/* when the process began, CLOCK_MONOTONIC ns */
	__u64 cgroup;	/* cgroup v2 id; 0 where there is none */
	__u32 ppid;
	__u32 uid;
	char comm[NT_COMM_LEN];	/* NUL padded */
	char exe[NT_EXE_LEN];	/* file name of the executable, NUL padded */
};

struct nt_fork {
	struct nt_head head;	/* of the parent */
	__u32 child;
	__u32 reserved;
};

struct nt_exit {
	struct nt_head head;
	__u32 code;	/* as wait(2) gives it: signal in the low 7 bits */
	__u32 reserved;
};

/* Per-cpu counters, by index. A counter only ever grows. */
enum nt_counter {
	NT_N_RING_FULL,	/* records lost: no room in the ring */
	NT_N_FAULT,	/* marker writes lost: the buffer was not mapped in */
	NT_N_STORAGE,	/* no memory for a thread's or process's state: its end may not be told */
	NT_N_SCOPE,	/* processes not followed: the scope map was full */
	NT_N_MAX
};

#endif
