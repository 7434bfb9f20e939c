/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `postern-bench report` alone, so that its test needs nothing of a load generator. */
#include "bench/report.h"

int main(int argc, char **argv)
{
	return report_main(argc, argv);
}
