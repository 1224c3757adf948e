/*
 * Replays one pattern of C against the C library that this program is linked to, as `replay/mod.rs` does against that of
 * envrace itself: every run is a forked child with a fresh small environment and counters in shared memory, so that a
 * crash ends that run only. One JSON line a run. Nothing here comes from a program under analysis.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wordexp.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

extern char **environ;

#define SYMPTOMS 16
#define NAMES 20000

/* Counters that survive a crash; `failed` symptoms are evidence, the others only spoil a trial. */
struct board {
    atomic_ulong trials, mutations, failures, first_trial;
    double first_seconds;
    struct {
        atomic_int code;
        atomic_ulong count;
    } symptoms[SYMPTOMS];
};

/* Codes: what was seen, and the number that belongs to it. */
enum { FAULT = 1, FAULT_TOO, STATUS_127, TORN, WRONG_VALUE, CHILD_SIGNAL, HANG, OTHER_ERROR, OTHER_STATUS };

static struct board *board;
static const char *mutation, *partner, *control, *checker, *check_command;
static int sentinels, steps, pace, threads, alarm_seconds, padding, search, clears, size, bare, brief;
static long wanted_trials, wanted_runs, lead, env_bytes;
static double run_seconds, most_seconds, began;
static char names[NAMES][24], entries[NAMES][28], *shell_command, *check[8];
static atomic_int stop, lock_wanted, turn;
static pthread_mutex_t one_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t ready;

static int is(const char *word, const char *other)
{
    return strcmp(word, other) == 0;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void pause_for(long microseconds)
{
    struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
    if (microseconds > 0)
        nanosleep(&time, NULL);
}

static void show(int kind, int number, unsigned long trial)
{
    int code = kind << 16 | (number & 0xffff);
    for (int i = 0; i < SYMPTOMS; i++) {
        int held = 0;
        if (atomic_compare_exchange_strong(&board->symptoms[i].code, &held, code) || held == code) {
            atomic_fetch_add(&board->symptoms[i].count, 1);
            break;
        }
    }
    if (kind != FAULT_TOO && kind < OTHER_ERROR && atomic_fetch_add(&board->failures, 1) == 0) {
        board->first_trial = trial;
        board->first_seconds = now() - began;
    }
    if (kind == HANG)
        stop = 1;
}

static void show_error(int error)
{
    show(error == EFAULT ? FAULT : OTHER_ERROR, error, board->trials + 1);
}

static void show_status(int status, int error)
{
    if (status == 0)
        return;
    if (WIFSIGNALED(status))
        return show(WTERMSIG(status) == SIGALRM ? HANG : CHILD_SIGNAL, WTERMSIG(status), board->trials + 1);
    int code = WEXITSTATUS(status);
    if (code == 127) {
        show(STATUS_127, 0, board->trials + 1);
        if (error == EFAULT)
            show(FAULT_TOO, 0, 0);
    } else
        show(code >= 77 && code <= 79 ? TORN : OTHER_STATUS, status, board->trials + 1);
}

static void wait_for(pid_t pid)
{
    int status;
    if (pid < 0)
        return show_error(errno);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return show_error(errno);
    show_status(status, 0);
}

/* Sentinels and fillers. */
static void fill(void)
{
    char name[32], value[32];
    setenv("ENVRACE_O", "o", 1);
    for (int i = 0; i < sentinels; i++) {
        snprintf(name, sizeof name, "ENVRACE_S%02d", i);
        snprintf(value, sizeof value, "sentinel-%02d", i);
        setenv(name, value, 1);
    }
    for (int i = 0; i < size; i++) {
        snprintf(name, sizeof name, "ENVRACE_F%02d", i);
        setenv(name, "f", 1);
    }
}

static int deletes(const char *word)
{
    return is(word, "unsetenv");
}

/* What is to be deleted first, then the rest; the first of these makes the array a heap array. */
static void prepare(void)
{
    char *path = getenv("PATH");
    /* An environment as it was given, but for one addition, which makes it a heap array. */
    if (bare) {
        setenv("ENVRACE_H", "h", 1);
        return;
    }
    path = path ? strdup(path) : NULL;
    clearenv();
    if (deletes(mutation) || deletes(partner))
        for (int i = 0; i < steps; i++)
            setenv(names[i], "v", 1);
    if (path)
        setenv("PATH", path, 1);
    fill();
    if (env_bytes > 0) {
        char name[32], *bytes = malloc(100001);
        for (long left = env_bytes, i = 0; left > 0; left -= 100000, i++) {
            long length = left < 100000 ? left : 100000;
            memset(bytes, 'x', length);
            bytes[length] = 0;
            snprintf(name, sizeof name, "ENVRACE_B%02ld", i);
            setenv(name, bytes, 1);
        }
        free(bytes);
    }
}

static void mutate(const char *word, int step)
{
    static char even[] = "ENVRACE_O=even", odd[] = "ENVRACE_O=odd";
    if (is(word, "setenv-add"))
        setenv(names[step], "n", 1);
    else if (is(word, "setenv-overwrite"))
        setenv("ENVRACE_O", names[step], 1);
    else if (is(word, "putenv-add"))
        /* On the heap, as programs have it: the array cannot grow in place over the string behind it. */
        putenv(strdup(entries[step]));
    else if (is(word, "putenv-overwrite"))
        putenv(step % 2 ? odd : even);
    else if (is(word, "unsetenv"))
        unsetenv(names[step]);
    else if (is(word, "setenv-toggle")) {
        setenv("ENVRACE_T", "t", 1);
        unsetenv("ENVRACE_T");
    } else if (is(word, "clearenv")) {
        clearenv();
        fill();
    } else if (is(word, "environ-element")) {
        for (char **entry = environ; entry && *entry; entry++)
            if (strncmp(*entry, "ENVRACE_O=", 10) == 0) {
                *entry = step % 2 ? odd : even;
                break;
            }
    } else if (is(word, "environ-store")) {
        size_t count = 0;
        while (environ && environ[count])
            count++;
        char **copy = calloc(count + 1, sizeof *copy);
        if (copy && count)
            memcpy(copy, environ, count * sizeof *copy);
        environ = copy;
    } else
        exit(64);
}

static void do_system(void)
{
    errno = 0;
    int status = system(shell_command), error = errno;
    if (status == -1)
        show_error(error);
    else
        show_status(status, error);
}

static void do_popen(void)
{
    errno = 0;
    FILE *stream = popen(shell_command, "r");
    if (stream == NULL)
        return show_error(errno);
    while (fgetc(stream) != EOF)
        ;
    int status = pclose(stream);
    if (status == -1)
        show_error(errno);
    else
        show_status(status, 0);
}

static void do_wordexp(void)
{
    wordexp_t words;
    if (wordexp("$(echo whole)", &words, 0) != 0)
        return show(OTHER_STATUS, 1, 0);
    if (words.we_wordc != 1 || strcmp(words.we_wordv[0], "whole") != 0)
        show(OTHER_STATUS, 2, 0);
    wordfree(&words);
}

static void do_fork(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        execv(check[0], check);
        _exit(127);
    }
    wait_for(pid);
}

static void do_vfork(void)
{
    static _Thread_local volatile int error;
    error = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        execv(check[0], check);
        error = errno;
        _exit(127);
    }
    if (pid > 0 && error) {
        waitpid(pid, NULL, 0);
        return show_error(error);
    }
    wait_for(pid);
}

static void do_fork_window(void)
{
    struct itimerval patience = {{0, 0}, {0, 400000}};
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGALRM, SIG_DFL);
        setitimer(ITIMER_REAL, &patience, NULL);
        if (is(mutation, "unsetenv"))
            unsetenv("ENVRACE_O");
        else if (clears)
            clearenv();
        else if (strncmp(mutation, "putenv", 6) == 0)
            putenv("ENVRACE_C=c");
        else
            setenv("ENVRACE_C", "c", 1);
        _exit(0);
    }
    wait_for(pid);
}

static void do_getenv(void)
{
    char name[32], expected[32];
    snprintf(name, sizeof name, "ENVRACE_S%02d", sentinels - 1);
    snprintf(expected, sizeof expected, "sentinel-%02d", sentinels - 1);
    const char *value = getenv(name);
    if (value ? strcmp(value, expected) != 0 : !clears)
        show(WRONG_VALUE, 0, board->trials + 1);
}

/* One trial of the partner; 0 where the word is none that this program knows. */
static int do_partner(void)
{
    static volatile size_t letters;
    time_t zero = 0;
    struct tm time = {.tm_year = 100, .tm_mday = 1};
    char text[64];
    pid_t pid;
    if (is(partner, "system"))
        do_system();
    else if (is(partner, "popen"))
        do_popen();
    else if (is(partner, "posix-spawn") || is(partner, "posix-spawnp")) {
        int error = (is(partner, "posix-spawn") ? posix_spawn : posix_spawnp)(&pid, check[0], NULL, NULL, check, environ);
        if (error)
            show_error(error);
        else
            wait_for(pid);
    } else if (is(partner, "fork-exec"))
        do_fork();
    else if (is(partner, "vfork-exec"))
        do_vfork();
    else if (is(partner, "wordexp"))
        do_wordexp();
    else if (is(partner, "fork-window"))
        do_fork_window();
    else if (is(partner, "getenv"))
        do_getenv();
    else if (is(partner, "environ-walk"))
        for (char **entry = environ; entry && *entry; entry++)
            letters += strlen(*entry);
    else if (is(partner, "localtime"))
        localtime(&zero);
    else if (is(partner, "localtime-r"))
        localtime_r(&zero, &time);
    else if (is(partner, "strftime"))
        strftime(text, sizeof text, "%c %Z", &time);
    else if (is(partner, "mktime"))
        mktime(&time);
    else if (is(partner, "tzset"))
        tzset();
    else if (is(partner, "setlocale"))
        setlocale(LC_ALL, "");
    else if (is(partner, "newlocale")) {
        locale_t locale = newlocale(LC_ALL_MASK, "", (locale_t)0);
        if (locale)
            freelocale(locale);
    } else if (is(partner, "getaddrinfo")) {
        struct addrinfo *found;
        if (getaddrinfo("localhost", NULL, NULL, &found) == 0)
            freeaddrinfo(found);
    } else if (strncmp(partner, "mutation:", 9) == 0)
        mutate(partner + 9, steps - 1 - atomic_fetch_add(&turn, 1) % steps);
    else
        return 0;
    return 1;
}

/* Partners give way to a waiting mutator, which they would starve otherwise. */
static void *work(void *nothing)
{
    int locked = is(control, "one-lock");
    pthread_barrier_wait(&ready);
    while (!stop) {
        while (lock_wanted)
            pause_for(5);
        if (locked)
            pthread_mutex_lock(&one_lock);
        if (!do_partner())
            exit(64);
        if (locked)
            pthread_mutex_unlock(&one_lock);
        atomic_fetch_add(&board->trials, 1);
    }
    return nothing;
}

static int is_whole(void)
{
    for (int i = 0; i < sentinels; i++) {
        char name[32];
        int found = 0, length = snprintf(name, sizeof name, "ENVRACE_S%02d=", i);
        for (char **entry = environ; entry && *entry; entry++)
            found += strncmp(*entry, name, length) == 0;
        if (found != 1)
            return 0;
    }
    return 1;
}

/* `wanted` trials are enough, where it is not negative. */
static void run(long wanted)
{
    pthread_t workers[64];
    int locked = is(control, "one-lock");
    double end;
    prepare();
    pthread_barrier_init(&ready, NULL, threads + 1);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&workers[i], NULL, work, NULL) != 0)
            exit(71);
    pthread_barrier_wait(&ready);
    end = now() + run_seconds;
    pause_for(lead);
    for (int step = 0; step < steps && now() < end; step++) {
        if (locked) {
            lock_wanted = 1;
            pthread_mutex_lock(&one_lock);
            lock_wanted = 0;
        }
        if (!is(control, "no-mutation"))
            mutate(mutation, step);
        if (locked)
            pthread_mutex_unlock(&one_lock);
        atomic_fetch_add(&board->mutations, 1);
        pause_for(pace);
        if (wanted >= 0 && (long)board->trials >= wanted)
            break;
    }
    stop = 1;
    for (int i = 0; i < threads; i++)
        pthread_join(workers[i], NULL);
    if (strncmp(partner, "mutation:", 9) == 0 && !clears && !is_whole())
        show(TORN, 0, board->trials);
}

static void print_name(int code)
{
    int number = code & 0xffff;
    switch (code >> 16) {
    case FAULT:
    case FAULT_TOO:
        printf("EFAULT");
        break;
    case STATUS_127:
        printf("status:32512");
        break;
    case TORN:
        printf("torn");
        break;
    case WRONG_VALUE:
        printf("wrong-value");
        break;
    case CHILD_SIGNAL:
        printf("signal:%d", number);
        break;
    case HANG:
        printf("hang");
        break;
    case OTHER_ERROR:
        printf(number == ENOMEM ? "ENOMEM" : number == EAGAIN ? "EAGAIN" : number == EBADF ? "EBADF" : "errno:%d", number);
        break;
    default:
        printf("status:%d", number);
    }
}

/* Symptoms of one kind as a JSON object; the same name may have two codes. */
static void print_symptoms(const char *key, int spoiled)
{
    const char *comma = "";
    printf(",\"%s\":{", key);
    for (int i = 0; i < SYMPTOMS; i++) {
        int code = board->symptoms[i].code;
        if (code == 0 || (code >> 16 >= OTHER_ERROR) != spoiled)
            continue;
        printf("%s\"", comma);
        print_name(code);
        printf("\":%lu", (unsigned long)board->symptoms[i].count);
        comma = ",";
    }
    printf("}");
}

static void report(int status)
{
    printf("{\"size\":%d,\"trials\":%lu,\"mutations\":%lu,\"failures\":%lu", size, (unsigned long)board->trials,
           (unsigned long)board->mutations, (unsigned long)board->failures);
    print_symptoms("seen", 0);
    print_symptoms("spoiled", 1);
    if (board->failures)
        printf(",\"first\":[%lu,%f]", (unsigned long)board->first_trial, board->first_seconds);
    if (WIFSIGNALED(status))
        printf(",\"end\":\"signal:%d\"", WTERMSIG(status));
    else if (status)
        printf(",\"end\":\"status:%d\"", status);
    else
        printf(",\"end\":\"exit\"");
    printf(",\"seconds\":%f}\n", now() - began);
    fflush(stdout);
}

/* Compares the sentinels with a shell's builtins, so that 127 can never mean that a command was not found. */
static void make_commands(void)
{
    size_t room = 4096 + padding, at = 0;
    static char count[16];
    shell_command = malloc(room);
    at += snprintf(shell_command + at, room - at, "[ \"");
    for (int i = 0; i < sentinels; i++)
        at += snprintf(shell_command + at, room - at, "$ENVRACE_S%02d", i);
    at += snprintf(shell_command + at, room - at, "\" = \"");
    for (int i = 0; i < sentinels; i++)
        at += snprintf(shell_command + at, room - at, "sentinel-%02d", i);
    at += snprintf(shell_command + at, room - at, "\" ]");
    if (clears)
        at += snprintf(shell_command + at, room - at, " || [ -z \"$ENVRACE_S00\" ]");
    at += snprintf(shell_command + at, room - at, " || exit 77");
    snprintf(count, sizeof count, "%d", sentinels);
    int words = 0;
    check[words++] = (char *)checker;
    check[words++] = (char *)check_command;
    check[words++] = count;
    if (clears)
        check[words++] = "emptied";
    if ((long)at + 3 < padding) {
        char *pad = calloc(1, padding + 1);
        memset(pad, 'x', padding - at - 3);
        strcat(strcat(shell_command, " # "), pad);
        check[words++] = pad;
    }
}

int main(int count, char **words)
{
    if (count < 21)
        return 64;
    mutation = words[1], partner = words[2], control = words[3], checker = words[4], check_command = words[5];
    sentinels = atoi(words[6]), steps = atoi(words[7]), pace = atoi(words[8]), run_seconds = atof(words[9]);
    threads = atoi(words[10]), wanted_trials = atol(words[11]), wanted_runs = atol(words[12]);
    most_seconds = atof(words[13]), search = atoi(words[14]), alarm_seconds = atoi(words[15]);
    padding = atoi(words[16]), env_bytes = atol(words[17]), lead = atol(words[18]), bare = atoi(words[19]);
    brief = atoi(words[20]);
    if (steps < 1 || steps > NAMES || threads < 1 || threads > 64 || sentinels < 1 || sentinels > 99)
        return 64;
    clears = is(mutation, "clearenv");
    for (int i = 0; i < steps; i++) {
        snprintf(names[i], sizeof names[i], "ENVRACE_N%05d", i);
        snprintf(entries[i], sizeof entries[i], "ENVRACE_N%05d=n", i);
    }
    make_commands();
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        return 71;
#ifdef __GLIBC__
    printf("{\"libc\":\"glibc %s\"}\n", gnu_get_libc_version());
#else
    printf("{\"libc\":\"%s\"}\n", LIBC);
#endif
    fflush(stdout);
    began = now();
    long trials = 0, failures = 0, runs = 0;
    while (now() - began <= most_seconds) {
        if (trials >= wanted_trials && runs >= wanted_runs && (failures || !search))
            break;
        memset(board, 0, sizeof *board);
        size = 1 + runs % 8;
        pid_t pid = fork();
        if (pid < 0)
            return 71;
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            alarm(alarm_seconds);
            run(brief ? (trials < wanted_trials ? wanted_trials - trials : 0) : -1);
            _exit(0);
        }
        int status;
        while (waitpid(pid, &status, 0) < 0)
            if (errno != EINTR)
                return 71;
        report(status);
        trials += board->trials;
        failures += board->failures + WIFSIGNALED(status);
        runs++;
    }
    return 0;
}
