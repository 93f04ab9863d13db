// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the lab's virtual machine.
 *
 * It is all there is in the initramfs. It puts a writable overlay on the host's
 * file system, which comes read-only through 9p, makes that the root, runs one
 * command there and powers off. What the command prints goes through a virtio
 * port of its own, so that the kernel's console stays the kernel's; what became
 * of it goes through a second one. lab/boot.sh is the other end of both.
 *
 * The host passes its wishes in a directory with the 9p tag "lab": "conf" with
 * lines KEY=VALUE, which also become the environment, and "cmd", what to run.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOSE	"trans=virtio,version=9p2000.L,cache=loose,msize=131072"

static int kmsg = -1;
static int out = -1;
static int ctl = -1;
static unsigned long long out_bytes;

/* To the kernel's log, so that it stands among what the kernel says. */
static void say(const char *fmt, ...)
{
	char buf[512];
	va_list ap;
	int n;

	n = snprintf(buf, sizeof(buf), "<5>lab: ");
	va_start(ap, fmt);
	vsnprintf(buf + n, sizeof(buf) - n, fmt, ap);
	va_end(ap);
	if (kmsg < 0 || write(kmsg, buf, strlen(buf)) < 0)
		fprintf(stderr, "%s\n", buf + 3);
}

static void tell(const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (ctl < 0 || write(ctl, buf, strlen(buf)) < 0)
		say("no control port for: %s", buf);
}

static void finish(void)
{
	struct timespec settle = { .tv_nsec = 100 * 1000 * 1000 };

	/*
	 * A virtio port takes data before the host has it, and nothing tells
	 * when it does.
	 */
	nanosleep(&settle, NULL);
	reboot(RB_POWER_OFF);
	/* PID 1 may not return: the kernel would panic and hide the reason. */
	for (;;)
		pause();
}

static void give_up(const char *what, const char *arg)
{
	int err = errno;

	say("cannot %s %s: %s", what, arg, strerror(err));
	tell("broken cannot %s %s: %s\n", what, arg, strerror(err));
	finish();
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST && errno != EROFS)
		give_up("make", path);
}

/* A file system that the kernel may not have: no reason to stop. */
static void mount_try(const char *type, const char *where, const char *opts)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, opts) && errno != ENODEV && errno != ENOENT)
		say("cannot mount %s on %s: %s", type, where, strerror(errno));
}

static void mount_must(const char *src, const char *where, const char *type,
		       unsigned long flags, const char *opts)
{
	make_dir(where);
	if (mount(src, where, type, flags, opts))
		give_up("mount", where);
}

static bool under(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return path && !strncmp(path, dir, len) &&
	       (path[len] == '/' || !path[len]);
}

/*
 * Fresh tmpfs there, unless the checkout or its build directory live in it: a
 * clone in /tmp has to work too, and the overlay is writable anyway.
 */
static void mount_scratch(const char *where, const char *opts)
{
	if (under(getenv("LAB_TOP"), where) || under(getenv("LAB_BUILD"), where))
		return;
	mount_try("tmpfs", where, opts);
}

static void read_conf(const char *path)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		give_up("open", path);
	while ((n = getline(&line, &size, f)) > 0) {
		char *eq = strchr(line, '=');

		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (!eq)
			continue;
		*eq = '\0';
		setenv(line, eq + 1, 1);
	}
	free(line);
	fclose(f);
}

static char *read_all(const char *path)
{
	size_t len = 0, size = 1 << 20;
	char *buf = malloc(size);
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !buf)
		give_up("read", path);
	while ((n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	if (n < 0)
		give_up("read", path);
	buf[len] = '\0';
	close(fd);
	return buf;
}

/* Virtio ports appear when the host has answered, a little after the device. */
static int open_port(const char *name)
{
	const char *class = "/sys/class/virtio-ports";
	struct timespec nap = { .tv_nsec = 10 * 1000 * 1000 };
	char path[512], got[64];
	int tries;

	for (tries = 0; tries < 3000; tries++) {
		struct dirent *d;
		DIR *dir;

		dir = opendir(class);
		while (dir && (d = readdir(dir))) {
			FILE *f;

			snprintf(path, sizeof(path), "%s/%s/name", class, d->d_name);
			f = fopen(path, "re");
			if (!f)
				continue;
			if (fscanf(f, "%63s", got) == 1 && !strcmp(got, name)) {
				int fd;

				fclose(f);
				snprintf(path, sizeof(path), "/dev/%s", d->d_name);
				fd = open(path, O_RDWR | O_CLOEXEC);
				if (fd >= 0) {
					closedir(dir);
					return fd;
				}
				continue;
			}
			fclose(f);
		}
		if (dir)
			closedir(dir);
		nanosleep(&nap, NULL);
	}
	errno = ENODEV;
	give_up("open the virtio port", name);
	return -1;
}

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (!ioctl(fd, SIOCGIFFLAGS, &ifr)) {
		ifr.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &ifr))
			say("loopback stays down: %s", strerror(errno));
	}
	close(fd);
}

static void enter_root(void)
{
	make_dir("/lower");
	make_dir("/rw");
	make_dir("/root");
	mount_must("host", "/lower", "9p", MS_RDONLY, LOOSE);
	mount_must("tmpfs", "/rw", "tmpfs", 0, "size=75%,mode=755");
	make_dir("/rw/upper");
	make_dir("/rw/work");
	mount_must("root", "/root", "overlay", 0,
		   "lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work");
	mount_must("/dev", "/root/dev", NULL, MS_MOVE, NULL);
	mount_must("/proc", "/root/proc", NULL, MS_MOVE, NULL);
	mount_must("/sys", "/root/sys", NULL, MS_MOVE, NULL);
	mount_must("tmpfs", "/root/run", "tmpfs", 0, "mode=755");
	make_dir("/root/run/lab");
	mount_must("/conf", "/root/run/lab", NULL, MS_MOVE, NULL);
	if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		give_up("enter", "the root");
}

static void mount_rest(void)
{
	make_dir("/dev/pts");
	mount_try("devpts", "/dev/pts", "mode=620,ptmxmode=666,gid=5");
	mount_try("tmpfs", "/dev/shm", "mode=1777");
	mount_try("mqueue", "/dev/mqueue", NULL);
	mount_try("hugetlbfs", "/dev/hugepages", NULL);
	mount_try("cgroup2", "/sys/fs/cgroup", NULL);
	mount_try("debugfs", "/sys/kernel/debug", NULL);
	mount_try("tracefs", "/sys/kernel/tracing", NULL);
	mount_scratch("/tmp", "mode=1777");
	if (symlink("/proc/self/fd", "/dev/fd") ||
	    symlink("/proc/self/fd/0", "/dev/stdin") ||
	    symlink("/proc/self/fd/1", "/dev/stdout") ||
	    symlink("/proc/self/fd/2", "/dev/stderr"))
		say("no /dev/fd: %s", strerror(errno));
}

/* The modules of this kernel, where modprobe looks for them. */
static void bind_modules(void)
{
	const char *src = getenv("LAB_MODULES"), *release = getenv("LAB_RELEASE");
	char path[256];

	if (!src || !release)
		return;
	make_dir("/lib/modules");
	snprintf(path, sizeof(path), "/lib/modules/%s", release);
	make_dir(path);
	if (mount(src, path, NULL, MS_BIND, NULL))
		give_up("bind the modules to", path);
}

static void put(const char *buf, ssize_t len)
{
	while (len > 0) {
		ssize_t n = write(out, buf, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = out, .events = POLLOUT };

			poll(&p, 1, 1000);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		out_bytes += n;
		buf += n;
		len -= n;
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		say("cannot write %s: %s", path, strerror(errno));
	close(fd);
}

static void on_child(int sig)
{
	(void)sig;
}

static double uptime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* The processes, and where in the kernel each is; not the kernel's threads. */
static void list_processes(void)
{
	char path[64], stat[256], where[64];
	struct dirent *d;
	DIR *dir;

	dir = opendir("/proc");
	while (dir && (d = readdir(dir))) {
		int fd, n, parent, pid = atoi(d->d_name);
		char *name_end, state;

		if (pid <= 1)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, stat, sizeof(stat) - 1);
		if (fd >= 0)
			close(fd);
		stat[n > 0 ? n : 0] = '\0';
		name_end = strrchr(stat, ')');
		if (!name_end ||
		    sscanf(name_end + 1, " %c %d", &state, &parent) != 2 ||
		    pid == 2 || parent == 2)
			continue;
		name_end[1] = '\0';
		snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, where, sizeof(where) - 1);
		if (fd >= 0)
			close(fd);
		where[n > 0 ? n : 0] = '\0';
		say("process %s, state %c, parent %d, in %s", stat, state, parent, where);
	}
	if (dir)
		closedir(dir);
}

/*
 * Who hangs, and where in the kernel: the host only knows that no answer came.
 */
static void report_hang(int seconds)
{
	say("the command is still running after %d seconds; tasks follow", seconds);
	list_processes();
	write_file("/proc/sysrq-trigger", "l");
	write_file("/proc/sysrq-trigger", "w");
	write_file("/proc/sysrq-trigger", "m");
	tell("hang %d\n", seconds);
}

static pid_t start(const char *text, const struct winsize *size, bool tty,
		   int *pty, int *pipe_rd, int *slave_fd)
{
	int slave, fds[2] = { -1, -1 };
	struct termios raw;
	sigset_t none;
	pid_t pid;

	if (openpty(pty, &slave, NULL, NULL, size))
		give_up("open", "a terminal");
	fcntl(*pty, F_SETFD, FD_CLOEXEC);
	fcntl(slave, F_SETFD, FD_CLOEXEC);
	if (!tty) {
		/* Bytes come out as they went in: no \r before \n. */
		tcgetattr(slave, &raw);
		cfmakeraw(&raw);
		tcsetattr(slave, TCSANOW, &raw);
		if (pipe2(fds, O_CLOEXEC))
			give_up("open", "a pipe");
	}

	pid = fork();
	if (pid < 0)
		give_up("fork for", text);
	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		dup2(tty ? slave : null, 0);
		dup2(tty ? slave : fds[1], 1);
		dup2(tty ? slave : fds[1], 2);
		if (null > 2)
			close(null);
		signal(SIGCHLD, SIG_DFL);
		signal(SIGPIPE, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execl("/bin/bash", "bash", "-c", text, NULL);
		dprintf(2, "cannot run /bin/bash: %s\n", strerror(errno));
		_exit(127);
	}
	/*
	 * The slave stays open here, or the master would report a hangup
	 * whenever nobody else has it open.
	 */
	if (fds[1] >= 0)
		close(fds[1]);
	*pipe_rd = fds[0];
	*slave_fd = slave;
	return pid;
}

/* Run a command, carry its bytes, bury the dead; returns as a shell counts. */
static int run(const char *text, bool tty, int timeout)
{
	struct winsize size = {
		.ws_row = atoi(getenv("LAB_ROWS") ?: "24"),
		.ws_col = atoi(getenv("LAB_COLS") ?: "80"),
	};
	double deadline = timeout ? uptime() + timeout : 0;
	int pty, slave, pipe_rd, status = -1;
	bool done = false;
	sigset_t none;
	char buf[16384];
	pid_t pid;

	pid = start(text, &size, tty, &pty, &pipe_rd, &slave);
	sigemptyset(&none);
	for (;;) {
		struct pollfd p[] = {
			{ .fd = pipe_rd, .events = POLLIN },
			{ .fd = pty, .events = POLLIN },
			{ .fd = tty ? out : -1, .events = POLLIN },
		};
		/* Once the command is gone: what is there now, and no more. */
		struct timespec wait = { .tv_sec = done ? 0 : 1 };
		int n, ready, wstatus, i;
		pid_t dead;

		ready = ppoll(p, 3, &wait, &none);
		if (ready > 0) {
			for (i = 0; i < 2; i++) {
				if (!(p[i].revents & (POLLIN | POLLHUP)))
					continue;
				n = read(p[i].fd, buf, sizeof(buf));
				if (n > 0) {
					put(buf, n);
				} else {
					if (i == 0) {
						close(pipe_rd);
						pipe_rd = -1;
					}
					ready = done ? 0 : ready;
				}
			}
			if (p[2].revents & POLLIN) {
				n = read(out, buf, sizeof(buf));
				if (n > 0 && write(pty, buf, n) < 0)
					say("typed text lost: %s", strerror(errno));
			} else if (p[2].revents & POLLHUP) {
				struct timespec nap = { .tv_nsec = 50 * 1000 * 1000 };

				nanosleep(&nap, NULL);
			}
		}
		while ((dead = waitpid(-1, &wstatus, WNOHANG)) > 0) {
			if (dead != pid)
				continue;
			status = WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) :
						      128 + WTERMSIG(wstatus);
			done = true;
		}
		if (done && ready <= 0) {
			if (pipe_rd >= 0)
				close(pipe_rd);
			close(slave);
			close(pty);
			return status;
		}
		if (!done && deadline && uptime() > deadline) {
			report_hang(timeout);
			finish();
		}
	}
}

/*
 * kmemleak looks at objects only once they are five seconds old, and reports
 * those that two scans could not find.
 */
static void find_leaks(void)
{
	const char *file = "/sys/kernel/debug/kmemleak";
	struct timespec age = { .tv_sec = 6 };
	char *found;

	if (access(file, W_OK)) {
		say("kmemleak: this kernel has it not");
		return;
	}
	kill(-1, SIGKILL);
	nanosleep(&age, NULL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	write_file(file, "scan");
	write_file(file, "scan");
	found = read_all(file);
	if (*found) {
		FILE *console = fopen("/dev/console", "we");

		if (console) {
			fputs(found, console);
			fclose(console);
		}
	} else {
		say("kmemleak: nothing found");
	}
	free(found);
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_child };
	const char *top, *setup;
	sigset_t child;
	int status;
	char *cmd;

	umask(022);
	make_dir("/dev");
	make_dir("/proc");
	make_dir("/sys");
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	mount_must("proc", "/proc", "proc", 0, NULL);
	mount_must("sys", "/sys", "sysfs", 0, NULL);

	ctl = open_port("lab.ctl");
	out = open_port("lab.out");
	mount_must("lab", "/conf", "9p", MS_RDONLY,
		   "trans=virtio,version=9p2000.L,cache=none");
	read_conf("/conf/conf");
	enter_root();
	mount_rest();
	bind_modules();
	loopback_up();
	sethostname("lab", 3);

	/* ppoll() lets it in; anywhere else it waits. */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	sigaction(SIGCHLD, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);

	top = getenv("LAB_TOP");
	if (top && chdir(top))
		give_up("enter", top);
	tell("up %.2f\n", uptime());

	setup = getenv("LAB_SETUP");
	if (setup && *setup) {
		status = run(setup, false, 0);
		if (status) {
			tell("broken the machine's set-up failed with status %d\n", status);
			finish();
		}
	}
	cmd = read_all("/run/lab/cmd");
	say("running the command");
	tell("ready %.2f\n", uptime());
	status = run(cmd, !!getenv("LAB_TTY"), atoi(getenv("LAB_TIMEOUT") ?: "0"));
	say("the command's exit status is %d", status);
	if (getenv("LAB_KMEMLEAK"))
		find_leaks();
	tell("exit %d %llu\n", status, out_bytes);
	finish();
	return 0;
}
