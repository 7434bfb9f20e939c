/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fetch {
	CURL *easy;
	struct curl_slist *headers;
	void (*done)(void *arg, const uint8_t *answer, size_t answer_bytes, const char *why);
	void *arg;
	size_t bytes;
	bool too_long;
	char why[CURL_ERROR_SIZE];
	struct fetch *next;
	uint8_t answer[FETCH_ANSWER_MAX_BYTES];
};

struct fetcher {
	CURLM *multi;
	struct fetch *list;
	unsigned int n;
};

struct fetcher *fetcher_new(struct error *err)
{
	struct fetcher *f = calloc(1, sizeof(*f));

	if (f != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
		f->multi = curl_multi_init();
		if (f->multi != NULL)
			return f;
		curl_global_cleanup();
	}
	free(f);
	error_set(err, -ENOMEM, ERROR_INTERNAL, "", "the HTTP client doesn't start");
	return NULL;
}

/* Takes it out and frees it. */
static void end(struct fetcher *f, struct fetch *fetch, const char *why)
{
	struct fetch **at = &f->list;

	while (*at != fetch)
		at = &(*at)->next;
	*at = fetch->next;
	f->n--;
	curl_multi_remove_handle(f->multi, fetch->easy);
	curl_easy_cleanup(fetch->easy);
	curl_slist_free_all(fetch->headers);
	fetch->done(fetch->arg, fetch->answer, why == NULL ? fetch->bytes : 0, why);
	free(fetch);
}

void fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	while (f->list != NULL)
		end(f, f->list, "stopped");
	curl_multi_cleanup(f->multi);
	curl_global_cleanup();
	free(f);
}

static size_t take(char *data, size_t one, size_t bytes, void *arg)
{
	struct fetch *fetch = arg;

	(void)one;	/* 1, says the manual */
	if (bytes > sizeof(fetch->answer) - fetch->bytes) {
		fetch->too_long = true;
		return 0;	/* which ends it */
	}
	memcpy(fetch->answer + fetch->bytes, data, bytes);
	fetch->bytes += bytes;
	return bytes;
}

static bool set_options(struct fetch *fetch, const char *url, const char *type, const void *body, size_t bytes)
{
	CURL *e = fetch->easy;
	char header[128];
	struct curl_slist *more;

	snprintf(header, sizeof(header), "Content-Type: %s", type);
	fetch->headers = curl_slist_append(NULL, header);
	more = fetch->headers != NULL ? curl_slist_append(fetch->headers, "Expect:") : NULL;	/* no waiting for 100 */
	return more != NULL && curl_easy_setopt(e, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, FETCH_CONNECT_MS) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, FETCH_MS) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_USERAGENT, "postern") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HTTPHEADER, fetch->headers) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)bytes) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, body) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEDATA, fetch) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_ERRORBUFFER, fetch->why) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PRIVATE, fetch) == CURLE_OK;
}

int fetcher_post(struct fetcher *f, const char *url, const char *type, const void *body, size_t bytes,
		 void (*done)(void *arg, const uint8_t *answer, size_t answer_bytes, const char *why), void *arg)
{
	struct fetch *fetch;

	if (f->n == FETCHES_MAX)
		return -EBUSY;
	fetch = calloc(1, sizeof(*fetch));
	if (fetch == NULL)
		return -ENOMEM;
	fetch->done = done;
	fetch->arg = arg;
	fetch->easy = curl_easy_init();
	if (fetch->easy == NULL || !set_options(fetch, url, type, body, bytes) ||
	    curl_multi_add_handle(f->multi, fetch->easy) != CURLM_OK) {
		curl_easy_cleanup(fetch->easy);
		curl_slist_free_all(fetch->headers);
		free(fetch);
		return -ENOMEM;
	}
	fetch->next = f->list;
	f->list = fetch;
	f->n++;
	return 0;
}

static void finish(struct fetcher *f, CURL *easy, CURLcode result)
{
	struct fetch *fetch;
	char why[CURL_ERROR_SIZE + 64];
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&fetch);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 0 && status != 200)
		snprintf(why, sizeof(why), "HTTP status %ld%s", status,
			 status >= 300 && status < 400 ? " (redirections aren't followed)" : "");
	else if (fetch->too_long)
		snprintf(why, sizeof(why), "the answer is longer than %u bytes", FETCH_ANSWER_MAX_BYTES);
	else if (result != CURLE_OK)
		snprintf(why, sizeof(why), "%s", fetch->why[0] != '\0' ? fetch->why : curl_easy_strerror(result));
	else
		why[0] = '\0';
	end(f, fetch, why[0] != '\0' ? why : NULL);
}

bool fetcher_run(struct fetcher *f)
{
	const CURLMsg *message;
	int running, left;

	if (f->n == 0)
		return false;
	curl_multi_perform(f->multi, &running);
	while ((message = curl_multi_info_read(f->multi, &left)) != NULL) {
		if (message->msg == CURLMSG_DONE)
			finish(f, message->easy_handle, message->data.result);
	}
	return f->n > 0;
}
