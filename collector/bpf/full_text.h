/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The record of a system call, with what its arguments point to. That is read when the call
 * returns: by then it is mapped in, as the kernel has read it. But what exec was given is gone
 * then, and kept from its entry.
 */
#ifndef NT_FULL_TEXT_H
#define NT_FULL_TEXT_H

/* How much of each is reported. */
#define NT_STRING_MAX 4096
#define NT_STRINGS_MAX 512
#define NT_ADDRESS_MAX 128

/* Room for one text, its head, and the end of a string; calls have three at most. */
#define NT_TEXT_ROOM (sizeof(struct nt_text) + NT_STRING_MAX + 4)
#define NT_TEXTS_MAX (3 * NT_TEXT_ROOM)

struct nt_full_record {
	struct nt_syscall call;
	__u8 texts[NT_TEXTS_MAX];
	__u32 list; /* bytes of the list of strings that is being read */
	__u32 more; /* it has more */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nt_full_record);
} full_records SEC(".maps");

/* What a thread gave to exec, until that returns. */
#define NT_EXEC_TEXTS (NT_TEXT_ROOM + sizeof(struct nt_text) + NT_STRINGS_MAX)

struct nt_exec_texts {
	__u32 size;
	__u8 texts[NT_EXEC_TEXTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct nt_exec_texts);
} exec_texts SEC(".maps");

static __always_inline struct nt_full_record *nt_full_record(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&full_records, &zero);
}

/* Adds the head of a text of `size` bytes, which are behind it already. */
static __always_inline void nt_add_text(struct nt_full_record *r, __u32 at, __u32 arg, __u32 kind,
					__u32 size)
{
	struct nt_text *text = (struct nt_text *)(r->texts + at);

	text->arg = arg;
	text->kind = kind;
	text->size = size;
	r->call.texts = at + sizeof(*text) + size;
}

__noinline int nt_add_string(__u32 arg, __u64 from)
{
	struct nt_full_record *r = nt_full_record();
	__u32 at, kind = NT_T_STRING;
	__u8 end = 0;
	long n;

	if (!r)
		return 0;
	at = NT_READ(r->call.texts);
	asm volatile("" : "+r"(at));
	if (at > NT_TEXTS_MAX - NT_TEXT_ROOM)
		return 0;
	n = bpf_probe_read_user_str(r->texts + at + sizeof(struct nt_text), NT_STRING_MAX + 1,
				    (void *)from);
	/* One that cannot be read is there, with nothing of it. */
	if (n <= 0 || n > NT_STRING_MAX + 1) {
		n = 1;
		kind |= NT_T_CUT;
	}
	if (n == NT_STRING_MAX + 1 &&
	    (bpf_probe_read_user(&end, sizeof(end), (void *)(from + NT_STRING_MAX)) || end))
		kind |= NT_T_CUT;
	nt_add_text(r, at, arg, kind, n - 1);
	return 0;
}

/* Up to `limit` of the `size` bytes there. */
static __always_inline void nt_add_bytes(struct nt_full_record *r, __u32 arg, __u32 kind,
					 __u64 from, __u64 size, __u64 limit)
{
	__u32 at = NT_READ(r->call.texts), n = size;

	if (size > limit) {
		n = limit;
		kind |= NT_T_CUT;
	}
	asm volatile("" : "+r"(at));
	asm volatile("" : "+r"(n));
	if (!n || at > NT_TEXTS_MAX - NT_TEXT_ROOM || n > NT_STRING_MAX)
		return;
	if (bpf_probe_read_user(r->texts + at + sizeof(struct nt_text), n, (void *)from)) {
		n = 0;
		kind |= NT_T_CUT;
	}
	nt_add_text(r, at, arg, kind, n);
}

__noinline int nt_add_address(__u32 arg, __u64 from, __u64 size)
{
	struct nt_full_record *r = nt_full_record();

	if (r)
		nt_add_bytes(r, arg, NT_T_ADDRESS, from, size, NT_ADDRESS_MAX);
	return 0;
}

/* The user's struct msghdr has its list of pieces there. */
#define NT_MESSAGE_PIECES 16

/*
 * Adds what was moved from or to `from`, where there are `size` bytes. The call moved `moved`, some of them maybe
 * elsewhere.
 */
__noinline int nt_add_data(__u32 arg, __u64 from, __u64 size, __u64 moved)
{
	struct nt_full_record *r = nt_full_record();

	if (size > moved)
		size = moved;
	if (r)
		nt_add_bytes(r, arg, NT_T_DATA | (size < moved ? NT_T_CUT : 0), from, size, nt_snaplen);
	return 0;
}

/* The same of a list of pieces, or of a message that has one. */
__noinline int nt_add_pieces(__u32 arg, __u64 list, __u32 message, __u64 moved)
{
	struct nt_piece piece;

	if (message && bpf_probe_read_user(&list, sizeof(list), (void *)(list + NT_MESSAGE_PIECES)))
		return 0;
	if (!bpf_probe_read_user(&piece, sizeof(piece), (void *)list))
		nt_add_data(arg, piece.base, piece.len, moved);
	return 0;
}

static long nt_next_string(__u32 i, void *list)
{
	struct nt_full_record *r = nt_full_record();
	__u64 from = *(__u64 *)list;
	__u32 at, n, room;
	long got;

	if (!r)
		return 1;
	if (bpf_probe_read_user(&from, sizeof(from), (void *)(from + i * sizeof(from)))) {
		r->more = NT_T_CUT;
		return 1;
	}
	if (!from)
		return 1;
	at = NT_READ(r->call.texts);
	n = NT_READ(r->list);
	room = NT_STRINGS_MAX - n;
	asm volatile("" : "+r"(at));
	asm volatile("" : "+r"(n));
	asm volatile("" : "+r"(room));
	if (at > NT_TEXTS_MAX - NT_TEXT_ROOM || n >= NT_STRINGS_MAX || !room || room > NT_STRINGS_MAX) {
		r->more = NT_T_CUT;
		return 1;
	}
	got = bpf_probe_read_user_str(r->texts + at + sizeof(struct nt_text) + n, room, (void *)from);
	if (got <= 0) {
		r->more = NT_T_CUT;
		return 1;
	}
	r->list = n + got;
	if (got < room)
		return 0;
	r->more = NT_T_CUT;
	return 1;
}

__noinline int nt_add_strings(__u32 arg, __u64 from)
{
	struct nt_full_record *r = nt_full_record();
	__u32 at;

	if (!r)
		return 0;
	r->list = r->more = 0;
	bpf_loop(NT_STRINGS_MAX, nt_next_string, &from, 0);
	at = NT_READ(r->call.texts);
	asm volatile("" : "+r"(at));
	if (at <= NT_TEXTS_MAX - NT_TEXT_ROOM)
		nt_add_text(r, at, arg, NT_T_STRINGS | NT_READ(r->more), NT_READ(r->list));
	return 0;
}

/* Adds all texts of the call. `result` is that of the call, or 0 where it only begins. */
__noinline int nt_add_texts(__s64 result)
{
	struct nt_full_thread *f = nt_full_of(bpf_get_current_task_btf());
	struct nt_signature *of;
	__u32 nr, at, size;

	if (!f)
		return 0;
	nr = f->nr;
	of = bpf_map_lookup_elem(&signatures, &nr);
	if (!of)
		return 0;
	for (int i = 0; i < NT_ARGS; i++) {
		__u64 arg = f->args[i];

		at = of->sizes[i];
		asm volatile("" : "+r"(at));
		if (!arg || at >= NT_ARGS)
			continue;
		switch (of->kinds[i]) {
		case NT_A_STRING:
			nt_add_string(i, arg);
			break;
		case NT_A_STRINGS:
			nt_add_strings(i, arg);
			break;
		case NT_A_ADDRESS:
			nt_add_address(i, arg, (__u32)f->args[at]);
			break;
		case NT_A_ADDRESS_AT:
			if (result >= 0 && f->args[at] &&
			    !bpf_probe_read_user(&size, sizeof(size), (void *)f->args[at]))
				nt_add_address(i, arg, size);
			break;
		case NT_A_DATA:
			if (nt_snaplen && result > 0)
				nt_add_data(i, arg, f->args[at], result);
			break;
		case NT_A_PIECES:
		case NT_A_MESSAGE:
			if (nt_snaplen && result > 0)
				nt_add_pieces(i, arg, of->kinds[i] == NT_A_MESSAGE, result);
			break;
		}
	}
	return 0;
}

/* At the entry of an exec: keeps what it was given. */
__noinline int nt_keep_exec(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_full_record *r = nt_full_record();
	struct nt_exec_texts *kept = nt_create(&exec_texts, task);
	__u32 n;

	if (!r || !kept)
		return 0;
	r->call.texts = 0;
	nt_add_texts(0);
	n = NT_READ(r->call.texts);
	asm volatile("" : "+r"(n));
	kept->size = 0;
	if (n > NT_EXEC_TEXTS || bpf_probe_read_kernel(kept->texts, n, r->texts))
		return 0;
	kept->size = n;
	return 0;
}

/* At the return of an exec: what it was given, if it succeeded; that of a failed one can still be read. Whether so. */
__noinline int nt_kept_exec(__s64 result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct nt_exec_texts *kept = bpf_task_storage_get(&exec_texts, task, NULL, 0);
	struct nt_full_record *r = nt_full_record();
	__u32 n;

	if (!kept || !r)
		return 0;
	n = NT_READ(kept->size);
	asm volatile("" : "+r"(n));
	if (result == 0 && n <= NT_EXEC_TEXTS && !bpf_probe_read_kernel(r->texts, n, kept->texts))
		r->call.texts = n;
	bpf_task_storage_delete(&exec_texts, task);
	return result == 0;
}

#endif
