/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Requests to block devices that threads in scope issued: loaded only where asked for. */
#ifndef NT_HOOK_BLOCK_H
#define NT_HOOK_BLOCK_H

/* A request that is under way. */
struct nt_request {
	__u64 inserted; /* 0: that was not seen */
	__u64 issued;	/* to the device; 0: not yet */
	__u32 pid;	/* who did the first of these */
	__u32 tid;
};

/* By address of the kernel's request, which it uses again when that is complete. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 14);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct nt_request);
} requests SEC(".maps");

/* Whether requests of the current thread are reported. The collector writes what is reported here. */
static __always_inline bool nt_reports_requests(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_thread unknown = {};

	return task->tgid != nt_collector && task->tgid != nt_keeper && nt_in_scope(&unknown);
}

static __always_inline void nt_new_request(__u64 rq, bool issued)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 now = bpf_ktime_get_ns();
	struct nt_request new = {
		.inserted = issued ? 0 : now,
		.issued = issued ? now : 0,
		.pid = task->tgid,
		.tid = task->pid,
	};

	if (bpf_map_update_elem(&requests, &rq, &new, BPF_ANY))
		nt_count(NT_N_CALL);
}

/* (request) */
SEC("tp_btf/block_rq_insert")
int nt_block_insert(__u64 *ctx)
{
	__u64 rq = ctx[0];

	/* One that the driver gave back is inserted again. */
	if (!bpf_map_lookup_elem(&requests, &rq) && nt_reports_requests())
		nt_new_request(rq, false);
	return 0;
}

/* (request) */
SEC("tp_btf/block_rq_issue")
int nt_block_issue(__u64 *ctx)
{
	__u64 rq = ctx[0];
	struct nt_request *r = bpf_map_lookup_elem(&requests, &rq);

	if (r)
		r->issued = bpf_ktime_get_ns();
	else if (nt_reports_requests())
		nt_new_request(rq, true);
	return 0;
}

/* The kernel's blk_status_t as -errno. */
static __always_inline __s32 nt_block_error(__u8 status)
{
	switch (status) {
	case 0: return 0;
	case 1: return -EOPNOTSUPP;
	case 2: return -ETIMEDOUT;
	case 3: return -ENOSPC;
	case 4: return -ENOLINK;
	case 5: return -EREMOTEIO;
	case 6: return -EBADE;
	case 7: return -ENODATA;
	case 8: return -EILSEQ;
	case 9: return -ENOMEM;
	case 12: return -EAGAIN;
	case 13: return -EBUSY;
	}
	return -EIO;
}

/* (request, status, bytes of it that are complete) */
SEC("tp_btf/block_rq_complete")
int nt_block_complete(__u64 *ctx)
{
	struct request *request = (struct request *)ctx[0];
	__u64 rq = ctx[0], now;
	struct nt_request *r = bpf_map_lookup_elem(&requests, &rq);
	struct nt_block record = {};
	struct gendisk *disk;

	if (!r)
		return 0;
	now = bpf_ktime_get_ns();
	record.head.ts = now;
	record.head.pid = r->pid;
	record.head.tid = r->tid;
	record.head.size = sizeof(record);
	record.head.kind = NT_BLOCK;
	if (r->issued) {
		record.time = now - r->issued;
		record.queued = r->inserted ? r->issued - r->inserted : 0;
	}
	record.sector = request->__sector;
	disk = request->q->disk;
	record.dev = disk->major << 20 | disk->first_minor;
	record.bytes = ctx[2];
	record.op = request->cmd_flags;
	record.error = nt_block_error(ctx[1]);
	nt_full_output(&record, sizeof(record));
	/* What is left of it is completed later. */
	if (record.bytes >= request->__data_len)
		bpf_map_delete_elem(&requests, &rq);
	return 0;
}

#endif
