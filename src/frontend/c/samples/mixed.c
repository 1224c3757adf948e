/* envrace: ignore[x] because */
#ifndef FOO_H
#define FOO_H
#include "x.h"
#include <stdlib.h>
extern char **vars;
#define PUT(x, y) put((x), (y), 1)
#define ours put
#define KEY "K" "EY"
#define CORE_FN(NAME, doc) static int NAME(int argc, char **argv)
typedef struct { const char *name; int (*fn)(int, char **); } entry_t;
CORE_FN(os_first, "doc(x) {")
{
    char *s = argv[1]; // envrace: here
    PUT(KEY, s);
    (void)put(s, "a\n", 1);
    return 0;
}
UNKNOWN_FN(os_other, "doc", foo) {
    ours("a", "b", 0);
}
static entry_t table[] = {
    { "os", os_first },
    { .name = "other", .fn = &os_other },
    REG("x", os_first)
};
int main(int argc, const char *argv[])
{
    char **p; id_t pid;
    for (p = vars; *p; p++) show(*p);
    vars[0] = NULL;
    *vars = NULL;
    vars = p;
    walk(vars);
    if ((pid = split()) == 0) { become("sh", NULL); leave(1); }
    else if (pid < 0) complain("x");
    else { reap(pid); }
    switch (pid) { case 1: a(); case 2: b(); break; default: c(); }
#ifdef _WIN32
    win();
#elif defined(HAVE_X)
    havex();
    if (x) {
#else
    havenot();
    {
#endif
      inner();
    }
#if 0
    dead();
#endif
    table[argc].fn(argc, argv);
    struct ops *ops = get();
    ops->read = fn2;
    ops->write(1);
    (*ops->write)(2);
    int (*fp)(int) = cond() ? f1 : f2;
    (*fp)(3);
    { int p = 3; use(p); }
#pragma omp parallel for
    for (int i = 0; i < 3; i++) work(i);
    LIST_FOREACH(p, q, r) { each(p); }
    a() && b() || c();
    goto out;
    notreached();
out:
    return sizeof(foo()) + f();
    x();
}
BEGINdoAction
  int k;
CODESTARTdoAction
  act(k);
finalize_it:
ENDdoAction
int old(a, b) int a; char *b; { return call(a, b); }
static void init(void) __attribute__((constructor));
static void init(void) { __attribute__((cleanup(done))) int x = 3; go(x); }
#endif
