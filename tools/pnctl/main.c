// SPDX-License-Identifier: GPL-2.0
/* pnctl VERB: which verbs there are, and what they have in common. */
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pnctl.h"

static const struct command *const commands[] = {
	&cmd_list, &cmd_create, &cmd_destroy, &cmd_set, &cmd_who, &cmd_watch, &cmd_run,
	&cmd_check, &cmd_cdi, &cmd_save, &cmd_restore,
};

static void print_help(void)
{
	size_t i;

	printf("usage: pnctl VERB [options]\n\n"
	       "Create, inspect and destroy private memory nodes.\n\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-9s%s\n", commands[i]->name, commands[i]->what);
	printf("\nFor more, see 'pnctl VERB --help' and pnctl(1).\n");
}

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	}
	return NULL;
}

/* --help, and what getopt_long() does not know: it keeps quiet, for errors have two lines here. */
int option_other(const struct command *command, int c, char **argv)
{
	const char *last = argv[optind - 1];

	if (c == 'h') {
		printf("%s", command->help);
		return 0;
	}
	if (c == ':')
		return usage_error("%.64s needs a value", last);
	if (optopt && optopt < 128)
		return usage_error("there is no option -%c", optopt);
	return usage_error("%.64s is no option, or it stands for several, or takes no value", last);
}

static int run(int argc, char **argv)
{
	const struct command *command = find(argv[1]);

	if (!command)
		return usage_error("there is no verb '%.64s'", argv[1]);
	verb = command->name;
	opterr = 0;
	return command->run(argc - 1, argv + 1);
}

static int top(int argc, char **argv)
{
	if (argc < 2)
		return usage_error("no verb given");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help();
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("pnctl %s\n", VERSION);
		return 0;
	}
	return run(argc, argv);
}

/* A file that is opened later must not be where messages go. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	int status;

	open_standard();
	status = top(argc, argv);

	/* A disk that is full, or a pipe that nobody reads. */
	if (fflush(stdout) || ferror(stdout)) {
		if (!status) {
			error("%swhat it had to say could not be written",
			      changing ? "it is done, and " : "");
			status = cure(changing ? PN_HALF : PN_FAILED,
				      "look where its output goes");
		}
	}
	if (status)
		error_print();
	return status;
}
