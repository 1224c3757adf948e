/*
 * @PATTERN@: one thread changes the environment while others use it.
 *
 * Usage: repro [control] [SECONDS]
 * Ends with 0 when a run failed, 1 when none did in SECONDS (20), 2 where it could not run.
 * `control` leaves out the changes: then nothing may fail.
 *
 * A reproducer by `envrace confirm --emit`; README.md says what it shows.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
@INCLUDES@
enum {
    THREADS = 8,       /* that run @PARTNER@ */
    CHANGES = @CHANGES@,     /* in a round, by one more thread */
    PAUSE_US = @PAUSE@,     /* after each */
    SIZES = 8,         /* environments tried in turn: the number of variables decides whether an addition moves the array */
    KEPT = 12,         /* variables that are always there */
    ROUND_SECONDS = 5, /* after which a round counts as hung */
};

extern char **environ;

@CHECK@
static char names[CHANGES][16], entries[CHANGES][24];
static atomic_int failures, setbacks, stop;
static int size, control, good; /* `good`: a pipe that gets a byte for each run that went well */

static void say(int thread, const char *what, const char *kind, const char *format, va_list list)
{
    char text[160], line[256];
    vsnprintf(text, sizeof text, format, list);
    int length = snprintf(line, sizeof line, "[thread %d][%s failure] %s %s\n", thread, what, kind, text);
    if (write(STDOUT_FILENO, line, length) != length)
        stop = 1;
}

/* A failure that only the race explains. */
static int ouch(int thread, const char *what, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (atomic_fetch_add(&failures, 1) < 5)
        say(thread, what, "ouch!", format, list);
    va_end(list);
    stop = 1;
    return 1;
}

/* A failure with other causes: no process can be started, say. */
static int setback(int thread, const char *what, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (atomic_fetch_add(&setbacks, 1) == 0)
        say(thread, what, "for another reason:", format, list);
    va_end(list);
    if (setbacks > 100)
        stop = 1;
    return 1;
}
@JUDGES@
static void fill(void);

static void change(int n)
{
@MUTATION@
}

/* One run; 0 where all went well. */
static int use(int thread)
{
@USE@
}

static void *worker(void *number)
{
    while (!stop)
        if (!use((int)(intptr_t)number) && write(good, ".", 1) != 1)
            stop = 1;
    return NULL;
}

static void fill(void)
{
    char name[16], value[2] = "a";
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    setenv("CHANGED", "old", 1);
    for (int i = 0; i < KEPT; i++, value[0]++) {
        snprintf(name, sizeof name, "KEPT_%02d", i);
        setenv(name, value, 1);
    }
    for (int i = 0; i < size; i++) {
        snprintf(name, sizeof name, "FILL_%02d", i);
        setenv(name, "f", 1);
    }
}

/* In a process of its own, so that each round begins with a small environment and a crash ends that round only. */
static int run_round(void)
{
    pthread_t threads[THREADS];
    for (int n = 0; n < CHANGES; n++) {
        snprintf(names[n], sizeof names[n], "NEW_%04d", n);
        snprintf(entries[n], sizeof entries[n], "NEW_%04d=n", n);
    }
    clearenv();
@PREPARE@    fill();
    for (intptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, worker, (void *)(i + 1)) != 0) {
            perror("pthread_create");
            return 2;
        }
    for (int n = 0; n < CHANGES && !stop; n++) {
        if (!control)
            change(n);
        usleep(PAUSE_US);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
@AFTER@    return failures ? 1 : setbacks ? 3 : 0;
}

/* Starts a round and counts its good runs; returns its wait status. */
static int start_round(long *runs)
{
    int ends[2], status = 0;
    char bytes[4096];
    if (pipe(ends) != 0 || fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0) {
        perror("pipe");
        exit(2);
    }
    fflush(stdout);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(2);
    }
    if (pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
        if (getppid() != parent)
            _exit(2);
        close(ends[0]);
        good = ends[1];
        alarm(ROUND_SECONDS);
        _exit(run_round());
    }
    close(ends[1]);
    for (ssize_t count; (count = read(ends[0], bytes, sizeof bytes)) != 0;)
        if (count > 0)
            *runs += count;
        else if (errno != EINTR)
            break;
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

int main(int argc, char **argv)
{
    long runs = 0, rounds = 0, hindered = 0;
    double seconds = 20, elapsed = 0;
    struct timespec began, now;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "control") == 0)
            control = 1;
        else if ((seconds = atof(argv[i])) <= 0) {
            fprintf(stderr, "usage: repro [control] [SECONDS]\n");
            return 2;
        }
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (; elapsed < seconds; rounds++) {
        size = 1 + rounds % SIZES;
        int status = start_round(&runs);
        if (WIFSIGNALED(status))
            printf("[round %ld] ouch! %s by signal %d (%s)\n", rounds + 1,
                   WTERMSIG(status) == SIGALRM ? "it hung and was ended" : "it was killed", WTERMSIG(status),
                   strsignal(WTERMSIG(status)));
        if (WIFSIGNALED(status) || WEXITSTATUS(status) == 1) {
            printf("%ld successful runs before failure\n", runs);
            return 0;
        }
        if (WEXITSTATUS(status) == 2)
            return 2;
        hindered += WEXITSTATUS(status) == 3;
        clock_gettime(CLOCK_MONOTONIC, &now);
        elapsed = (now.tv_sec - began.tv_sec) + (now.tv_nsec - began.tv_nsec) / 1e9;
    }
    printf("no failure in %ld runs, %ld rounds and %.0f seconds\n", runs, rounds, elapsed);
    return hindered > rounds / 2 ? 2 : 1;
}
