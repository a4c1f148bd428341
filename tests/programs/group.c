/*
 * Work of known size on files and sockets: group FROM TO. FROM has 100,000 bytes, which go to TO by
 * sendfile in calls of 10,000 inside `move.copy`; then 64,000 go over a connection to itself inside
 * `move.net`, in writes of 1,000. Prints the port that was listened on.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static int null_fd;

static void mark(const char *text)
{
	if (write(null_fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
}

static void copy(int from, int to)
{
	for (int i = 0; i < 10; i++)
		if (sendfile(to, from, NULL, 10000) != 10000)
			abort();
}

static void net(int listener, const struct sockaddr_in *address)
{
	static char bytes[1000];
	int here = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(here, (const struct sockaddr *)address, sizeof(*address)) < 0)
		abort();
	int there = accept(listener, NULL, NULL);

	for (int i = 0; i < 64; i++) {
		if (write(here, bytes, sizeof(bytes)) != sizeof(bytes))
			abort();
		if (recv(there, bytes, sizeof(bytes), MSG_WAITALL) != sizeof(bytes))
			abort();
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (argc != 3)
		return 2;
	null_fd = open("/dev/null", O_WRONLY);
	int from = open(argv[1], O_RDONLY), to = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (null_fd < 0 || from < 0 || to < 0 || listener < 0)
		abort();
	if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) < 0)
		abort();
	printf("%u\n", ntohs(address.sin_port));

	mark(">:t:move::");
	mark(">:t:move.copy::");
	copy(from, to);
	mark("<:t:move.copy::");
	mark(">:t:move.net::");
	net(listener, &address);
	mark("<:t:move.net::");
	mark("<:t:move::");
	return 0;
}
