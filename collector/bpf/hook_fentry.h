/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The hook that costs other system calls nothing: the null device's own write
 * functions, which /dev/zero shares.
 */
#ifndef NT_HOOK_FENTRY_H
#define NT_HOOK_FENTRY_H

/* Only character devices have these functions: the number is enough. */
static __always_inline bool nt_file_is_null(struct file *file)
{
	return file->f_inode->i_rdev == NT_NULL_RDEV;
}

/* ssize_t write_null(struct file *, const char __user *, size_t, loff_t *) */
SEC("fentry/write_null")
int nt_write_null(__u64 *ctx)
{
	struct nt_short record = {};
	struct nt_write write = {
		.task = bpf_get_current_task_btf(),
		.base = ctx[1],
		.len = ctx[2],
		.slot = NT_SLOT_WRITE,
	};
	enum nt_peek peek;

	if (write.len == 0 || !nt_file_is_null((struct file *)ctx[0]))
		return 0;
	peek = nt_peek_write(&write, &record);
	if (peek != NT_PEEK_OTHER)
		nt_marker(&write, &record, peek);
	return 0;
}

/* Fills `v` from the iterator. One piece of memory has had a kind of its own since 6.0. */
static __always_inline void nt_iter_pieces(struct nt_pieces *v, struct iov_iter *from)
{
	__u64 skip = from->iov_offset, count = from->nr_segs;
	const struct iovec *list;
	__u8 type = from->iter_type;

	v->count = v->all = 0;
	if (bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) &&
	    type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		void *ubuf = NULL;

		/* Not read in place: it is in a union, and the verifier of 6.1 takes it for a pointer into the kernel. */
		bpf_core_read(&ubuf, sizeof(ubuf), &from->ubuf);
		v->at[0].base = (__u64)ubuf + skip;
		v->at[0].len = from->count;
		v->count = v->all = 1;
		return;
	}
	/* Any other kind is the kernel's own memory. */
	if (type != bpf_core_enum_value(enum iter_type, ITER_IOVEC))
		return;
	if (bpf_core_field_exists(struct iov_iter___since_6_4, __iov))
		list = ((struct iov_iter___since_6_4 *)from)->__iov;
	else
		list = ((struct iov_iter___before_6_4 *)from)->iov;
	if (count > NT_PIECES_MAX)
		return;
	v->list = (__u64)list;
	v->skip = skip;
	v->where = NT_LIST_KERNEL;
	v->all = count;
	if (count > NT_PIECES)
		count = NT_PIECES;
	asm volatile("" : "+r"(count));
	if (count > NT_PIECES ||
	    bpf_probe_read_kernel(v->at, count * sizeof(v->at[0]), list)) {
		v->all = 0;
		return;
	}
	v->count = count;
	/* vfs_writev begins at the first piece's beginning; io_uring's retry need not. */
	v->at[0].base += skip;
	v->at[0].len -= skip;
}

/* ssize_t write_iter_null(struct kiocb *, struct iov_iter *) */
SEC("fentry/write_iter_null")
int nt_write_iter_null(__u64 *ctx)
{
	struct kiocb *iocb = (struct kiocb *)ctx[0];
	struct nt_short record = {};
	struct nt_write write = {
		.task = bpf_get_current_task_btf(),
		.slot = NT_SLOT_WRITE_ITER,
	};
	struct nt_scratch *s;
	enum nt_peek peek;

	if (!nt_file_is_null(iocb->ki_filp))
		return 0;
	s = nt_scratch(NT_SLOT_WRITE_ITER);
	if (!s)
		return 0;
	nt_iter_pieces(&s->pieces, (struct iov_iter *)ctx[1]);
	write.base = nt_first_piece(&s->pieces, NT_SLOT_WRITE_ITER);
	if (!write.base)
		return 0;
	peek = nt_peek_write(&write, &record);
	if (peek != NT_PEEK_OTHER)
		nt_marker(&write, &record, peek);
	return 0;
}

#endif
