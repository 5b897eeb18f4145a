// Bounded FIFOs and processes that take turns: a proof in plain C++ that the declared depths
// suffice. For test benches only.
//
// The processes of a dataflow design are sequential programs that block on empty and on full
// FIFOs. What such a network computes, and whether it deadlocks, does not depend on the order in
// which its processes run (Kahn 1974; a full FIFO is an empty one of free places), so one order
// stands for all of them, the hardware's included.
#ifndef QK_PROJECT_FIFO_H_
#define QK_PROJECT_FIFO_H_

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <ucontext.h>

namespace QK_PROJECT {
namespace nnet {

// Processes on stacks of their own.
class processes {
  public:
    processes() : blocked(NULL), progress(false) { current() = this; }
    ~processes() {
        current() = NULL;
        for (std::size_t i = 0; i < all.size(); i++) {
            std::free(all[i]->stack);
            delete all[i];
        }
    }

    void start(const char *name, const std::function<void()> &body) {
        const std::size_t stack_bytes = std::size_t(64) << 20; // pages that are not used cost nothing
        process *p = new process();
        p->name = name;
        p->body = body;
        p->done = false;
        p->waits_for = NULL;
        p->stack = std::malloc(stack_bytes);
        if (!p->stack) {
            std::fprintf(stderr, "ERROR: no memory for the stack of %s\n", name);
            std::exit(3);
        }
        getcontext(&p->context);
        p->context.uc_stack.ss_sp = p->stack;
        p->context.uc_stack.ss_size = stack_bytes;
        p->context.uc_link = &main;
        makecontext(&p->context, &processes::enter, 0);
        all.push_back(p);
    }

    // Runs until all are done; ends the program with status 3 when they wait for each other.
    void run() {
        for (;;) {
            bool waiting = false;
            progress = false;
            for (std::size_t i = 0; i < all.size(); i++) {
                if (!all[i]->done) {
                    blocked = all[i];
                    swapcontext(&main, &all[i]->context);
                    waiting = waiting || !all[i]->done;
                }
            }
            if (!waiting) {
                return;
            }
            if (!progress) {
                std::fprintf(stderr, "ERROR: deadlock\n");
                for (std::size_t i = 0; i < all.size(); i++) {
                    if (!all[i]->done) {
                        std::fprintf(stderr, "  %s waits for %s\n", all[i]->name, all[i]->waits_for);
                    }
                }
                std::exit(3);
            }
        }
    }

    // The processes that run now, if any.
    static processes *&current() {
        static processes *now = NULL;
        return now;
    }
    // Lets the others go on, for the FIFO named.
    void wait(const char *fifo) {
        blocked->waits_for = fifo;
        swapcontext(&blocked->context, &main);
    }
    void moved() { progress = true; }

  private:
    struct process {
        const char *name;
        std::function<void()> body;
        bool done;
        const char *waits_for;
        void *stack;
        ucontext_t context;
    };
    static void enter() {
        process *p = current()->blocked;
        p->body();
        p->done = true;
        current()->moved();
    }
    std::vector<process *> all;
    process *blocked;
    bool progress;
    ucontext_t main;
};

// A stream with a depth: reading waits for a word and writing for a place. Every word is kept, for
// traces.
template <class W> class fifo {
  public:
    fifo() : name("port"), depth(0), used(0), peak_used(0) {}
    // A depth of 0 is none.
    explicit fifo(const char *name, unsigned depth = 0) : name(name), depth(depth), used(0), peak_used(0) {}

    W read() {
        while (used == 0) {
            wait("words of ");
        }
        moved();
        return words[words.size() - used--];
    }
    void write(const W &word) {
        while (depth != 0 && used == depth) {
            wait("places in ");
        }
        used++;
        peak_used = used > peak_used ? used : peak_used;
        words.push_back(word);
        moved();
    }
    bool empty() const { return used == 0; }
    unsigned peak() const { return peak_used; }
    const std::vector<W> &history() const { return words; }

    // Peak, depth and words of one sample, for the report; false when words are left.
    bool report(std::FILE *file) const {
        std::fprintf(file, "%s %u %u %lu\n", name.c_str(), peak_used, depth, static_cast<unsigned long>(words.size()));
        if (used != 0) {
            std::fprintf(stderr, "ERROR: %u words left in %s\n", used, name.c_str());
        }
        return used == 0;
    }

  private:
    void wait(const char *what) {
        const std::string text = what + name;
        if (!processes::current()) {
            std::fprintf(stderr, "ERROR: %s are missing\n", text.c_str());
            std::exit(3);
        }
        processes::current()->wait(text.c_str());
    }
    void moved() {
        if (processes::current()) {
            processes::current()->moved();
        }
    }
    std::string name;
    unsigned depth;
    unsigned used;
    unsigned peak_used;
    std::vector<W> words;
};

} // namespace nnet
} // namespace QK_PROJECT

#endif
