/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Interrupts of threads in scope: loaded only where asked for. */
#ifndef NT_HOOK_IRQ_H
#define NT_HOOK_IRQ_H

/* When the handlers under way on each cpu began: interrupts are not interrupted by their like. 0: not seen. */
enum nt_irq_kind {
	NT_IRQ_HARD,
	NT_IRQ_SOFT,
	NT_IRQ_MAX,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NT_IRQ_MAX);
	__type(key, __u32);
	__type(value, __u64);
} irq_begins SEC(".maps");

static __always_inline void nt_irq_begins(__u32 kind)
{
	__u64 *begins = bpf_map_lookup_elem(&irq_begins, &kind);
	struct nt_thread unknown = {};

	/* The collector's too, where all threads are in scope: it does not choose whom they interrupt. */
	if (begins)
		*begins = nt_in_scope(&unknown) ? bpf_ktime_get_ns() : 0;
}

static __always_inline void nt_irq_ends(__u32 kind, __u32 irq, struct irqaction *action)
{
	__u64 *begins = bpf_map_lookup_elem(&irq_begins, &kind), now;
	struct nt_irq record = {};

	if (!begins || !*begins)
		return;
	now = bpf_ktime_get_ns();
	nt_fill_head(&record.head, bpf_get_current_task_btf(), now, sizeof(record), NT_IRQ,
		     kind == NT_IRQ_SOFT ? NT_SOFTIRQ : 0);
	record.time = now - *begins;
	*begins = 0;
	record.irq = irq;
	record.cpu = bpf_get_smp_processor_id();
	if (action)
		bpf_probe_read_kernel_str(record.name, sizeof(record.name), action->name);
	nt_full_output(&record, sizeof(record));
}

/* (number, handler) */
SEC("tp_btf/irq_handler_entry")
int nt_irq_enter(__u64 *ctx)
{
	nt_irq_begins(NT_IRQ_HARD);
	return 0;
}

/* (number, handler, result) */
SEC("tp_btf/irq_handler_exit")
int nt_irq_exit(__u64 *ctx)
{
	nt_irq_ends(NT_IRQ_HARD, ctx[0], (struct irqaction *)ctx[1]);
	return 0;
}

/* (vector) */
SEC("tp_btf/softirq_entry")
int nt_softirq_enter(__u64 *ctx)
{
	nt_irq_begins(NT_IRQ_SOFT);
	return 0;
}

/* (vector) */
SEC("tp_btf/softirq_exit")
int nt_softirq_exit(__u64 *ctx)
{
	nt_irq_ends(NT_IRQ_SOFT, ctx[0], NULL);
	return 0;
}

#endif
