/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Which file a descriptor stands for, and its record, sent once. */
#ifndef NT_FILE_H
#define NT_FILE_H

#define NT_ANON_INODE_FS 0x09041934
#define NT_S_IFMT 0170000
#define NT_S_IFCHR 0020000
#define NT_S_IFSOCK 0140000
#define NT_S_IFIFO 0010000
#define NT_AF_UNIX 1
#define NT_AF_INET 2
#define NT_AF_INET6 10

/* Files that were reported. Userspace remembers more than these. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, struct nt_file_id);
	__type(value, __u32);
} reported_files SEC(".maps");

#define NT_PATH_PARTS 40

struct nt_file_text {
	struct nt_file file;
	/* Twice: the verifier bounds an offset and a length, but not their sum. */
	char names[2 * NT_NAMES_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nt_file_text);
} file_texts SEC(".maps");

/* A file that a thread used recently: as long as these are the same, so is the id. */
struct nt_used {
	struct file *file;
	struct inode *inode;
	const void *op;
	__u64 ino;
	struct nt_file_id id;
};

/* By descriptor; a power of two. */
#define NT_USED 4

static __always_inline bool nt_same_file(const struct nt_file_id *a, const struct nt_file_id *b)
{
	return a->ino == b->ino && *(const __u64 *)&a->dev == *(const __u64 *)&b->dev;
}

/* Adds the name at `from` behind the others; false when there is no room. */
static __always_inline bool nt_add_name(struct nt_file_text *t, const void *from)
{
	__u32 off = NT_READ(t->file.names);
	long n;

	asm volatile("" : "+r"(off));
	if (off > NT_NAMES_MAX - 256)
		return false;
	n = bpf_probe_read_kernel_str(t->names + off, 256, from);
	if (n <= 0 || n > 256)
		return false;
	t->file.names = off + n;
	return true;
}

/* The names on the way to the root, across mounts. */
static __noinline int nt_fill_path(struct nt_file_text *t, struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct vfsmount *vfs = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mount;

	if (!vfs)
		return 0;
	mount = (void *)vfs - bpf_core_field_offset(struct mount, mnt);
	if (!BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry)
		t->file.head.flags |= NT_DELETED;
	for (int i = 0; i < NT_PATH_PARTS; i++) {
		struct dentry *parent;

		if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
			struct mount *outer = BPF_CORE_READ(mount, mnt_parent);

			if (outer == mount)
				return 0;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = outer;
			continue;
		}
		if (!nt_add_name(t, BPF_CORE_READ(dentry, d_name.name)))
			break;
		parent = BPF_CORE_READ(dentry, d_parent);
		/* Not in a directory tree: memory, pipes and the like. */
		if (parent == dentry)
			return 0;
		dentry = parent;
	}
	t->file.head.flags |= NT_SHORTENED;
	return 0;
}

static __always_inline void nt_fill_unix(struct nt_file_text *t, struct sock *sk)
{
	struct unix_address *address;
	long n;

	if (!bpf_core_type_exists(struct unix_sock))
		return;
	address = BPF_CORE_READ((struct unix_sock *)sk, addr);
	if (!address) {
		sk = BPF_CORE_READ((struct unix_sock *)sk, peer);
		if (!sk)
			return;
		address = BPF_CORE_READ((struct unix_sock *)sk, addr);
		t->file.head.flags |= NT_PEERS;
	}
	if (!address)
		return;
	n = BPF_CORE_READ(address, len) - (long)sizeof(unsigned short);
	asm volatile("" : "+r"(n));
	if (n <= 0 || n > 108)
		return;
	if (!bpf_probe_read_kernel(t->names, n,
				   (void *)address + bpf_core_field_offset(struct unix_address, name) +
					   sizeof(unsigned short)))
		t->file.names = n;
}

static __noinline int nt_fill_socket(struct nt_file_text *t, struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	struct nt_file *f = &t->file;
	__u32 address;

	if (!sk)
		return 0;
	f->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	f->type = BPF_CORE_READ(sk, sk_type);
	f->protocol = BPF_CORE_READ(sk, sk_protocol);
	switch (f->family) {
	case NT_AF_INET:
		address = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__builtin_memcpy(f->local, &address, sizeof(address));
		address = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		__builtin_memcpy(f->remote, &address, sizeof(address));
		break;
	case NT_AF_INET6:
		if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
			bpf_core_read(f->local, sizeof(f->local),
				      &sk->__sk_common.skc_v6_rcv_saddr);
			bpf_core_read(f->remote, sizeof(f->remote),
				      &sk->__sk_common.skc_v6_daddr);
		}
		break;
	case NT_AF_UNIX:
		nt_fill_unix(t, sk);
		return 0;
	default:
		return 0;
	}
	f->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	f->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	return 0;
}

/* The path or abstract name a Unix socket was to be connected to. */
static __always_inline void nt_fill_unix_target(struct nt_file_text *t, __u64 address, __u64 length)
{
	void *path = (void *)address + sizeof(unsigned short);
	__u64 n = length - sizeof(unsigned short);
	long got;

	asm volatile("" : "+r"(n));
	if (t->file.names || n == 0 || n > 108)
		return;
	/* A path may end before its room does. */
	got = bpf_probe_read_user_str(t->names, n + 1, path);
	/* The end of an empty one is counted by some kernels only. */
	if (got == 0 || got == 1)
		got = bpf_probe_read_user(t->names, n, path) ? 0 : n;
	if (got <= 0 || got > 109)
		return;
	t->file.names = got;
	t->file.head.flags |= NT_PEERS;
}

/* Where a socket that is not connected was to be, as the caller of connect wrote it. */
static __noinline int nt_fill_target(struct nt_file_text *t, __u64 address, __u64 length)
{
	struct nt_file *f = &t->file;
	struct {
		__u16 family, port;
		__u8 rest[24]; /* version 4: the address; 6: the flow and the address */
	} to;

	/* A short one may end where mapped memory does; what is behind it is not used. */
	__builtin_memset(&to, 0, sizeof(to));
	if (bpf_probe_read_user(&to, sizeof(to), (void *)address) &&
	    bpf_probe_read_user(&to, 16, (void *)address) &&
	    bpf_probe_read_user(&to.family, sizeof(to.family), (void *)address))
		return 0;
	if (to.family != f->family)
		return 0;
	if (to.family == NT_AF_UNIX)
		nt_fill_unix_target(t, address, length);
	if (to.family == NT_AF_INET)
		__builtin_memcpy(f->remote, to.rest, 4);
	else if (to.family == NT_AF_INET6)
		__builtin_memcpy(f->remote, to.rest + 4, 16);
	else
		return 0;
	f->remote_port = __builtin_bswap16(to.port);
	return 0;
}

/*
 * Reports what the file is. `target`: the address, and its length, that a connect of
 * it was given and which it may not have reached; or 0.
 */
__noinline int nt_report_file(struct nt_used *used, __u64 target, __u64 length)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0, n;
	struct nt_file_text *t = bpf_map_lookup_elem(&file_texts, &zero);
	struct nt_file_id id;
	struct inode *inode;
	struct nt_file *f;
	struct file *file;
	long lost;

	if (!used || !t)
		return 0;
	id = used->id;
	inode = used->inode;
	file = used->file;
	f = &t->file;
	__builtin_memset(f, 0, sizeof(*f));
	f->id = id;
	f->mode = BPF_CORE_READ(inode, i_mode);
	f->rdev = BPF_CORE_READ(inode, i_rdev);
	f->magic = BPF_CORE_READ(inode, i_sb, s_magic);
	if ((f->mode & NT_S_IFMT) == NT_S_IFSOCK)
		nt_fill_socket(t, file);
	else
		nt_fill_path(t, file);
	if (target && !f->remote_port)
		nt_fill_target(t, target, length);
	n = NT_READ(f->names);
	n = sizeof(*f) + (n < NT_NAMES_MAX ? n : NT_NAMES_MAX);
	nt_fill_head(&f->head, task, bpf_ktime_get_ns(), n, NT_FILE, f->head.flags);
	asm volatile("" : "+r"(n));
	if (n > sizeof(*f) + NT_NAMES_MAX)
		return 0;
	lost = bpf_ringbuf_output(&ring, t, n, BPF_RB_NO_WAKEUP);
	if (lost)
		nt_count(NT_N_NAME);
	/*
	 * A socket gets its port with its first use, or by bind: the next use reports it.
	 * Not where a connect failed: the target it was reported with would be overwritten.
	 */
	if (lost || ((f->family == NT_AF_INET || f->family == NT_AF_INET6) && !f->local_port &&
		     !f->remote_port)) {
		used->ino = 0;
		bpf_map_delete_elem(&reported_files, &id);
	} else {
		bpf_map_update_elem(&reported_files, &id, &zero, BPF_ANY);
	}
	return 0;
}

/* Finds out which file it is, and reports it if it was not reported yet. */
__noinline int nt_resolve_file(struct nt_used *used)
{
	struct nt_file_id id; /* on the stack: Linux 6.1 takes no other memory of ours as a key */
	struct inode *inode;
	__u64 op;

	if (!used)
		return 0;
	inode = used->inode;
	id.ino = used->ino;
	id.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	id.gen = BPF_CORE_READ(inode, i_generation);
	if (BPF_CORE_READ(inode, i_sb, s_magic) == NT_ANON_INODE_FS) {
		/* Its operations identify its kind; their address is hashed, as it must not leave the kernel. */
		op = (__u64)used->op;
		id.gen = op * 0x9e3779b97f4a7c15ULL >> 32;
	}
	used->id = id;
	if (!bpf_map_lookup_elem(&reported_files, &id))
		nt_report_file(used, 0, 0);
	return 0;
}

/*
 * The file behind a descriptor, in the thread's cache of files it used; NULL if
 * there is none. The inode number is compared each time: the kernel uses the
 * memory of closed files and sockets again.
 */
static __always_inline struct nt_used *nt_use(struct nt_used *of_thread, struct task_struct *task,
					      __u32 fd)
{
	struct nt_used *used = &of_thread[fd & (NT_USED - 1)];
	struct file *file = nt_file_of(task, fd);
	struct inode *inode;
	const void *op;
	unsigned long ino;

	if (!file || !nt_read_two(file, f_inode, &inode, f_op, &op) || !inode)
		return NULL;
	if (bpf_core_read(&ino, sizeof(ino), &inode->i_ino))
		return NULL;
	if (used->file == file && used->inode == inode && used->ino == ino && used->op == op)
		return used;
	used->file = file;
	used->inode = inode;
	used->ino = ino;
	used->op = op;
	nt_resolve_file(used);
	return used;
}

#endif
