/* Loaded before a program's libraries: CPUID leaves out what OLDER_PC says. See as_older_pc. */

#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define BIT(n) (1u << (n))

enum { NO_AMX = 1, NO_AVX512 = 2, NO_VNNI = 3 };

static const long ARCH_SET_CPUID = 0x1012;
static int without;

static void let_cpuid_through(unsigned long yes) {
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, yes);
}

static void forget(unsigned leaf, unsigned part, unsigned *a, unsigned *b, unsigned *c, unsigned *d) {
    if (leaf == 7 && part == 0) {
        *d &= ~(BIT(22) | BIT(24) | BIT(25)); /* AMX: bf16, tiles, int8 */
        if (without >= NO_AVX512) {
            /* f, dq, ifma, pf, er, cd, bw, vl; vbmi, vbmi2, vnni, bitalg, vpopcntdq; 4vnniw, 4fmaps,
               vp2intersect, fp16 */
            *b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
            *c &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
            *d &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(23));
        }
    } else if (leaf == 7 && part == 1) {
        *a &= ~BIT(21); /* AMX fp16 */
        if (without >= NO_AVX512) *a &= ~BIT(5); /* AVX-512 bf16 */
        if (without >= NO_VNNI) *a &= ~BIT(4);   /* AVX-VNNI */
        *d = 0;                                  /* AVX-VNNI of int8 and int16, AMX complex, AVX10 */
    } else if (leaf == 0xd && part == 0 && without >= NO_AVX512) {
        *a &= ~(BIT(5) | BIT(6) | BIT(7)); /* the registers of AVX-512 */
    }
}

static void on_fault(int number, siginfo_t *info, void *context) {
    greg_t *at = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *code = (const unsigned char *)at[REG_RIP];
    unsigned leaf = (unsigned)at[REG_RAX], part = (unsigned)at[REG_RCX], a, b, c, d;
    (void)info;
    if (code[0] != 0x0f || code[1] != 0xa2) { /* not CPUID: a fault of the program's own */
        signal(number, SIG_DFL);
        return;
    }
    let_cpuid_through(1);
    __cpuid_count(leaf, part, a, b, c, d);
    let_cpuid_through(0);
    forget(leaf, part, &a, &b, &c, &d);
    at[REG_RAX] = a, at[REG_RBX] = b, at[REG_RCX] = c, at[REG_RDX] = d;
    at[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void) {
    const char *told = getenv("OLDER_PC");
    struct sigaction action;
    if (told == NULL || (without = atoi(told)) == 0) return;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, NULL);
    let_cpuid_through(0);
}
