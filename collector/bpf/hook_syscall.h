/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The hook that works wherever BPF does: the entry of every system call. What
 * is cheap to refuse is refused first: number, length, first byte, then the file.
 */
#ifndef NT_HOOK_SYSCALL_H
#define NT_HOOK_SYSCALL_H

#define NT_FMODE_WRITE 2

/* Whether descriptor `fd` of the current task is the null device, open for writing. */
static __always_inline bool nt_fd_is_null(struct task_struct *task, __u32 fd)
{
	struct file *file = nt_file_of(task, fd);
	struct inode *inode;
	unsigned int rdev, fmode;
	unsigned short mode;

	if (!file || !nt_read_two(file, f_inode, &inode, f_mode, &fmode) || !(fmode & NT_FMODE_WRITE))
		return false;
	return inode && nt_read_two(inode, i_rdev, &rdev, i_mode, &mode) && rdev == NT_NULL_RDEV &&
	       (mode & NT_S_IFMT) == NT_S_IFCHR;
}

/* Reads the list of pieces of a writev. */
static __always_inline void nt_read_pieces(struct nt_pieces *v, __u64 list, __u64 count,
					     bool compat)
{
	v->list = list;
	v->skip = 0;
	v->all = count;
	v->where = compat ? NT_LIST_COMPAT : NT_LIST_USER;
	if (count > NT_PIECES)
		count = NT_PIECES;
	v->count = count;
	if (!compat) {
		asm volatile("" : "+r"(count));
		if (count > NT_PIECES ||
		    bpf_probe_read_user(v->at, count * sizeof(v->at[0]), (void *)list))
			v->count = v->all = 0;
		return;
	}
	for (int i = 0; i < NT_PIECES; i++) {
		if (i >= NT_READ(v->count))
			break;
		if (!nt_read_piece(v, i, &v->at[i]))
			v->at[i].len = 0;
	}
}

/* Where the bytes of a writev begin; 0 if it has none. Separate: most writes have no list. */
__noinline __u64 nt_list_begins(__u64 list, __u64 count, __u32 compat)
{
	struct nt_scratch *s = nt_scratch(NT_SLOT_SYSCALL);

	if (!s || count > NT_PIECES_MAX)
		return 0;
	nt_read_pieces(&s->pieces, list, count, compat);
	return nt_first_piece(&s->pieces, NT_SLOT_SYSCALL);
}

/* A write call, by its native number or, for a 32-bit caller, the other one. Returns whether it was a marker. */
static __always_inline bool nt_write_call(struct task_struct *task, struct pt_regs *regs, __u64 nr,
					  bool compat)
{
	enum nt_call call = compat ? nt_call_compat(nr) : nt_call_native(nr);
	struct nt_short record = {};
	struct nt_call_args args;
	struct nt_write write;
	enum nt_peek peek;

	if (call == NT_CALL_NONE)
		return false;
	nt_read_args(regs, compat, &args);
	/* A negative length is EINVAL. */
	if ((__s64)args.length <= 0)
		return false;
	write.task = task;
	write.slot = NT_SLOT_SYSCALL;
	write.base = args.buffer;
	write.len = args.length;
	if (call == NT_CALL_WRITEV) {
		write.base = nt_list_begins(args.buffer, args.length, compat);
		write.len = 0;
		if (!write.base)
			return false;
	}
	peek = nt_peek_write(&write, &record);
	if (peek == NT_PEEK_OTHER || !nt_fd_is_null(task, args.fd))
		return false;
	nt_marker(&write, &record, peek);
	return true;
}

/* (regs, number) */
SEC("tp_btf/sys_enter")
int nt_sys_enter(__u64 *ctx)
{
	__u64 nr = ctx[1];
	bool writes = nt_call_native(nr) != NT_CALL_NONE || nt_call_compat(nr) != NT_CALL_NONE;
	struct nt_thread_activity *a;
	struct task_struct *task;
	bool compat;

	if (!writes && !nt_activity)
		return 0;
	task = bpf_get_current_task_btf();
	compat = nt_is_compat(task);
	if (writes && nt_write_call(task, (struct pt_regs *)ctx[0], nr, compat))
		return 0;
	a = nt_activity ? nt_caller(task, ctx) : NULL;
	if (a)
		nt_call_begins(a, task, (struct pt_regs *)ctx[0], ctx[1], compat);
	return 0;
}

#endif
