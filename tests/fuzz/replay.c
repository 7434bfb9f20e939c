/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a fuzz target over the files of its corpus, once each, under any
 * compiler. Each input is copied to a block of exactly its size, so that a
 * sanitizer sees a read beyond it. Prints TAP: one line a file, named before it
 * runs so that a crash says which input it was.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	struct stat st;
	uint8_t *data;
	size_t size;
	FILE *file;
	int ok;

	file = fopen(path, "rb");
	if (!file)
		return -errno;
	if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode)) {
		fclose(file);
		return -EINVAL;
	}
	size = (size_t)st.st_size;
	data = malloc(size ? size : 1);
	ok = data && fread(data, 1, size, file) == size;
	fclose(file);
	if (ok) {
		if (size == 0) { /* not a byte may be read */
			free(data);
			data = NULL;
		}
		LLVMFuzzerTestOneInput(data, size);
	}
	free(data);
	return ok ? 0 : -EIO;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **names;
	int i, n, err, failed = 0;
	char path[4096];

	if (argc != 2) {
		fprintf(stderr, "Usage: %s CORPUS\n", argv[0]);
		return 2;
	}
	n = scandir(argv[1], &names, not_hidden, alphasort);
	if (n <= 0) {
		printf("1..1\nnot ok 1 - corpus %s: %s\n", argv[1],
		       n == 0 ? "it is empty" : strerror(errno));
		return 1;
	}
	printf("1..%d\n", n);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", argv[1], names[i]->d_name);
		printf("# %s\n", names[i]->d_name);
		fflush(stdout);
		err = replay_file(path);
		if (err)
			printf("not ok %d - %s: %s\n", i + 1, names[i]->d_name, strerror(-err));
		else
			printf("ok %d - %s\n", i + 1, names[i]->d_name);
		failed += err != 0;
		free(names[i]);
	}
	free(names);
	return failed ? 1 : 0;
}
