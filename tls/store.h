/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A folder of certificates: NAME.pem (the chain), NAME.key (0600) and NAME.csr
 * (the request) for each, and ca/ca.pem with ca/ca.key where a CA is kept. Files
 * are replaced as a whole or not at all, also when the power goes.
 *
 * NAME.key.new is the key of a request that isn't answered yet, while NAME.key serves
 * on. A chain and its key can't be replaced in one step: the new key lies in
 * NAME.key.new first, then the chain takes its place, which decides, then the key. A
 * reader that finds a chain whose key is still NAME.key.new takes that.
 *
 * Whoever changes something holds the folder's lock meanwhile; readers need none.
 *
 * Threads: control.
 */
#pragma once

#include "tls/cert.h"

#define TLS_STORE_DEFAULT "/var/lib/postern/certificates"
#define TLS_STORE_CA "ca/ca"
#define TLS_STORE_NAME_MAX 64u

enum tls_store_kind { TLS_STORE_CHAIN, TLS_STORE_KEY, TLS_STORE_REQUEST, TLS_STORE_NEW_KEY };

/* Letters, digits, '.', '_' and '-', beginning with a letter or digit: nothing that leaves the folder. */
bool tls_store_name_valid(const char *name);

/* "DIR/NAME.pem" and so on in @path (PATH_MAX). 0, or -EINVAL with the reason. */
int tls_store_path(const char *dir, const char *name, enum tls_store_kind kind, char *path, char *err, size_t err_bytes);
bool tls_store_has(const char *dir, const char *name, enum tls_store_kind kind);

/* Makes the folder, and its ca/ when asked. 0, or -errno with the reason in @err. */
int tls_store_make(const char *dir, bool with_ca, char *err, size_t err_bytes);
/* Writes the text, keys as 0600 and the rest as 0644. 0, or -errno with the reason. */
int tls_store_write(const char *dir, const char *name, enum tls_store_kind kind, const char *text, char *err,
		    size_t err_bytes);
/* Chain and key together: when one can't be written, both stay as they were. Takes the place of NAME.key.new. 0, or -errno with the reason. */
int tls_store_write_pair(const char *dir, const char *name, const char *chain, const char *key, char *err,
			 size_t err_bytes);
/* The text (free it; zero a key's), its length in *bytes. NULL with the reason. A key that others may read is refused. */
char *tls_store_read(const char *dir, const char *name, enum tls_store_kind kind, size_t *bytes, char *err,
		     size_t err_bytes);
/* Ends a replacement that was cut short; before anything is written for NAME. 0, or -errno with the reason. */
int tls_store_settle(const char *dir, const char *name, char *err, size_t err_bytes);
/* Chain and key of NAME, checked. NULL with the reason. */
struct tls_cert *tls_store_load(const char *dir, const char *name, char *err, size_t err_bytes);
/* The same by the files' paths, as tls_cert_load_files. */
struct tls_cert *tls_store_load_files(const char *chain_path, const char *key_path, const char *passphrase_path,
				      char *err, size_t err_bytes);

/*
 * Waits until nobody else changes the folder, and removes what one who was killed has left half written. The lock
 * ends with close(), or with us. A descriptor, or -errno with the reason.
 */
int tls_store_lock(const char *dir, char *err, size_t err_bytes);
/* A whole file replaced in one step that lasts, with these permissions whatever the umask. 0, or -errno with the reason. */
int tls_file_replace(const char *path, struct der content, unsigned int mode, char *err, size_t err_bytes);
/* A rename, or a new folder, lasts when the folder that it is in has been written out. */
void tls_folder_sync_of(const char *path);

/* Calls @each for the names that have a chain, in alphabetical order. 0, or -errno with the reason. */
int tls_store_each(const char *dir, void (*each)(const char *name, void *with), void *with, char *err,
		   size_t err_bytes);
