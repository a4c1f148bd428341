/* cat FILE, which keeps the rights of a set-user-id bit: a guest's own cat is busybox, which gives them up. */
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char bytes[4096];
	int file = open(argv[argc - 1], O_RDONLY);
	ssize_t n;

	while ((n = read(file, bytes, sizeof(bytes))) > 0)
		if (write(1, bytes, (size_t)n) != n)
			return 1;
	return n < 0;
}
