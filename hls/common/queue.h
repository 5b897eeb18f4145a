// Streams for shared libraries, which need no tool's own: words wait in an array.
#ifndef QK_PROJECT_QUEUE_H_
#define QK_PROJECT_QUEUE_H_

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace QK_PROJECT {
namespace nnet {

template <class W> class queue {
  public:
    queue() : words(NULL), first(0), last(0), room(0) {}
    explicit queue(const char *) : words(NULL), first(0), last(0), room(0) {}
    ~queue() { delete[] words; }

    // Valid until the next write.
    const W &read() {
        if (first == last) {
            std::fprintf(stderr, "ERROR: a read from an empty stream\n");
            std::abort();
        }
        return words[first++];
    }
    void write(const W &word) {
        if (last == room) {
            make_room();
        }
        words[last++] = word;
    }
    bool empty() const { return first == last; }
    // Word n from the front, which stays.
    const W &peek(std::size_t n) const { return words[first + n]; }

  private:
    queue(const queue &);
    queue &operator=(const queue &);

    // Moves the words to the front, of a larger array when they fill more than half of this one.
    void make_room() {
        const std::size_t used = last - first;
        W *const from = words;
        if (used > room / 2 || room == 0) {
            room = 2 * room + 16;
            words = new W[room];
        }
        for (std::size_t i = 0; i < used; i++) {
            words[i] = from[first + i];
        }
        if (words != from) {
            delete[] from;
        }
        first = 0;
        last = used;
    }

    W *words;
    std::size_t first;
    std::size_t last;
    std::size_t room;
};

} // namespace nnet
} // namespace QK_PROJECT

#endif
