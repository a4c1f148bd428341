// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The kernel programs of nulltrace, one translation unit: each header says at its top
 * what it is for. records.h is the only contract with userspace.
 */
#include "vmlinux_min.h"

#include <asm-generic/errno.h>
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "records.h"

#include "arch.h"
#include "calls.h"
#include "maps.h"
#include "read.h"

#include "emit.h"
#include "facts.h"
#include "scope.h"

#include "file.h"

#include "activity.h"
#include "idle.h"

#include "full.h"
#include "full_text.h"
#include "full_send.h"

#include "marker.h"

#include "sample.h"
#include "free.h"

#include "hook_activity.h"
#include "hook_block.h"
#include "hook_cgroup.h"
#include "hook_fentry.h"
#include "hook_full.h"
#include "hook_full_sched.h"
#include "hook_irq.h"
#include "hook_process.h"
#include "hook_sample.h"
#include "hook_syscall.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
