/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A cgroup in scope that is created again: a service that restarts has its cgroup
 * removed and another created under the same path. No process can be in it before
 * this returns, so no marker is missed.
 */
#ifndef NT_HOOK_CGROUP_H
#define NT_HOOK_CGROUP_H

struct nt_path {
	__u64 words[NT_PATH_WORDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nt_path);
} made SEC(".maps");

/* (cgroup, path below the root of its hierarchy) */
SEC("tp_btf/cgroup_mkdir")
int nt_cgroup_made(__u64 *ctx)
{
	struct cgroup *cgroup = (struct cgroup *)ctx[0];
	__u32 zero = 0;
	struct nt_path *path = bpf_map_lookup_elem(&made, &zero);

	/* Other hierarchies may have cgroups of the same path. */
	if (!path || cgroup->root != bpf_get_current_task_btf()->cgroups->dfl_cgrp->root)
		return 0;
	__builtin_memset(path, 0, sizeof(*path));
	if (bpf_probe_read_kernel_str(path, sizeof(*path), (void *)ctx[1]) < 0)
		return 0;
	for (int i = 0; i < NT_PATH_WORDS; i++)
		if (path->words[i] != NT_READ(nt_scope.path[i]))
			return 0;
	/* One word, so other cpus see the old one or this; a task that enters the cgroup takes its locks after this. */
	nt_scope.cgroup = cgroup->kn->id;
	return 0;
}

#endif
