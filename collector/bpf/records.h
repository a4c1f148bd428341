/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The only contract between the kernel programs and userspace. Mirrored by
 * collector/core/src/input/record.rs, whose tests compare every size and offset.
 *
 * Every record begins with nt_head; all fields are in the machine's own byte
 * order. A ring buffer sample is one record, or a segment and behind it the marker
 * that ended it; the ptrace backend, a capture file and the generator make the
 * same bytes.
 */
#ifndef NT_RECORDS_H
#define NT_RECORDS_H

/* How many bytes of one marker write are read; a longer one is flagged NT_CUT. */
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
	NT_SEGMENT = 5,	/* nt_segment + nt_calls[]: what a thread did since its last marker */
	NT_FILE = 6,	/* nt_file + names: ahead of the first segment with calls on that file */
	NT_COMMAND = 7,	/* nt_head + arguments, each ended by a NUL: after NT_PROCESS */
	NT_CGROUP = 8,	/* nt_cgroup + names: ahead of the first NT_PROCESS of that cgroup */
	NT_SO_FAR = 9,	/* as NT_SEGMENT, of one that has not ended; what it reports is reported again at its end */
	NT_SYSCALL = 16, /* nt_syscall + texts: one system call, where all are reported */
	NT_SWITCH = 17,	/* nt_switch: a cpu went from one thread to another, where one of them is observed */
	NT_WAKEUP = 18,	/* nt_wakeup: a thread became runnable */
	NT_BLOCK = 19,	/* nt_block: a block device completed a request */
	NT_IRQ = 20,	/* nt_irq: an interrupt was handled */
};

enum nt_flags {
	NT_CUT = 1,	/* NT_WRITE: behind the payload follows how many bytes the write had beyond it, a __u64 */
	NT_CONT = 2,	/* NT_WRITE: begins like no marker; may continue a fragment */
	/*
	 * NT_PROCESS: sent by exec, not ahead of a marker. All other threads have ended;
	 * head.tid is the one that called it, which has the process's id from here on.
	 */
	NT_EXEC = 4,
	NT_GROUP = 8,	/* NT_EXIT: the last thread of the process */
	NT_SHORTENED = 16, /* NT_FILE, NT_COMMAND, NT_CGROUP: there was more text */
	NT_DELETED = 32, /* NT_FILE: no name leads to it any more, or none ever did */
	NT_PEERS = 64,	/* NT_FILE: a Unix socket without a name; the name is that of its peer */
	NT_AT_MARKER = 1, /* NT_SEGMENT: a marker ended it, whose write is the thread's next record */
	NT_AT_RETURN = 2, /* NT_SEGMENT: the return of a system call ended it */
	NT_NO_RETURN = 1, /* NT_SYSCALL: the thread ended in it; it has no result */
	NT_NEW_TASK = 1, /* NT_WAKEUP: the thread was just made */
	NT_SOFTIRQ = 1,	/* NT_IRQ: a softirq, whose number is its vector */
};

struct nt_head {
	__u64 ts;	/* CLOCK_MONOTONIC, ns */
	__u32 pid;	/* thread group id, initial pid namespace */
	__u32 tid;	/* thread id, initial pid namespace */
	__u16 size;	/* of the whole record, head included */
	__u8 kind;	/* enum nt_kind */
	__u8 flags;	/* enum nt_flags */
	/*
	 * How many markers the thread has written, that of an NT_WRITE included,
	 * whether or not the ring had room for them: a gap in the numbers is what was
	 * lost. 0 where it is not known.
	 */
	__u32 number;
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

/*
 * Identifies a file, the same for all who have it open: sockets, pipes and the kernel's
 * anonymous files too. All 0: none. NT_OTHER_FILES: any for which there was no room.
 */
#define NT_OTHER_FILES (~0ULL) /* as ino */
struct nt_file_id {
	__u64 ino;
	__u32 dev;	/* as the kernel has it: major << 20 | minor */
	__u32 gen;	/* inode numbers are used again; the kind, where all of a kind share an inode */
};

/* Text of a file or cgroup: names from the last to the first, each ended by a NUL; of a Unix socket its sun_path. */
#define NT_NAMES_MAX 1024

struct nt_file {
	struct nt_head head;
	struct nt_file_id id;
	__u32 magic;	/* of its file system: linux/magic.h */
	__u32 rdev;	/* of a device: major << 20 | minor */
	__u16 mode;	/* of the inode */
	__u16 family;	/* of a socket: AF_INET ...; 0: no socket */
	__u16 type;	/* of a socket: SOCK_STREAM ... */
	__u16 protocol;	/* of a socket: IPPROTO_TCP ... */
	__u16 local_port;	/* host byte order */
	__u16 remote_port;
	__u32 names;	/* bytes that follow */
	__u8 local[16];	/* an address in network byte order: 4 or 16 bytes */
	__u8 remote[16];
};

struct nt_cgroup {
	struct nt_head head;
	__u64 id;
	__u32 names;	/* bytes that follow */
	__u32 reserved;
};

/* How many bytes of a command line are reported. */
#define NT_COMMAND_MAX 512

/* How many kinds of calls of a segment are kept apart: by number and file. */
#define NT_CALLS_MAX 32
/* So many of them are kept for what is not on one file: numbers are kept apart when files are not. */
#define NT_CALLS_SPARE 12
/* Bucket i of a duration holds [2^(i+7), 2^(i+8)) ns; the first and the last are open. */
#define NT_BUCKETS 24

/* Why calls failed. */
enum nt_error {
	NT_E_AGAIN,	/* EAGAIN, EINPROGRESS, EALREADY: would block */
	NT_E_INTR,	/* EINTR and the kernel's own restarts */
	NT_E_ABSENT,	/* ENOENT, ENOTDIR, ENODEV, ENXIO, ESRCH */
	NT_E_DENIED,	/* EPERM, EACCES, EROFS */
	NT_E_PEER,	/* EPIPE, ECONNRESET, ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH ... */
	NT_E_OTHER,
	NT_E_MAX
};

#define NT_COMPAT (1U << 31) /* in nt_calls.nr: a 32-bit caller */

/* What nt_calls.flags says of its bytes. */
enum nt_calls_flags {
	NT_C_IN = 1,	/* read from the file */
	NT_C_OUT = 2,	/* written to it */
	NT_C_AGAIN = 4,	/* calls that are counted already, with the other of their two files */
	NT_C_IN_PROGRESS = 8,	/* in NT_SO_FAR, at the end: the call the thread is in, not counted yet */
	NT_C_HELD = 64,	/* no calls: `time` is the part of the segment's `fault` in which the thread was held; `nr` is an enum nt_held */
};

enum nt_held {
	NT_HELD_STOPPED, /* by a signal */
	NT_HELD_TRACED,	 /* by a debugger or tracer */
	NT_HELD_FROZEN,	 /* by a freezer */
};

/* Calls of one number on one file in one segment. */
struct nt_calls {
	struct nt_file_id file;
	__u64 time;	/* from entry to return, ns, summed */
	__u64 blocked;	/* the part of `time` asleep */
	__u64 runnable;	/* the part of `time` waiting for a cpu */
	__u64 bytes;	/* what the calls say they moved */
	__u64 min;	/* of one call, ns */
	__u64 max;
	__u32 nr;	/* system call, native table; with NT_COMPAT the 32-bit one */
	__u32 count;
	__u32 errors[NT_E_MAX];
	__u32 buckets[NT_BUCKETS];
	__u32 flags;	/* enum nt_calls_flags */
	__u32 reserved;
};

/*
 * What a thread did from `since` to head.ts. The time it was neither runnable
 * nor blocked it was on a cpu: that is not in the record, it is the difference.
 */
struct nt_segment {
	struct nt_head head;
	__u64 since;
	__u64 kernel;	/* on a cpu in system calls that returned; in NT_SO_FAR also in the one it is in */
	__u64 runnable;	/* waiting for a cpu: woken or preempted, and not yet running */
	__u64 blocked;	/* asleep, in a system call or not */
	__u64 fault;	/* the part of `blocked` outside system calls: page faults, and NT_C_HELD */
	__u64 other_time;	/* time of calls for which there was no room in `calls`, ns */
	__u32 other;	/* how many those were */
	__u32 voluntary;	/* context switches to sleep */
	__u32 involuntary;	/* by preemption */
	__u32 minor;	/* page faults that needed no I/O */
	__u32 major;	/* that did */
	__u32 calls;	/* nt_calls that follow */
};

/* How many arguments a system call has at most. */
#define NT_ARGS 6

/* One system call. head.ts: when it returned, or when its thread ended in it. */
struct nt_syscall {
	struct nt_head head;
	__u64 time;	/* since its entry, ns */
	__s64 result;	/* as the kernel has it: -errno where it failed */
	__u64 args[NT_ARGS]; /* those it does not have are 0 */
	struct nt_file_id file; /* that of `fd` */
	__u32 nr;	/* native table; with NT_COMPAT the 32-bit one */
	__s32 fd;	/* descriptor it is about, an argument or its result; -1: none */
	__u16 cpu;	/* where it returned */
	__u16 texts;	/* bytes of texts that follow */
	__u32 reserved;
};

/* What is behind a pointer that was an argument. */
enum nt_text_kind {
	NT_T_STRING = 1, /* a string, without its NUL: a path, a name */
	NT_T_STRINGS = 2, /* strings, each ended by a NUL: arguments of exec */
	NT_T_ADDRESS = 3, /* a struct sockaddr */
	NT_T_DATA = 4,	/* what was read or written */
};

/* Ahead of each text of an nt_syscall, without padding. */
struct nt_text {
	__u8 arg;	/* which argument */
	__u8 kind;	/* enum nt_text_kind; with NT_T_CUT if there was more */
	__u16 size;	/* bytes that follow */
};
#define NT_T_CUT 128

/* A cpu went from head.tid to another thread. */
struct nt_switch {
	struct nt_head head; /* of the thread that was on the cpu; pid and tid 0: it was idle */
	__u32 next_pid;
	__u32 next_tid;
	__u32 state;	/* of the thread that left, as the kernel has it; 0: it is still runnable */
	__u16 cpu;
	__u16 reserved;
};

/* A thread became runnable. */
struct nt_wakeup {
	struct nt_head head; /* of the thread that was on the cpu where this happened */
	__u32 pid;	/* of the one that became runnable */
	__u32 tid;
	__u16 cpu;	/* where it is to run */
	__u16 reserved[3];
};

/* A request to a block device was completed. head: who issued it, and when it was completed. */
struct nt_block {
	struct nt_head head;
	__u64 time;	/* since it was issued to the device, ns */
	__u64 queued;	/* before that, since it was queued; 0 where that was not seen */
	__u64 sector;	/* of 512 bytes */
	__u32 dev;	/* major << 20 | minor */
	__u32 bytes;
	__u32 op;	/* REQ_OP_ in the low 8 bits, flags above */
	__s32 error;	/* -errno; 0: none */
};

/* An interrupt was handled. head: the thread that it interrupted, and when it ended. */
struct nt_irq {
	struct nt_head head;
	__u64 time;	/* of its handlers, ns */
	__u32 irq;	/* its number, or the vector of a softirq */
	__u16 cpu;
	__u16 reserved;
	char name[16];	/* of its handler, NUL padded; empty for a softirq */
};

/*
 * An idle thread: one that had no span open after its marker of that time. Only
 * userspace knows and writes these; the calls of the thread are not counted until
 * its next marker. By thread id modulo NT_IDLE_SLOTS: one that is overwritten is
 * counted again.
 */
#define NT_IDLE_SLOTS 65536

struct nt_idle {
	__u64 marker; /* 0: none */
	__u32 tid;
	__u32 reserved;
};

/* Per-cpu counters, by index. A counter only ever grows. */
enum nt_counter {
	NT_N_RING_FULL,	/* records lost: no room in the ring */
	NT_N_MARKER,	/* markers among them */
	NT_N_FAULT,	/* marker writes lost: the buffer was not mapped in */
	NT_N_STORAGE,	/* no memory for a thread's or process's state: its end may not be reported */
	NT_N_SCOPE,	/* processes not followed: the scope map was full */
	NT_N_SEGMENT,	/* segments lost: no room in the ring, or no memory for a thread's */
	NT_N_NAME,	/* names of files lost: no room in the ring; sent again at the next use */
	NT_N_CALL,	/* records of single calls, switches and the like lost: no room in the ring, or no memory for a thread's */
	NT_N_MAX
};

#endif
