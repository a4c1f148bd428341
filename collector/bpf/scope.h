/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Which threads' markers are sent. */
#ifndef NT_SCOPE_H
#define NT_SCOPE_H

/*
 * A process is a member from its fork, or is added by the loader, which then changes
 * the generation: so a thread may cache the answer. Its user and cgroup can change at
 * any time and are cheap to read: they are not cached.
 */
static __always_inline bool nt_is_member(struct nt_thread *t)
{
	__u32 generation = NT_READ(nt_generation) + 1;

	if (t->generation != generation) {
		__u32 tgid = bpf_get_current_pid_tgid() >> 32;

		/* The loader changes the members, then the generation: with a new one come its members. */
		nt_store_first(t->generation, generation);
		t->member = bpf_map_lookup_elem(&members, &tgid) != NULL;
	}
	return t->member;
}

/* These two are not inlined, as the hooks have no room for them on their stacks. */
__noinline int nt_may_see_current(void)
{
	return nt_may_see(bpf_get_current_task_btf());
}

__noinline int nt_of_user_or_cgroup(void)
{
	if (NT_READ(nt_scope.kind) == NT_SCOPE_UID)
		return (__u32)bpf_get_current_uid_gid() == NT_READ(nt_scope.uid);
	return bpf_get_current_ancestor_cgroup_id(NT_READ(nt_scope.level)) ==
	       NT_READ(nt_scope.cgroup);
}

static __always_inline bool nt_in_scope(struct nt_thread *t)
{
	if (nt_confined && !nt_may_see_current())
		return false;
	switch (NT_READ(nt_scope.kind)) {
	case NT_SCOPE_ALL:
		return true;
	case NT_SCOPE_MEMBERS:
		return nt_is_member(t);
	}
	return nt_of_user_or_cgroup();
}

#endif
