/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration: any text is read or refused with a reason; rules that were
 * read are the same after they were written and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "dataplane/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct ruleset *rules)
{
	char *text = ruleset_text(rules, "fuzz");
	struct error err = { .message = "" };
	struct ruleset again = { 0 };
	struct conf *root;

	ASSERT(text != NULL);
	root = conf_parse(text, strlen(text), "written", &err);
	ASSERT(root != NULL);
	ASSERT(ruleset_read(&again, root, "written", &err) == 0);
	ASSERT(again.n == rules->n);
	for (uint32_t i = 0; i < again.n; i++)
		ASSERT(rule_def_equal(&again.defs[i], &rules->defs[i]));
	ruleset_fini(&again);
	conf_free(root);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { .message = "" };
	struct config *config;
	char *text = malloc(size + 1);

	ASSERT(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	/* Which files there are isn't for the fuzzer to find out. */
	if (memmem(text, size, "rules_file", 10) != NULL) {
		free(text);
		return 0;
	}
	if (config_parse(text, size, "fuzz", &config, &err) == 0) {
		write_and_read(&config->rules);
		config_free(config);
	} else {
		ASSERT(err.message[0] != '\0');
	}
	free(text);
	return 0;
}
