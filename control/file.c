/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole files, read within a bound and replaced in one step. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/error.h"
#include "control/text.h"

static int read_all(int fd, const char *path, size_t max_bytes, char **out, size_t *out_bytes,
		    struct error *err)
{
	size_t used = 0, size = 4096;
	char *data = malloc(size);
	ssize_t n = 1;

	while (data != NULL && used <= max_bytes && (n = read(fd, data + used, size - used - 1)) > 0) {
		used += (size_t)n;
		if (size - used < 2) {
			char *more = realloc(data, size *= 2);

			if (more == NULL)
				free(data);
			data = more;
		}
	}
	if (data == NULL)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, path, "out of memory");
	if (n < 0 || used > max_bytes) {
		int e = n < 0 ? -errno : -EFBIG;

		free(data);
		return error_set(err, e, ERROR_IO, path, "can't be read: %s", strerror(-e));
	}
	data[used] = '\0';
	*out = data;
	*out_bytes = used;
	return 0;
}

int text_read_file(const char *path, size_t max_bytes, char **out, size_t *out_bytes, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0) {
		int e = errno;

		return error_set(err, -e, ERROR_IO, path, "can't be opened: %s", strerror(e));
	}
	r = read_all(fd, path, max_bytes, out, out_bytes, err);
	close(fd);
	return r;
}

static uint64_t changed_ns(const struct stat *st)
{
	return (uint64_t)st->st_ctim.tv_sec * 1000000000 + (uint64_t)st->st_ctim.tv_nsec;
}

void files_stamp(const char *first, const char *second, struct files_stamp *out)
{
	struct stat a, b = { 0 };

	*out = (struct files_stamp){ 0 };
	if (stat(first, &a) != 0 || (second != NULL && stat(second, &b) != 0))
		return;
	*out = (struct files_stamp){ { a.st_dev, a.st_ino, (uint64_t)a.st_size, changed_ns(&a) },
				     { b.st_dev, b.st_ino, (uint64_t)b.st_size, changed_ns(&b) } };
}

static bool same_files(const struct files_stamp *a, const struct files_stamp *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

enum files_state files_watch_look(struct files_watch *w, const struct files_stamp *now)
{
	bool still = w->moving && same_files(now, &w->seen);

	w->moving = !same_files(now, &w->read) && !still;
	if (w->moving)
		w->seen = *now;
	return same_files(now, &w->read) ? FILES_SAME : w->moving ? FILES_MOVING : FILES_CHANGED;
}

static int write_all(int fd, const char *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(fd, data, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		bytes -= (size_t)n;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/* Makes the rename itself last over a power cut. */
static void sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

#define TEMPORARY ".tmp-"
#define LEFT_S 60	/* nobody writes for so long */

/* What was being written for @path by one of ours who was killed: there may be keys in it. */
static void remove_left(const char *path)
{
	char copy[PATH_MAX], name[PATH_MAX];
	struct dirent *e;
	struct stat st;
	DIR *d;

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(name, sizeof(name), "%s", basename(copy));
	snprintf(copy, sizeof(copy), "%s", path);
	d = opendir(dirname(copy));
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, name, strlen(name)) == 0 &&
		    strncmp(e->d_name + strlen(name), TEMPORARY, strlen(TEMPORARY)) == 0 &&
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    st.st_uid == geteuid() && st.st_mtime + LEFT_S < time(NULL))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d != NULL)
		closedir(d);
}

int text_write_file(const char *path, const char *data, size_t bytes, unsigned int mode, struct error *err)
{
	char temporary[PATH_MAX];
	int fd, r = 0;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s" TEMPORARY "XXXXXX", path) >= sizeof(temporary))
		return error_set(err, -ENAMETOOLONG, ERROR_IO, path, "the path is too long");
	remove_left(path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		return error_set(err, r, ERROR_IO, path, "can't make a new file beside it: %s", strerror(-r));
	}
	r = fchmod(fd, (mode_t)mode) == 0 ? write_all(fd, data, bytes) : -errno;
	close(fd);
	if (r == 0 && rename(temporary, path) != 0)
		r = -errno;
	if (r != 0) {
		unlink(temporary);
		return error_set(err, r, ERROR_IO, path, "can't be written: %s", strerror(-r));
	}
	sync_folder(path);
	return 0;
}
