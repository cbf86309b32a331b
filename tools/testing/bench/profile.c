// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU's emulator that counts how often each block of instructions is executed. The guest
 * gives its orders through files in the directory that the argument `dir=` names: with `start` all counts
 * are set to zero, with `stop` they are written to `counts`, a line for each block: its address, the
 * number of its instructions, and how often it was executed. An order that was obeyed is removed.
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qemu_plugin.h"

#define EXPORT __attribute__((visibility("default")))

/* The version of the interface that these declarations agree with. */
EXPORT int qemu_plugin_version = 4;

struct block {
	struct block *next;
	uint64_t address;
	uint64_t instructions;
	uint64_t executions;
};

static struct block *blocks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* One processor is emulated, so nobody else counts at the same time. */
static void executed(unsigned int cpu, void *data)
{
	struct block *block = data;

	(void)cpu;
	block->executions++;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct block *block = calloc(1, sizeof(*block));

	(void)id;
	if (!block)
		return;
	block->address = qemu_plugin_tb_vaddr(tb);
	block->instructions = qemu_plugin_tb_n_insns(tb);
	pthread_mutex_lock(&lock);
	block->next = blocks;
	blocks = block;
	pthread_mutex_unlock(&lock);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, block);
}

static void start(void)
{
	struct block *block;

	pthread_mutex_lock(&lock);
	for (block = blocks; block; block = block->next)
		block->executions = 0;
	pthread_mutex_unlock(&lock);
}

static void stop(void)
{
	FILE *file = fopen("counts", "w");
	struct block *block;

	if (!file)
		return;
	pthread_mutex_lock(&lock);
	for (block = blocks; block; block = block->next)
		if (block->executions)
			fprintf(file, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", block->address,
				block->instructions, block->executions);
	pthread_mutex_unlock(&lock);
	fclose(file);
}

static void *obey(void *unused)
{
	(void)unused;
	for (;;) {
		if (access("start", F_OK) == 0) {
			start();
			unlink("start");
		}
		if (access("stop", F_OK) == 0) {
			stop();
			unlink("stop");
		}
		usleep(1000);
	}
	return NULL;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	pthread_t thread;

	(void)info;
	if (argc != 1 || strncmp(argv[0], "dir=", 4) != 0 || chdir(argv[0] + 4) != 0)
		return -1;
	if (pthread_create(&thread, NULL, obey, NULL) != 0)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
