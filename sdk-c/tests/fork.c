/* fork, exec and posix_spawn: children write their own markers, and programs inherit no descriptor. */
#include <dirent.h>
#include <inttypes.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* Descriptors of the null device, 0, 1 and 2 apart. */
static int devices(void)
{
	int count = 0;
	char link[64];
	char path[64];
	DIR *dir = opendir("/proc/self/fd");
	CHECK(dir != NULL);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		snprintf(link, sizeof link, "/proc/self/fd/%.20s", entry->d_name);
		const ssize_t len = readlink(link, path, sizeof path - 1);
		path[len > 0 ? len : 0] = '\0';
		count += atoi(entry->d_name) > 2 && strcmp(path, "/dev/null") == 0;
	}
	closedir(dir);
	return count;
}

static void wait_for(pid_t child)
{
	int status;
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		CHECK(devices() == 0);
		NT_ENTER("program");
		CHECK(devices() == 1);
		return 0;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	closefrom(3);
	NT_ENTER("parent");
	expect(">:t:parent::");
	CHECK(devices() == 1);
	const nt_id first = nt_unique();

	int pipes[2];
	CHECK(pipe(pipes) == 0);
	fflush(stdout);
	const pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		NT_ENTER("child");
		const int64_t number = nt_unique().number;
		CHECK(write(pipes[1], &number, sizeof number) == sizeof number);
		_exit(devices() == 1 ? 0 : 1);
	}
	wait_for(child);
	expect(">:t:child::");
	int64_t theirs;
	CHECK(read(pipes[0], &theirs, sizeof theirs) == sizeof theirs);
	/* Neither counts on from where both were. */
	CHECK(theirs != first.number);
	CHECK(theirs < first.number || theirs - first.number > 1000);
	CHECK(nt_unique().number == first.number + 1);

	fflush(stdout);
	const pid_t executed = fork();
	CHECK(executed >= 0);
	if (executed == 0) {
		NT_ENTER("before-exec");
		execl(argv[0], argv[0], "program", (char *)NULL);
		_exit(1);
	}
	wait_for(executed);
	expect(">:t:before-exec::");
	expect(">:t:program::");

	pid_t spawned;
	char program[] = "program";
	char *const spawn_argv[] = {argv[0], program, NULL};
	extern char **environ;
	CHECK(posix_spawn(&spawned, argv[0], NULL, NULL, spawn_argv, environ) == 0);
	wait_for(spawned);
	expect(">:t:program::");
	return 0;
}
