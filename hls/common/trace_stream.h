// Layer outputs that leave as streams, in builds with QK_TRACE only.
#ifndef QK_PROJECT_TRACE_STREAM_H_
#define QK_PROJECT_TRACE_STREAM_H_

#include <vector>

#include "stream.h"
#include "trace.h"

#ifdef QK_TRACE

namespace QK_PROJECT {
namespace nnet {

// Keeps words of the sample that runs.
template <class W> void trace_words(const char *layer, const std::vector<W> &words) {
    trace_sink sink(layer);
    for (std::size_t n = 0; n < words.size(); n++) {
        for (unsigned i = 0; i < W::size; i++) {
            sink.add(words[n][i]);
        }
    }
}

#ifdef QK_LIBRARY
// Keeps what is in a stream, and leaves it there.
template <class W> void trace_stream(const char *layer, const stream<W> &s, std::size_t count) {
    trace_sink sink(layer);
    for (std::size_t n = 0; n < count; n++) {
        for (unsigned i = 0; i < W::size; i++) {
            sink.add(s.peek(n)[i]);
        }
    }
}
#else
// The same through a tool's stream, which can only be read and written.
template <class W> void trace_stream(const char *layer, stream<W> &s, std::size_t count) {
    trace_sink sink(layer);
    for (std::size_t n = 0; n < count; n++) {
        const W word = s.read();
        for (unsigned i = 0; i < W::size; i++) {
            sink.add(word[i]);
        }
        s.write(word);
    }
}
#endif

} // namespace nnet
} // namespace QK_PROJECT

#endif

#endif
