/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/mail.h"

#include <math.h>
#include <string.h>

#include "bench/result.h"

#define LINES 512u		/* then the text begins anew */
#define TEXT_BYTES (LINES * MAIL_LINE_BYTES)

static char text[TEXT_BYTES];

/* SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). */
static uint64_t mixed(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* (0, 1) */
static double unit(uint64_t x)
{
	return ((double)(mixed(x) >> 11) + 0.5) / 9007199254740992.0;
}

void mail_init(void)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz      ETAOIN";

	if (text[0] != '\0')
		return;
	for (uint32_t i = 0; i < TEXT_BYTES; i++) {
		uint32_t column = i % MAIL_LINE_BYTES;

		text[i] = column == MAIL_LINE_BYTES - 2 ? '\r' : column == MAIL_LINE_BYTES - 1 ? '\n'
			  : letters[mixed(i) % (sizeof(letters) - 1)];
	}
}

/* Box and Muller's transform of two even numbers into a normal one. */
static double log_normal(uint64_t seed, double median, double sigma)
{
	double z = sqrt(-2 * log(unit(seed))) * cos(6.283185307179586 * unit(seed + 1));

	return median * exp(sigma * z);
}

uint32_t mail_bytes(uint32_t number)
{
	uint64_t seed = (uint64_t)number << 3;
	double bytes = log_normal(seed, MAIL_TEXT_MEDIAN, MAIL_TEXT_SIGMA);

	if (unit(seed + 2) < MAIL_ATTACHMENT_SHARE)
		bytes += log_normal(seed + 3, MAIL_ATTACHMENT_MEDIAN, MAIL_ATTACHMENT_SIGMA);
	bytes = fmin(bytes, MAIL_MESSAGE_MAX - MAIL_LINE_BYTES);
	return ((uint32_t)bytes / MAIL_LINE_BYTES + 1) * MAIL_LINE_BYTES;
}

const char *mail_text(uint32_t number, uint32_t offset, uint32_t *bytes)
{
	/* Each begins at a line of its own, so that one can't be taken for another. */
	uint32_t at = (uint32_t)(((uint64_t)(number % LINES) * MAIL_LINE_BYTES + offset) % TEXT_BYTES);

	*bytes = TEXT_BYTES - at;
	return text + at;
}

bool mail_matches(uint32_t number, uint32_t offset, const char *data, uint32_t bytes)
{
	while (bytes > 0) {
		uint32_t n;
		const char *wanted = mail_text(number, offset, &n);

		if (n > bytes)
			n = bytes;
		if (memcmp(data, wanted, n) != 0)
			return false;
		data += n;
		offset += n;
		bytes -= n;
	}
	return true;
}

void mail_parameters(struct result *r)
{
	result_parameter_int(r, "text_median_bytes", MAIL_TEXT_MEDIAN);
	result_parameter_real(r, "text_sigma", MAIL_TEXT_SIGMA);
	result_parameter_real(r, "attachment_share", MAIL_ATTACHMENT_SHARE);
	result_parameter_int(r, "attachment_median_bytes", MAIL_ATTACHMENT_MEDIAN);
	result_parameter_real(r, "attachment_sigma", MAIL_ATTACHMENT_SIGMA);
}

uint32_t mail_line_take(struct mail_line *l, const char *data, uint32_t bytes, bool *whole)
{
	const char *eol = memchr(data, '\n', bytes);
	uint32_t n = eol != NULL ? (uint32_t)(eol - data) + 1 : bytes, room = MAIL_COMMAND_BYTES - 1u - l->bytes;

	*whole = eol != NULL;
	for (uint32_t i = room; i < n; i++)
		l->too_long = l->too_long || (data[i] != '\r' && data[i] != '\n');
	memcpy(l->text + l->bytes, data, n < room ? n : room);
	l->bytes = (uint8_t)(l->bytes + (n < room ? n : room));
	if (eol != NULL) {
		uint32_t end = l->bytes;

		while (end > 0 && (l->text[end - 1] == '\n' || l->text[end - 1] == '\r'))
			end--;
		l->text[end] = '\0';
		l->bytes = 0;
	}
	return n;
}
