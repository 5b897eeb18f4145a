// A word of a stream: the channels of one pixel.
#ifndef QK_PROJECT_ARRAY_H_
#define QK_PROJECT_ARRAY_H_

namespace QK_PROJECT {
namespace nnet {

template <class T, unsigned N> struct array {
    typedef T value_type;
    static const unsigned size = N;
    T data[N];

    T &operator[](unsigned i) { return data[i]; }
    const T &operator[](unsigned i) const { return data[i]; }
};

} // namespace nnet
} // namespace QK_PROJECT

#endif
