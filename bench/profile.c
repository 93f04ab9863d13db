// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU that says which functions of the kernel the instructions of
 * a measurement went to.
 *
 * What is measured begins and ends with a no-op of its own (MARK in pnbench.h).
 * After each end a line goes to the file out= for every function that ran:
 *
 *	MARK FUNCTION INSTRUCTIONS NOPS BRANCHES CALLS
 *
 * MARK counts the measurements from 1. map= is the kernel's System.map, which
 * is where it runs (nokaslr). NOPS are those of the instructions that do
 * nothing, as a static branch that is off; BRANCHES the conditional ones, taken
 * or not.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compiler.h"
#include "pnbench.h"
#include "qemu-plugin.h"

#define EXPORT	__attribute__((visibility("default")))

#define BUCKETS	65536

enum kind { OTHER, NOP, BRANCH, CALL, KINDS };

struct place {
	struct place *next;
	uint64_t addr;
	uint64_t count;
	uint64_t start;		/* what the count was at the last mark */
	enum kind kind;
	int symbol;
};

struct symbol {
	uint64_t addr;
	char *name;
	uint64_t count, of_kind[KINDS];
};

EXPORT int qemu_plugin_version = 1;

static struct place *places[BUCKETS];
static struct symbol *symbols;
static int n_symbols;
static unsigned int mark;
static bool running;
static FILE *out;

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static bool read_map(const char *path)
{
	char line[512], name[256], type;
	FILE *f = fopen(path, "r");
	int size = 0;
	uint64_t addr;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 " %c %255s", &addr, &type, name) != 3 ||
		    !strchr("tTwW", type))
			continue;
		if (n_symbols == size) {
			size += 65536;
			symbols = realloc(symbols, size * sizeof(*symbols));
		}
		symbols[n_symbols++] = (struct symbol){ .addr = addr, .name = strdup(name) };
	}
	fclose(f);
	qsort(symbols, n_symbols, sizeof(*symbols), by_address);
	return n_symbols > 0;
}

/* -1: not in the kernel's own code. */
static int symbol_of(uint64_t addr)
{
	int low = 0, high = n_symbols;

	/* Modules begin where its image can end at most. */
	if (addr < symbols[0].addr || addr >= 0xffffffffa0000000)
		return -1;
	while (high - low > 1) {
		int mid = (low + high) / 2;

		if (symbols[mid].addr <= addr)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static void dump(void)
{
	uint64_t module = 0, user = 0, n;
	struct place *p;
	int i;

	for (i = 0; i < BUCKETS; i++) {
		for (p = places[i]; p; p = p->next) {
			n = p->count - p->start;
			if (!n)
				continue;
			if (p->symbol >= 0) {
				symbols[p->symbol].count += n;
				symbols[p->symbol].of_kind[p->kind] += n;
			} else if (p->addr >> 63) {
				module += n;
			} else {
				user += n;
			}
		}
	}
	for (i = 0; i < n_symbols; i++) {
		struct symbol *s = &symbols[i];

		if (s->count)
			fprintf(out, "%u %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
				mark, s->name, s->count, s->of_kind[NOP], s->of_kind[BRANCH],
				s->of_kind[CALL]);
		s->count = 0;
		memset(s->of_kind, 0, sizeof(s->of_kind));
	}
	fprintf(out, "%u [modules] %" PRIu64 " 0 0 0\n", mark, module);
	fprintf(out, "%u [user] %" PRIu64 " 0 0 0\n", mark, user);
}

static void on_mark(unsigned int cpu, void *data)
{
	struct place *p;
	int i;

	(void)cpu;
	if (data && !running) {
		for (i = 0; i < BUCKETS; i++)
			for (p = places[i]; p; p = p->next)
				p->start = p->count;
		running = true;
		mark++;
	} else if (!data && running) {
		dump();
		running = false;
	}
}

static struct place *place_of(uint64_t addr)
{
	struct place **head = &places[(addr ^ addr >> 16) % BUCKETS], *p;

	for (p = *head; p; p = p->next)
		if (p->addr == addr)
			return p;
	p = calloc(1, sizeof(*p));
	p->addr = addr;
	p->symbol = symbol_of(addr);
	p->next = *head;
	*head = p;
	return p;
}

/*
 * By the first bytes, without prefixes that change nothing here. No-ops are 90,
 * 66 90 and 0f 1f.
 */
static enum kind kind_of(const uint8_t *b, size_t n)
{
	while (n > 1 && (*b == 0x66 || *b == 0x2e || *b == 0x3e)) {
		b++;
		n--;
	}
	if (n == 1)
		return b[0] == 0x90 ? NOP : OTHER;
	if (b[0] == 0x0f)
		return b[1] == 0x1f ? NOP : (b[1] & 0xf0) == 0x80 ? BRANCH : OTHER;
	if ((b[0] & 0xf0) == 0x70)
		return BRANCH;
	return b[0] == 0xe8 || (b[0] == 0xff && (b[1] >> 3 & 7) == 2) ? CALL : OTHER;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	static const uint8_t begin[] = { MARK_BYTES, 1 }, end[] = { MARK_BYTES, 0 };
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		struct place *p = place_of(qemu_plugin_insn_vaddr(insn));
		const uint8_t *bytes = qemu_plugin_insn_data(insn);
		size_t size = qemu_plugin_insn_size(insn);

		p->kind = kind_of(bytes, size);
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							   &p->count, 1);
		if (size == sizeof(begin) && !memcmp(bytes, begin, size))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
							       QEMU_PLUGIN_CB_NO_REGS, &mark);
		else if (size == sizeof(end) && !memcmp(bytes, end, size))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static void on_exit_(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	fclose(out);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "map=", 4) && !read_map(argv[i] + 4)) {
			fprintf(stderr, "profile: cannot read %s\n", argv[i] + 4);
			return -1;
		}
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
	}
	if (!out || !symbols) {
		fprintf(stderr, "profile: needs map=System.map and out=FILE\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, on_exit_, NULL);
	return 0;
}
