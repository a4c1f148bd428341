/* Preloaded: a directory service that takes its time. */
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

int getpwuid_r(uid_t uid, struct passwd *entry, char *text, size_t size, struct passwd **found)
{
	struct timespec time = {1, 500000000};

	nanosleep(&time, NULL);
	*found = NULL;
	if (size < 8)
		return 34; /* ERANGE */
	strcpy(text, "slow");
	memset(entry, 0, sizeof(*entry));
	entry->pw_name = entry->pw_passwd = entry->pw_gecos = entry->pw_dir = entry->pw_shell = text;
	entry->pw_uid = uid;
	*found = entry;
	return 0;
}
