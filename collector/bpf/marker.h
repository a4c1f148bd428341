/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* From a write to the null device to a record, whichever hook saw it. */
#ifndef NT_MARKER_H
#define NT_MARKER_H

#define NT_NULL_RDEV ((1 << 20) | 3)
/* The kernel's MAX_RW_COUNT: what a longer write has is written by the next, if the program makes one. */
#define NT_WRITE_MAX 0x7ffff000ULL

/* What the first bytes of a write can be. */
enum nt_peek {
	NT_PEEK_OTHER,	/* no marker, nor a part of one */
	NT_PEEK_MARKER,	/* begins like a marker */
	NT_PEEK_CONT,	/* may continue this thread's marker */
	NT_PEEK_FAULT,	/* not mapped in: it may be anything */
};

/* The write being examined. */
struct nt_write {
	struct task_struct *task;
	__u64 base; /* where its bytes begin */
	__u64 len;  /* 0: its pieces are in the scratch */
	__u32 slot;
	bool whole; /* all of it is on the stack */
};

/*
 * Whether what begins with these bytes may be a marker. Much else is written to
 * the null device: pages that begin with '<', lists, binary data.
 */
static __always_inline bool nt_begins(const __u8 *bytes, __u64 n)
{
	__u8 second = bytes[1];

	if (bytes[0] == '>' || bytes[0] == '<')
		return n < 2 || second == ':';
	return bytes[0] == '[' && (n < 2 || second == '"' || second == ' ' || second == '\t' ||
				   second == '\n' || second == '\r');
}

/* Reads the first bytes, and with them the whole of a short write. */
static __always_inline enum nt_peek nt_peek_write(struct nt_write *w, struct nt_short *r)
{
	__u64 n = w->len;
	struct nt_thread *t;

	w->whole = n && n <= NT_SHORT;
	if (!w->whole)
		n = n ? 2 : 1; /* a first piece may hold no more */
	asm volatile("" : "+r"(n));
	if (n > NT_SHORT)
		return NT_PEEK_OTHER;
	if (bpf_probe_read_user(r->payload, n, (void *)w->base)) {
		w->whole = false;
		n = 1;
		if (bpf_probe_read_user(r->payload, n, (void *)w->base))
			return NT_PEEK_FAULT;
	}
	if (nt_begins(r->payload, n))
		return NT_PEEK_MARKER;
	/* Most threads have no storage of any kind: checking that is cheaper than the look-up. */
	if (!w->task->bpf_storage)
		return NT_PEEK_OTHER;
	t = nt_thread_of(w->task);
	return t && t->left ? NT_PEEK_CONT : NT_PEEK_OTHER;
}

/* Piece `i` of the list. */
static __always_inline bool nt_read_piece(const struct nt_pieces *v, __u32 i,
					  struct nt_piece *piece)
{
	if (v->where == NT_LIST_COMPAT) {
		__u32 pair[2];

		if (bpf_probe_read_user(pair, sizeof(pair), (void *)(v->list + i * sizeof(pair))))
			return false;
		piece->base = pair[0];
		piece->len = pair[1];
	} else {
		void *from = (void *)(v->list + i * sizeof(*piece));

		if (v->where == NT_LIST_KERNEL ? bpf_probe_read_kernel(piece, sizeof(*piece), from) :
						 bpf_probe_read_user(piece, sizeof(*piece), from))
			return false;
	}
	if (i == 0) {
		piece->base += v->skip;
		piece->len -= v->skip;
	}
	return true;
}

static long nt_find_piece(__u32 i, void *slot)
{
	struct nt_scratch *s = nt_scratch(*(__u32 *)slot);
	struct nt_piece piece;

	if (!s || !nt_read_piece(&s->pieces, i, &piece))
		return 1;
	if (!piece.len)
		return 0;
	s->pieces.first = piece.base;
	return 1;
}

/* Where the bytes begin of a write whose first pieces are empty; 0 if all are. */
__noinline __u64 nt_walk_to_first(__u32 slot)
{
	struct nt_scratch *s = nt_scratch(slot);

	if (!s)
		return 0;
	s->pieces.first = 0;
	bpf_loop(s->pieces.all, nt_find_piece, &slot, 0);
	return s->pieces.first;
}

/* Where the bytes of a write in pieces begin; 0 if it has none. */
static __always_inline __u64 nt_first_piece(const struct nt_pieces *v, __u32 slot)
{
	for (int i = 0; i < NT_PIECES; i++) {
		if (i >= NT_READ(v->count))
			break;
		if (v->at[i].len)
			return v->at[i].base;
	}
	return v->all > NT_PIECES ? nt_walk_to_first(slot) : 0;
}

/* Copies a piece behind what was copied. False if it cannot be read: then there is nothing. */
static __always_inline bool nt_append(struct nt_scratch *s, __u64 base, __u64 n)
{
	__u64 off = NT_READ(s->len), room;

	if (n == 0)
		return true;
	room = off < NT_PAYLOAD_MAX ? NT_PAYLOAD_MAX - off : 0;
	if (n > room) {
		s->beyond += n - room;
		n = room;
	}
	asm volatile("" : "+r"(n));
	asm volatile("" : "+r"(off));
	if (n == 0)
		return true;
	if (off > NT_PAYLOAD_MAX || n > NT_PAYLOAD_MAX ||
	    bpf_probe_read_user(s->payload + off, n, (void *)base)) {
		s->len = 0;
		return false;
	}
	s->len = off + n;
	return true;
}

static long nt_gather_piece(__u32 i, void *slot)
{
	struct nt_scratch *s = nt_scratch(*(__u32 *)slot);
	struct nt_piece piece;

	if (!s)
		return 1;
	if (!nt_read_piece(&s->pieces, i, &piece)) {
		s->len = 0;
		return 1;
	}
	return !nt_append(s, piece.base, piece.len);
}

/* Copies the pieces one behind the other. */
static __always_inline void nt_gather(struct nt_scratch *s, __u32 slot)
{
	s->len = 0;
	if (s->pieces.all > NT_PIECES) {
		bpf_loop(s->pieces.all, nt_gather_piece, &slot, 0);
		return;
	}
	for (int i = 0; i < NT_PIECES; i++) {
		if (i >= NT_READ(s->pieces.count) ||
		    !nt_append(s, s->pieces.at[i].base, s->pieces.at[i].len))
			break;
	}
}

/* Copies one piece of memory. */
static __always_inline void nt_copy(struct nt_scratch *s, __u64 base, __u64 n)
{
	if (n > NT_PAYLOAD_MAX) {
		s->beyond = n - NT_PAYLOAD_MAX;
		n = NT_PAYLOAD_MAX;
	}
	s->len = n;
	asm volatile("" : "+r"(n));
	if (n > NT_PAYLOAD_MAX || bpf_probe_read_user(s->payload, n, (void *)base))
		s->len = 0;
}

/*
 * Whether a simple marker's end surely is the write's: `::`, with neither an
 * escape nor a direction before, and an optional newline behind. `last` points at
 * the last four bytes.
 */
static __always_inline bool nt_surely_ends(__u8 first, const __u8 *last)
{
	__u8 before;

	if (last[2] != ':')
		return false;
	if (last[3] == ':')
		before = last[1];
	else if (last[3] == '\n' && last[1] == ':')
		before = last[0];
	else
		return false;
	return first != '[' && before != '>' && before != '<' && before != '\\';
}

/*
 * Whether the thread's next writes may continue this one. Userspace joins fragments
 * exactly; how much is sent for it is bounded here. `mask` changes nothing: it is for
 * the verifier, which does not know that n is at least 4 where it counts.
 */
static __always_inline void nt_mark_pending(struct nt_thread *t, __u8 flags, const __u8 *payload,
					    __u64 n, __u64 mask, __u64 ts)
{
	const __u8 *last = payload + ((n - 4) & mask);

	if (flags & NT_CONT) {
		t->left -= n < t->left ? n : t->left;
	} else if (n >= NT_PAYLOAD_MAX || (n >= 4 && nt_surely_ends(payload[0], last))) {
		t->left = 0;
	} else {
		t->left = NT_PAYLOAD_MAX - n;
		t->since = ts;
	}
}

/* The thread's marker is lost, and its number shows that. */
static __always_inline void nt_lose_marker(struct nt_thread *t)
{
	__sync_val_compare_and_swap(&t->ready, NT_LEAVING, NT_READY);
	t->number++;
}

/* A write that does not fit the stack. Separate, so that the verifier need not walk it twice. */
static __noinline int nt_long_marker(struct nt_write *w, struct nt_thread *t, __u64 ts, __u32 cont)
{
	struct nt_scratch *s = nt_scratch(w->slot);
	__u8 flags = cont ? NT_CONT : 0;
	__u64 n, size, beyond;
	bool gone = false;

	if (!s)
		return 0;
	s->beyond = 0;
	if (w->len)
		nt_copy(s, w->base, w->len);
	else
		nt_gather(s, w->slot);
	n = NT_READ(s->len);
	if (n == 0 || n > NT_PAYLOAD_MAX) {
		nt_count(NT_N_FAULT);
		nt_lose_marker(t);
		return 0;
	}
	if (t->ready != NT_READY)
		gone = !nt_make_ready(t, ts, w->slot);
	if (nt_activity && !gone)
		nt_segment_at_marker(ts);
	size = sizeof(s->head) + n;
	beyond = NT_READ(s->beyond);
	if (beyond) {
		/* The kernel takes no more than so much at once. */
		if (beyond > NT_WRITE_MAX - NT_PAYLOAD_MAX)
			beyond = NT_WRITE_MAX - NT_PAYLOAD_MAX;
		flags |= NT_CUT;
		__builtin_memcpy(s->payload + n, &beyond, sizeof(beyond));
		size += sizeof(beyond);
	}
	nt_fill_head(&s->head, w->task, ts, size, NT_WRITE, flags);
	s->head.number = nt_activity && gone ? 0 : ++t->number;
	nt_send_marker(&s->head, size);
	nt_mark_pending(t, flags, s->payload, n, NT_PAYLOAD_MAX - 1, ts);
	return 0;
}

/* A write that is on the stack. */
static __always_inline void nt_short_marker(struct nt_write *w, struct nt_short *r,
					    struct nt_thread *t, struct nt_thread_activity *a,
					    __u64 ts, __u32 cont)
{
	__u8 flags = cont ? NT_CONT : 0;
	__u64 n = w->len;

	asm volatile("" : "+r"(n));
	if (n == 0 || n > NT_SHORT)
		return;
	nt_fill_head(&r->head, w->task, ts, sizeof(r->head) + n, NT_WRITE, flags);
	if (t->ready != NT_READY && !nt_make_ready(t, ts, w->slot) && nt_activity) {
		nt_send_marker(&r->head, sizeof(r->head) + n);
		return;
	}
	r->head.number = ++t->number;
	if (a)
		nt_send_with_segment(a, w->task, r, sizeof(r->head) + n, ts);
	else
		nt_send_marker(&r->head, sizeof(r->head) + n);
	nt_mark_pending(t, flags, r->payload, n, NT_SHORT - 1, ts);
}

/*
 * The common end of every hook: the write is to the null device and its first
 * bytes are worth sending.
 */
static __always_inline void nt_marker(struct nt_write *w, struct nt_short *r, enum nt_peek peek)
{
	struct nt_thread_activity *a = NULL;
	struct nt_thread *t;
	__u64 ts;

	/* One value, not one for each of its uses: the stack is full. */
	asm volatile("" : "+r"(peek));
	if (nt_activity)
		a = bpf_task_storage_get(&activities, w->task, NULL, 0);
	if (a) {
		t = &a->thread;
	} else if (nt_activity) {
		struct nt_thread_idle *idle = nt_create(&idles, w->task);

		t = idle ? &idle->thread : NULL;
	} else {
		t = nt_create(&threads, w->task);
	}
	if (!t) {
		/* The marker still goes out, but not what follows it or the thread's end. */
		struct nt_scratch *s = nt_scratch(w->slot);

		if (!s)
			return;
		t = &s->no_state;
		__builtin_memset(t, 0, sizeof(*t));
		t->number = -1; /* its markers have no number: 0 */
		if (nt_in_scope(t))
			nt_count(NT_N_STORAGE);
	}
	if (!nt_in_scope(t))
		return;
	if (nt_activity && !a) {
		nt_create_activity();
		a = bpf_task_storage_get(&activities, w->task, NULL, 0);
		if (a)
			t = &a->thread;
	}
	if (peek == NT_PEEK_FAULT) {
		nt_count(NT_N_FAULT);
		/* It may have been one. */
		if (w->len <= NT_PAYLOAD_MAX)
			nt_lose_marker(t);
		return;
	}
	ts = bpf_ktime_get_ns();
	if (peek == NT_PEEK_CONT && ts - t->since > NT_FRAGMENT_NS) {
		t->left = 0;
		return;
	}
	if (nt_full)
		nt_full_marker();
	if (w->whole) {
		nt_short_marker(w, r, t, a, ts, peek == NT_PEEK_CONT);
	} else {
		/* A copy: what has its address given away cannot be kept in registers. */
		struct nt_write rare = *w;

		nt_long_marker(&rare, t, ts, peek == NT_PEEK_CONT);
	}
}

#endif
