/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/store.h"
#include "tls/refuse.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_SUFFIX ".new"
#define TEMPORARY ".tmp-"	/* no certificate's name begins so */

static const char *const suffixes[] = {
	[TLS_STORE_CHAIN] = ".pem", [TLS_STORE_KEY] = ".key", [TLS_STORE_REQUEST] = ".csr",
	[TLS_STORE_NEW_KEY] = ".key.new",
};

static bool is_key(enum tls_store_kind kind)
{
	return kind == TLS_STORE_KEY || kind == TLS_STORE_NEW_KEY;
}

bool tls_store_name_valid(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && (i == 0 || !strchr("._-", name[i])))
			return false;
	return i > 0 && i <= TLS_STORE_NAME_MAX;
}

int tls_store_path(const char *dir, const char *name, enum tls_store_kind kind, char *path, char *err, size_t err_bytes)
{
	if (strcmp(name, TLS_STORE_CA) != 0 && !tls_store_name_valid(name))
		return tls_refuse(-EINVAL, err, err_bytes,
			      "\"%s\" can't name a certificate: letters, digits, '.', '_' and '-', at most %u", name,
			      TLS_STORE_NAME_MAX);
	if (snprintf(path, PATH_MAX, "%s/%s%s", dir, name, suffixes[kind]) >= PATH_MAX)
		return tls_refuse(-EINVAL, err, err_bytes, "the path of the folder is too long: %s", dir);
	return 0;
}

bool tls_store_has(const char *dir, const char *name, enum tls_store_kind kind)
{
	char path[PATH_MAX], err[256];

	return tls_store_path(dir, name, kind, path, err, sizeof(err)) == 0 && access(path, F_OK) == 0;
}

void tls_folder_sync_of(const char *path)
{
	char folder[PATH_MAX], *slash;
	int fd;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	else
		strcpy(folder, ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

static int make_folder(const char *path, mode_t mode, char *err, size_t err_bytes)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		tls_folder_sync_of(path);
	else if (errno != EEXIST)
		return tls_refuse(-errno, err, err_bytes, "can't make the folder %s: %s", path, strerror(errno));
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return tls_refuse(-ENOTDIR, err, err_bytes, "%s is not a folder", path);
	return 0;
}

int tls_store_make(const char *dir, bool with_ca, char *err, size_t err_bytes)
{
	char path[PATH_MAX], *slash;
	int bad;

	if (!*dir)
		return tls_refuse(-EINVAL, err, err_bytes, "the folder has no name");
	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path) - 4)
		return tls_refuse(-ENAMETOOLONG, err, err_bytes, "the path of the folder is too long: %s", dir);
	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		bad = make_folder(path, 0755, err, err_bytes);
		*slash = '/';
		if (bad)
			return bad;
	}
	bad = make_folder(path, 0755, err, err_bytes);
	if (bad || !with_ca)
		return bad;
	strcat(path, "/ca");
	return make_folder(path, 0755, err, err_bytes);	/* its key is 0600; the certificate is for all */
}

static int write_whole(int fd, struct der left)
{
	ssize_t n;

	while (left.n > 0) {
		n = write(fd, left.p, left.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		left.p += n;
		left.n -= (size_t)n;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

#define TEMPORARY_BYTES (PATH_MAX + sizeof(TEMPORARY "XXXXXX"))

/* The text in a new file beside its place. */
static int write_temporary(const char *path, mode_t mode, struct der content, char *temporary, char *err,
			   size_t err_bytes)
{
	const char *slash = strrchr(path, '/');
	int fd, bad;

	snprintf(temporary, TEMPORARY_BYTES, "%.*s" TEMPORARY "XXXXXX", slash ? (int)(slash + 1 - path) : 0, path);
	fd = mkostemp(temporary, O_CLOEXEC);	/* 0600 */
	if (fd < 0)
		return tls_refuse(-errno, err, err_bytes, "can't write beside %s: %s", path, strerror(errno));
	bad = fchmod(fd, mode) == 0 ? write_whole(fd, content) : -errno;
	close(fd);
	if (bad) {
		unlink(temporary);
		return tls_refuse(bad, err, err_bytes, "can't write %s: %s", path, strerror(-bad));
	}
	return 0;
}

static int put_in_place(const char *temporary, const char *path, char *err, size_t err_bytes)
{
	int bad;

	if (rename(temporary, path) == 0) {
		tls_folder_sync_of(path);
		return 0;
	}
	bad = -errno;
	unlink(temporary);
	return tls_refuse(bad, err, err_bytes, "can't write %s: %s", path, strerror(-bad));
}

int tls_file_replace(const char *path, struct der content, unsigned int mode, char *err, size_t err_bytes)
{
	char temporary[TEMPORARY_BYTES];
	int bad = write_temporary(path, (mode_t)mode, content, temporary, err, err_bytes);

	return bad ? bad : put_in_place(temporary, path, err, err_bytes);
}

static struct der text_der(const char *text)
{
	return (struct der){ (const uint8_t *)text, strlen(text) };
}

int tls_store_write(const char *dir, const char *name, enum tls_store_kind kind, const char *text, char *err,
		    size_t err_bytes)
{
	char path[PATH_MAX];
	int bad;

	bad = tls_store_path(dir, name, kind, path, err, err_bytes);
	return bad ? bad : tls_file_replace(path, text_der(text), is_key(kind) ? 0600 : 0644, err, err_bytes);
}

/* What was being written by one who was killed: there may be a private key in it. Nobody else writes now. */
static void remove_left(const char *dir, const char *below)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	d = snprintf(path, sizeof(path), "%s%s", dir, below) < (int)sizeof(path) ? opendir(path) : NULL;
	while (d && (e = readdir(d)) != NULL)
		if (strncmp(e->d_name, TEMPORARY, strlen(TEMPORARY)) == 0)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

int tls_store_lock(const char *dir, char *err, size_t err_bytes)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/.lock", dir) >= (int)sizeof(path))
		return tls_refuse(-ENAMETOOLONG, err, err_bytes, "the path of the folder is too long: %s", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return tls_refuse(-errno, err, err_bytes, "can't lock the folder by %s: %s", path, strerror(errno));
	while (flock(fd, LOCK_EX) != 0) {
		int bad = -errno;

		if (bad == -EINTR)
			continue;
		close(fd);
		return tls_refuse(bad, err, err_bytes, "can't lock the folder by %s: %s", path, strerror(-bad));
	}
	remove_left(dir, "");
	remove_left(dir, "/ca");
	remove_left(dir, "/ca/issued");
	return fd;
}

int tls_store_write_pair(const char *dir, const char *name, const char *chain, const char *key, char *err,
			 size_t err_bytes)
{
	char chain_path[PATH_MAX], key_path[PATH_MAX], new_path[PATH_MAX], new_chain[TEMPORARY_BYTES];
	int bad;

	bad = tls_store_settle(dir, name, err, err_bytes);
	if (!bad)
		bad = tls_store_path(dir, name, TLS_STORE_CHAIN, chain_path, err, err_bytes);
	if (!bad)
		bad = tls_store_path(dir, name, TLS_STORE_KEY, key_path, err, err_bytes);
	if (!bad)
		bad = tls_store_path(dir, name, TLS_STORE_NEW_KEY, new_path, err, err_bytes);
	if (!bad)	/* before anything is touched: a full disk shows here */
		bad = write_temporary(chain_path, 0644, text_der(chain), new_chain, err, err_bytes);
	if (bad)
		return bad;
	bad = tls_store_write(dir, name, TLS_STORE_NEW_KEY, key, err, err_bytes);
	if (bad) {
		unlink(new_chain);
		return bad;
	}
	bad = put_in_place(new_chain, chain_path, err, err_bytes);
	return bad ? bad : put_in_place(new_path, key_path, err, err_bytes);
}

char *tls_store_read(const char *dir, const char *name, enum tls_store_kind kind, size_t *bytes, char *err,
		     size_t err_bytes)
{
	char path[PATH_MAX], *text;
	unsigned int mode;

	if (tls_store_path(dir, name, kind, path, err, err_bytes) != 0)
		return NULL;
	text = tls_file_read(path, bytes, &mode, err, err_bytes);
	if (text && is_key(kind) && !tls_key_file_private(path, mode, err, err_bytes)) {
		explicit_bzero(text, *bytes);
		free(text);
		return NULL;
	}
	return text;
}

struct tls_cert *tls_store_load(const char *dir, const char *name, char *err, size_t err_bytes)
{
	char chain[PATH_MAX], key[PATH_MAX];

	if (tls_store_path(dir, name, TLS_STORE_CHAIN, chain, err, err_bytes) != 0 ||
	    tls_store_path(dir, name, TLS_STORE_KEY, key, err, err_bytes) != 0)
		return NULL;
	return tls_store_load_files(chain, key, NULL, err, err_bytes);
}

struct tls_cert *tls_store_load_files(const char *chain_path, const char *key_path, const char *passphrase_path,
				      char *err, size_t err_bytes)
{
	struct tls_cert *c = tls_cert_load_files(chain_path, key_path, passphrase_path, err, err_bytes);
	char new_path[PATH_MAX + sizeof(NEW_SUFFIX)], why[256];

	if (c || !key_path)
		return c;
	/* What was wrong at first is the reason to give: nobody asked for this key. */
	snprintf(new_path, sizeof(new_path), "%s" NEW_SUFFIX, key_path);
	return tls_cert_load_files(chain_path, new_path, passphrase_path, why, sizeof(why));
}

int tls_store_settle(const char *dir, const char *name, char *err, size_t err_bytes)
{
	char chain[PATH_MAX], key[PATH_MAX], new_key[PATH_MAX], why[256];
	struct tls_cert *c;
	int bad;

	bad = tls_store_path(dir, name, TLS_STORE_CHAIN, chain, err, err_bytes);
	if (!bad)
		bad = tls_store_path(dir, name, TLS_STORE_KEY, key, err, err_bytes);
	if (!bad)
		bad = tls_store_path(dir, name, TLS_STORE_NEW_KEY, new_key, err, err_bytes);
	if (bad || access(new_key, F_OK) != 0)
		return bad;
	c = tls_cert_load_files(chain, key, NULL, why, sizeof(why));
	if (!c) {
		c = tls_cert_load_files(chain, new_key, NULL, why, sizeof(why));
		bad = c && rename(new_key, key) != 0 ? -errno : 0;
	}
	tls_cert_free(c);
	if (bad)
		return tls_refuse(bad, err, err_bytes, "can't put %s in the place of %s: %s", new_key, key, strerror(-bad));
	tls_folder_sync_of(key);
	return 0;
}

static int is_chain(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 4 && strcmp(e->d_name + n - 4, ".pem") == 0;
}

int tls_store_each(const char *dir, void (*each)(const char *name, void *with), void *with, char *err,
		   size_t err_bytes)
{
	struct dirent **found;
	int n = scandir(dir, &found, is_chain, alphasort), i;

	if (n < 0)
		return tls_refuse(-errno, err, err_bytes, "can't read the folder %s: %s", dir, strerror(errno));
	for (i = 0; i < n; i++) {
		found[i]->d_name[strlen(found[i]->d_name) - 4] = '\0';
		if (tls_store_name_valid(found[i]->d_name))
			each(found[i]->d_name, with);
		free(found[i]);
	}
	free(found);
	return 0;
}
