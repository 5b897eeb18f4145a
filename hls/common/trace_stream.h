// Layer outputs that leave as streams, in builds with QK_TRACE only.
#ifndef QK_PROJECT_TRACE_STREAM_H_
#define QK_PROJECT_TRACE_STREAM_H_

#include "stream.h"
#include "trace.h"

#ifdef QK_TRACE

namespace QK_PROJECT {
namespace nnet {

// Keeps words of the sample that runs.
template <class W> void trace_words(const char *layer, const std::vector<W> &words) {
    std::vector<typename W::value_type> values;
    for (std::size_t n = 0; n < words.size(); n++) {
        values.insert(values.end(), words[n].data, words[n].data + W::size);
    }
    trace(layer, values.data(), values.size());
}

// Keeps what is in a stream, and leaves it there.
template <class W> void trace_stream(const char *layer, stream<W> &s, std::size_t count) {
    std::vector<W> words;
    for (std::size_t n = 0; n < count; n++) {
        words.push_back(s.read());
        s.write(words.back());
    }
    trace_words(layer, words);
}

} // namespace nnet
} // namespace QK_PROJECT

#endif

#endif
