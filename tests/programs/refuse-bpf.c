/* refuse-bpf NAME CMD...: runs CMD where the kernel takes no program called NAME, as if it could not. Everything else
 * that bpf(2) is asked for happens. Exits as CMD does. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int install(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
}

/* The name of the program that the call would load; empty if it would load none. */
static void name_of(const struct seccomp_notif *call, char name[BPF_OBJ_NAME_LEN])
{
	char path[32];
	int memory;

	memset(name, 0, BPF_OBJ_NAME_LEN);
	if (call->data.args[0] != BPF_PROG_LOAD)
		return;
	snprintf(path, sizeof(path), "/proc/%u/mem", call->pid);
	memory = open(path, O_RDONLY | O_CLOEXEC);
	if (pread(memory, name, BPF_OBJ_NAME_LEN, call->data.args[1] + offsetof(union bpf_attr, prog_name)) < 0)
		name[0] = 0;
	close(memory);
}

int main(int argc, char **argv)
{
	int ready[2], listener, ended, status;
	pid_t child;

	if (argc < 3 || pipe2(ready, O_CLOEXEC))
		return 125;
	/* The descriptors are shared until CMD is executed, so that the listener is here too. */
	child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		listener = install();
		if (listener < 0 || write(ready[1], &listener, sizeof(listener)) != sizeof(listener))
			_exit(125);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0 || read(ready[0], &listener, sizeof(listener)) != sizeof(listener))
		return 125;
	/* That nobody has the filter any more is seen too late: older kernels wait for CMD to be waited for. */
	ended = syscall(SYS_pidfd_open, child, 0);
	if (ended < 0)
		return 125;
	for (;;) {
		struct pollfd fds[] = { { .fd = listener, .events = POLLIN }, { .fd = ended, .events = POLLIN } };
		struct seccomp_notif call = { 0 };
		struct seccomp_notif_resp answer = { 0 };
		char name[BPF_OBJ_NAME_LEN + 1] = { 0 };

		if (poll(fds, 2, -1) < 0 || fds[1].revents)
			break;
		if (!fds[0].revents || ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
			continue;
		name_of(&call, name);
		answer.id = call.id;
		if (strcmp(name, argv[1]))
			answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		else
			answer.error = -EINVAL;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	if (waitpid(child, &status, 0) < 0)
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
