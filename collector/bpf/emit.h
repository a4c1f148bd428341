/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Records into the ring. */
#ifndef NT_EMIT_H
#define NT_EMIT_H

/* The head is zeroed memory: the number of markers stays unknown. */
static __always_inline void nt_fill_head(struct nt_head *head, struct task_struct *task, __u64 ts,
					 __u32 size, __u8 kind, __u8 flags)
{
	head->ts = ts;
	head->pid = task->tgid;
	head->tid = task->pid;
	head->size = size;
	head->kind = kind;
	head->flags = flags;
}

/* Userspace drains on a timer: waking it for each record would cost more than the record. */
static __always_inline bool nt_send(void *record, __u64 size)
{
	if (bpf_ringbuf_output(&ring, record, size, BPF_RB_NO_WAKEUP) == 0)
		return true;
	nt_count(NT_N_RING_FULL);
	return false;
}

/* The same, of what has a marker in it. */
static __always_inline void nt_send_marker(void *record, __u64 size)
{
	if (!nt_send(record, size))
		nt_count(NT_N_MARKER);
}

/* Records that can wait or be sent again leave the last half of the ring to those that cannot. */
static __always_inline bool nt_ring_has_room(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) <
	       bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE) / 2;
}

#endif
