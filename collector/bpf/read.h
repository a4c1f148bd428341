/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Reads of memory that the verifier allows no direct load of. */
#ifndef NT_READ_H
#define NT_READ_H

/*
 * Reads two fields, as one block where they are near each other: a read costs by the
 * call, not by the byte. The offsets are constants once the loader
 * has written them, so the verifier sees one of the two ways.
 */
#define NT_BLOCK_READ 128
#define nt_read_two(from, field1, to1, field2, to2)                                               \
	({                                                                                        \
		__u8 block[NT_BLOCK_READ] __attribute__((aligned(8)));                                 \
		const __u32 at1 = bpf_core_field_offset((from)->field1);                          \
		const __u32 at2 = bpf_core_field_offset((from)->field2);                          \
		const __u32 end1 = at1 + sizeof(*(to1)), end2 = at2 + sizeof(*(to2));             \
		const __u32 lo = (at1 < at2 ? at1 : at2) & ~7U; /* keeps them aligned */          \
		const __u32 n = (end1 > end2 ? end1 : end2) - lo;                                 \
		bool failed;                                                                      \
		if (n <= NT_BLOCK_READ) {                                                              \
			failed = bpf_probe_read_kernel(block, n, (void *)(from) + lo);            \
			*(to1) = *(typeof(to1))(block + (at1 - lo));                              \
			*(to2) = *(typeof(to2))(block + (at2 - lo));                              \
		} else {                                                                          \
			failed = bpf_probe_read_kernel(to1, sizeof(*(to1)), (void *)(from) + at1) || \
				 bpf_probe_read_kernel(to2, sizeof(*(to2)), (void *)(from) + at2);   \
		}                                                                                 \
		!failed;                                                                          \
	})

/* The file of descriptor `fd` of the current task; NULL if there is none. */
static __always_inline struct file *nt_file_of(struct task_struct *task, __u32 fd)
{
	struct fdtable *fdt = task->files->fdt;
	struct file *file;

	if (fd >= fdt->max_fds || bpf_probe_read_kernel(&file, sizeof(file), fdt->fd + fd))
		return NULL;
	return file;
}

#endif
