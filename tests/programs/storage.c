/*
 * storage N: N processes, each of which writes its first marker while a storage of the same task is created on
 * another cpu. It prints how often that one could not be created, as the kernel programs' was being created.
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/btf.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "known.h"

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* The only type that keys and values have. */
static int btf_of_int(void)
{
	static const struct {
		struct btf_header head;
		struct btf_type type;
		uint32_t encoding;
		char names[5];
	} btf = {
		.head = { .magic = BTF_MAGIC, .version = BTF_VERSION, .hdr_len = sizeof(struct btf_header),
			  .type_off = 0, .type_len = sizeof(struct btf_type) + 4,
			  .str_off = sizeof(struct btf_type) + 4, .str_len = 5 },
		.type = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 },
		.encoding = BTF_INT_SIGNED << 24 | 32,
		.names = "\0int",
	};
	union bpf_attr attr = { .btf = (uintptr_t)&btf,
				.btf_size = sizeof(btf.head) + sizeof(btf.type) + 4 + 5 };
	int fd = bpf(BPF_BTF_LOAD, &attr);

	must(fd >= 0);
	return fd;
}

static int task_storage(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_TASK_STORAGE,
				.map_flags = BPF_F_NO_PREALLOC,
				.key_size = 4,
				.value_size = 4,
				.btf_fd = btf_of_int(),
				.btf_key_type_id = 1,
				.btf_value_type_id = 1 };
	int fd = bpf(BPF_MAP_CREATE, &attr);

	must(fd >= 0);
	return fd;
}

static cpu_set_t allowed;

static void on_cpu(pid_t pid, int nth)
{
	cpu_set_t one;
	int cpu = -1;

	do {
		cpu++;
		must(cpu < CPU_SETSIZE);
	} while (!CPU_ISSET(cpu, &allowed) || nth--);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	must(sched_setaffinity(pid, sizeof(one), &one) == 0);
}

static void spin(int times)
{
	while (times--)
		__asm__ volatile("");
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1, map = task_storage(), status, refused = 0;
	volatile int *go = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	known_begin();
	must(go != MAP_FAILED && sched_getaffinity(0, sizeof(allowed), &allowed) == 0);
	alarm(100); /* if one of two that wait for each other is gone */
	on_cpu(0, 0);
	/* So that both run when it matters. */
	must(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 }) == 0);
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		must(pid >= 0);
		if (pid == 0) {
			*go = 1;
			while (*go != 2)
				;
			/* Which of the two is first is not the same each time. */
			spin(i % 64 * 32);
			mark(">:t:storage::");
			mark("<:t:storage::");
			_exit(0);
		}
		int fd = syscall(SYS_pidfd_open, pid, 0), value = 0;
		union bpf_attr attr = { .map_fd = map, .key = (uintptr_t)&fd, .value = (uintptr_t)&value };

		must(fd >= 0);
		on_cpu(pid, 1);
		while (*go != 1)
			;
		*go = 2;
		spin(1024);
		refused += bpf(BPF_MAP_UPDATE_ELEM, &attr) < 0;
		must(waitpid(pid, &status, 0) == pid && status == 0);
		close(fd);
		*go = 0;
	}
	printf("%d\n", refused);
	return 0;
}
