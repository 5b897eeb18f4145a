// Words of a stream as arrays, and back.
#ifndef QK_PROJECT_WORDS_H_
#define QK_PROJECT_WORDS_H_

namespace QK_PROJECT {
namespace nnet {

// The next word's elements.
template <class W> void read(stream<W> &from, typename W::value_type x[W::size]) {
    QK_INLINE
    const W &word = from.read();
    QK_UNROLL
    for (unsigned i = 0; i < W::size; i++) {
        x[i] = word[i];
    }
}

template <class W> void write(const typename W::value_type x[W::size], stream<W> &to) {
    QK_INLINE
    W word;
    QK_UNROLL
    for (unsigned i = 0; i < W::size; i++) {
        word[i] = x[i];
    }
    to.write(word);
}

// The elements of a whole tensor, word by word.
template <unsigned Words, class W> void read_all(stream<W> &from, typename W::value_type x[Words * W::size]) {
    QK_INLINE
    QK_PIPELINED_LOOP
    for (unsigned n = 0; n < Words; n++) {
        QK_PIPELINED_BODY
        read<W>(from, &x[n * W::size]);
    }
}

template <unsigned Words, class W> void write_all(const typename W::value_type x[Words * W::size], stream<W> &to) {
    QK_INLINE
    QK_PIPELINED_LOOP
    for (unsigned n = 0; n < Words; n++) {
        QK_PIPELINED_BODY
        write<W>(&x[n * W::size], to);
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
