/* A plugin for qemu-user: how many instructions a program took, written to the file named in
 * INSTRUCTIONS_FILE when it ends. The functions are those of qemu's plugin interface, version 1. */

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct block;
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*seen)(uint64_t, struct block *));
size_t qemu_plugin_tb_n_insns(const struct block *);
void qemu_plugin_register_vcpu_tb_exec_inline(struct block *, int add, void *, uint64_t);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*ended)(uint64_t, void *), void *);

int qemu_plugin_version = 1;
static uint64_t count;

static void seen(uint64_t id, struct block *block)
{
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &count, qemu_plugin_tb_n_insns(block));
}

static void ended(uint64_t id, void *unused)
{
    FILE *file = fopen(getenv("INSTRUCTIONS_FILE"), "w");
    if (file) {
        fprintf(file, "%" PRIu64 "\n", count);
        fclose(file);
    }
}

int qemu_plugin_install(uint64_t id, const void *about, int argc, char **argv)
{
    qemu_plugin_register_vcpu_tb_trans_cb(id, seen);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
