/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/workload.h"

#include <string.h>

#include "bench/backend.h"

extern const struct workload workload_handshake, workload_request, workload_bulk;
extern const struct workload workload_idle, workload_imap, workload_smtp, workload_storm, workload_mix;
extern const struct service service_request, service_bulk, service_imap, service_smtp;

const struct workload *const workloads[] = {
	&workload_handshake,
	&workload_request,
	&workload_bulk,
	&workload_idle,
	&workload_imap,
	&workload_smtp,
	&workload_storm,
	&workload_mix,
	NULL,
};

const struct service *const services[] = {
	&service_request,
	&service_bulk,
	&service_imap,
	&service_smtp,
	NULL,
};

const struct workload *workload_lookup(const char *name)
{
	for (size_t i = 0; workloads[i]; i++) {
		if (strcmp(workloads[i]->name, name) == 0)
			return workloads[i];
	}
	return NULL;
}
