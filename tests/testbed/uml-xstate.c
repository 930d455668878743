// Loaded into linux.uml: Linux takes a process' processor state through ptrace whole or not at all (xstateregs_set in
// arch/x86/kernel/fpu/regset.c), and User-mode Linux 6.1 has room for 2696 bytes of it (HOST_FP_SIZE), which is less than a
// processor with AMX has: there its first process ends in "ptrace set fp regs failed, errno = 14". The rest is added here.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

typedef long (*ptrace_of_libc)(enum __ptrace_request, pid_t, void *, void *);

// Where the header of an XSAVE area says which parts are in use; the parts of AMX are behind what User-mode Linux knows.
enum { IN_USE = 512 };
static const uint64_t AMX = 3ull << 17;

static long set_whole_state(ptrace_of_libc real, pid_t pid, const struct iovec *given)
{
    static unsigned char whole[1 << 16]; // User-mode Linux has small stacks, and one thread that does this
    struct iovec state = { whole, sizeof whole };
    if (real(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &state) == -1 || state.iov_len < given->iov_len)
        return -1;
    memcpy(whole, given->iov_base, given->iov_len);
    uint64_t in_use;
    memcpy(&in_use, whole + IN_USE, sizeof in_use);
    in_use &= ~AMX;
    memcpy(whole + IN_USE, &in_use, sizeof in_use);
    return real(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &state);
}

long ptrace(enum __ptrace_request request, ...)
{
    static ptrace_of_libc real;
    if (!real)
        real = (ptrace_of_libc)dlsym(RTLD_NEXT, "ptrace");
    va_list rest;
    va_start(rest, request);
    pid_t pid = va_arg(rest, pid_t);
    void *address = va_arg(rest, void *);
    void *data = va_arg(rest, void *);
    va_end(rest);
    long done = real(request, pid, address, data);
    // whatever errno says: a signal of User-mode Linux's may have come between, and changed it
    if (done == -1 && request == PTRACE_SETREGSET && (uintptr_t)address == NT_X86_XSTATE)
        done = set_whole_state(real, pid, data);
    return done;
}
