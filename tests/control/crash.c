/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For LD_PRELOAD under `postern cert`: tells what it does to files, a line a step in
 * $CRASH_LOG, and dies by SIGKILL just before step $CRASH_AT (counted from 1), as by a
 * crash between two system calls.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int step_open(const char *path, int flags, ...) __asm__("open");
/* What the same calls are named with large files. */
int step_open64(const char *path, int flags, ...) __asm__("open64") __attribute__((alias("open")));
int step_mkostemp(char *path, int flags) __asm__("mkostemp");
int step_mkostemp64(char *path, int flags) __asm__("mkostemp64") __attribute__((alias("mkostemp")));
int step_fchmod(int fd, mode_t mode) __asm__("fchmod");
ssize_t step_write(int fd, const void *data, size_t bytes) __asm__("write");
int step_fsync(int fd) __asm__("fsync");
int step_rename(const char *from, const char *to) __asm__("rename");
int step_mkdir(const char *path, mode_t mode) __asm__("mkdir");
int step_unlink(const char *path) __asm__("unlink");

static void *next(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		abort();
	return f;
}

#define NEXT(name, type) ((type)(uintptr_t)next(name))

static void step(const char *what, const char *path, const char *to)
{
	static unsigned long steps;
	const char *at = getenv("CRASH_AT"), *log = getenv("CRASH_LOG");
	char line[9000];
	int fd, n;

	if (at != NULL && ++steps == strtoul(at, NULL, 10))
		raise(SIGKILL);
	if (log == NULL)
		return;
	n = snprintf(line, sizeof(line), "%s %s %s\n", what, path, to);
	fd = NEXT("open", int (*)(const char *, int, ...))(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || NEXT("write", ssize_t (*)(int, const void *, size_t))(fd, line, (size_t)n) != n)
		abort();
	close(fd);
}

/* The file or folder behind a descriptor. */
static const char *path_of(int fd)
{
	static char path[4096];
	char link[40];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	return path;
}

static int open_step(const char *path, int flags, mode_t mode)
{
	if (flags & O_CREAT)
		step("create", path, "");
	return NEXT("open", int (*)(const char *, int, ...))(path, flags, mode);
}

int step_open(const char *path, int flags, ...)
{
	va_list more;
	int fd;

	va_start(more, flags);
	fd = open_step(path, flags, flags & O_CREAT ? va_arg(more, mode_t) : 0);
	va_end(more);
	return fd;
}

int step_mkostemp(char *path, int flags)
{
	step("create", path, "");
	return NEXT("mkostemp", int (*)(char *, int))(path, flags);
}

int step_fchmod(int fd, mode_t mode)
{
	step("mode", path_of(fd), "");
	return NEXT("fchmod", int (*)(int, mode_t))(fd, mode);
}

/* Half of it is one step, the rest another: a crash may tear a write. */
ssize_t step_write(int fd, const void *data, size_t bytes)
{
	static bool torn;
	ssize_t (*real)(int, const void *, size_t) = NEXT("write", ssize_t (*)(int, const void *, size_t));

	if (fd <= STDERR_FILENO)
		return real(fd, data, bytes);
	step("write", path_of(fd), "");
	torn = !torn;
	return real(fd, data, torn && bytes > 1 ? bytes / 2 : bytes);
}

int step_fsync(int fd)
{
	step("fsync", path_of(fd), "");
	return NEXT("fsync", int (*)(int))(fd);
}

int step_rename(const char *from, const char *to)
{
	step("rename", from, to);
	return NEXT("rename", int (*)(const char *, const char *))(from, to);
}

int step_mkdir(const char *path, mode_t mode)
{
	if (access(path, F_OK) != 0)	/* else it does nothing */
		step("mkdir", path, "");
	return NEXT("mkdir", int (*)(const char *, mode_t))(path, mode);
}

int step_unlink(const char *path)
{
	step("unlink", path, "");
	return NEXT("unlink", int (*)(const char *))(path);
}
