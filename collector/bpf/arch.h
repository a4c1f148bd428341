/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What differs between architectures: the numbers of the write calls, where
 * their arguments are, and how a 32-bit caller is told.
 */
#ifndef NT_ARCH_H
#define NT_ARCH_H

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

/* Calls whose result is a number of bytes. */
static __always_inline bool nt_moves_bytes(__u64 nr)
{
	switch (nr) {
	case 0: case 1: case 17: case 18: case 19: case 20: /* read, write, p*64, *v */
	case 40: /* sendfile */
	case 44: case 45: case 46: case 47: /* sendto, recvfrom, sendmsg, recvmsg */
	case 275: case 276: case 278: /* splice, tee, vmsplice */
	case 295: case 296: case 327: case 328: /* preadv, pwritev, *v2 */
	case 326: /* copy_file_range */
	case 318: /* getrandom */
	case 217: case 78: /* getdents64, getdents */
	case 310: case 311: /* process_vm_readv, _writev */
		return true;
	}
	return false;
}

#elif defined(__TARGET_ARCH_arm64)

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

/* Calls whose result is a number of bytes. */
static __always_inline bool nt_moves_bytes(__u64 nr)
{
	switch (nr) {
	case 61: /* getdents64 */
	case 63: case 64: case 65: case 66: case 67: case 68: case 69: case 70: /* read ... pwritev */
	case 71: /* sendfile */
	case 75: case 76: case 77: /* vmsplice, splice, tee */
	case 206: case 207: case 211: case 212: /* sendto, recvfrom, sendmsg, recvmsg */
	case 270: case 271: /* process_vm_readv, _writev */
	case 278: /* getrandom */
	case 285: case 286: case 287: /* copy_file_range, preadv2, pwritev2 */
		return true;
	}
	return false;
}

#else
#error "name the architecture with -D__TARGET_ARCH_x86 or -D__TARGET_ARCH_arm64"
#endif

#endif
