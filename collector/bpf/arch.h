/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What differs between architectures: the numbers of the write calls, where
 * their arguments are, how a 32-bit caller is recognised, and the barriers that make
 * another cpu see stores in program order.
 */
#ifndef NT_ARCH_H
#define NT_ARCH_H

/*
 * Ordered access to words of 32 or 64 bits in maps that another cpu uses too:
 *
 * nt_store_first(place, value)  stores it before the stores behind it
 * nt_store_last(place, value)   stores it after the stores before it
 * nt_ordered_load(place)        loads it after the loads before it and before the loads behind it
 */

enum nt_call {
	NT_CALL_NONE,	/* no write call */
	NT_CALL_WRITE,	/* fd, buffer, length */
	NT_CALL_WRITEV,	/* fd, segments, count */
};

struct nt_call_args {
	__u64 fd;
	__u64 buffer;
	__u64 length;
};

#if defined(__TARGET_ARCH_x86)

/* The processor keeps stores in order, and loads; only the compiler has to be constrained. */
#define nt_store_first(place, value)                                                              \
	do {                                                                                      \
		*(volatile typeof(place) *)&(place) = (value);                                    \
		asm volatile("" ::: "memory");                                                    \
	} while (0)

#define nt_store_last(place, value)                                                               \
	do {                                                                                      \
		asm volatile("" ::: "memory");                                                    \
		*(volatile typeof(place) *)&(place) = (value);                                    \
	} while (0)

#define nt_ordered_load(place)                                                                    \
	({                                                                                        \
		typeof(place) loaded;                                                             \
		asm volatile("" ::: "memory");                                                    \
		loaded = *(volatile typeof(place) *)&(place);                                     \
		asm volatile("" ::: "memory");                                                    \
		loaded;                                                                           \
	})

#define NT_TS_COMPAT 2

static __always_inline bool nt_is_compat(struct task_struct *task)
{
	return task->thread_info.status & NT_TS_COMPAT;
}

static __always_inline enum nt_call nt_call_native(__u64 nr)
{
	switch (nr) {
	case 1:   /* write */
	case 18:  /* pwrite64 */
		return NT_CALL_WRITE;
	case 20:  /* writev */
	case 296: /* pwritev */
	case 328: /* pwritev2 */
		return NT_CALL_WRITEV;
	}
	return NT_CALL_NONE;
}

static __always_inline enum nt_call nt_call_compat(__u64 nr)
{
	switch (nr) {
	case 4:   /* write */
	case 181: /* pwrite64 */
		return NT_CALL_WRITE;
	case 146: /* writev */
	case 334: /* pwritev */
	case 379: /* pwritev2 */
		return NT_CALL_WRITEV;
	}
	return NT_CALL_NONE;
}

static __always_inline void nt_read_args(struct pt_regs *regs, bool compat,
					 struct nt_call_args *args)
{
	if (compat) {
		args->fd = (__u32)regs->bx;
		args->buffer = (__u32)regs->cx;
		args->length = (__u32)regs->dx;
	} else {
		args->fd = (__u32)regs->di;
		args->buffer = regs->si;
		args->length = regs->dx;
	}
}

/* Argument n of a native call. */
static __always_inline __u64 nt_arg(struct pt_regs *regs, __u32 n)
{
	switch (n) {
	case 0: return regs->di;
	case 1: return regs->si;
	case 2: return regs->dx;
	case 3: return regs->r10;
	case 4: return regs->r8;
	case 5: return regs->r9;
	}
	return -1;
}

/* The same of a 32-bit caller. */
static __always_inline __u64 nt_arg_compat(struct pt_regs *regs, __u32 n)
{
	switch (n) {
	case 0: return (__u32)regs->bx;
	case 1: return (__u32)regs->cx;
	case 2: return (__u32)regs->dx;
	case 3: return (__u32)regs->si;
	case 4: return (__u32)regs->di;
	case 5: return (__u32)regs->bp;
	}
	return -1;
}

#elif defined(__TARGET_ARCH_arm64)

/*
 * The processor may do any two of them in the other order. BPF has no acquire and
 * release before Linux 6.15, but its atomics that give the former value back are
 * full barriers, as in the kernel. (Those whose result is not used are not: an
 * exchange always gives it back, an addition only where it is read.)
 */
#define nt_store_first(place, value)                                                              \
	do {                                                                                      \
		__sync_lock_test_and_set(&(place), (value));                                      \
		asm volatile("" ::: "memory");                                                    \
	} while (0)

#define nt_store_last(place, value)                                                               \
	do {                                                                                      \
		asm volatile("" ::: "memory");                                                    \
		__sync_lock_test_and_set(&(place), (value));                                      \
	} while (0)

#define nt_ordered_load(place)                                                                    \
	({                                                                                        \
		typeof(place) loaded = __sync_fetch_and_add(&(place), 0);                         \
		asm volatile("" : "+r"(loaded)::"memory");                                        \
		loaded;                                                                           \
	})

#define NT_TIF_32BIT (1UL << 22)

static __always_inline bool nt_is_compat(struct task_struct *task)
{
	return task->thread_info.flags & NT_TIF_32BIT;
}

static __always_inline enum nt_call nt_call_native(__u64 nr)
{
	switch (nr) {
	case 64: /* write */
	case 68: /* pwrite64 */
		return NT_CALL_WRITE;
	case 66:  /* writev */
	case 70:  /* pwritev */
	case 287: /* pwritev2 */
		return NT_CALL_WRITEV;
	}
	return NT_CALL_NONE;
}

static __always_inline enum nt_call nt_call_compat(__u64 nr)
{
	switch (nr) {
	case 4:   /* write */
	case 181: /* pwrite64 */
		return NT_CALL_WRITE;
	case 146: /* writev */
	case 362: /* pwritev */
	case 393: /* pwritev2 */
		return NT_CALL_WRITEV;
	}
	return NT_CALL_NONE;
}

static __always_inline void nt_read_args(struct pt_regs *regs, bool compat,
					 struct nt_call_args *args)
{
	args->fd = (__u32)regs->orig_x0;
	args->buffer = compat ? (__u32)regs->regs[1] : regs->regs[1];
	args->length = compat ? (__u32)regs->regs[2] : regs->regs[2];
}

/* Argument n of a native call. */
static __always_inline __u64 nt_arg(struct pt_regs *regs, __u32 n)
{
	switch (n) {
	case 0: return regs->orig_x0;
	case 1: return regs->regs[1];
	case 2: return regs->regs[2];
	case 3: return regs->regs[3];
	case 4: return regs->regs[4];
	case 5: return regs->regs[5];
	}
	return -1;
}

/* The same of a 32-bit caller. */
static __always_inline __u64 nt_arg_compat(struct pt_regs *regs, __u32 n)
{
	return (__u32)nt_arg(regs, n);
}

#else
#error "name the architecture with -D__TARGET_ARCH_x86 or -D__TARGET_ARCH_arm64"
#endif

#endif
