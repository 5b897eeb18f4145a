// Layer outputs for the Python bridge and for C simulation, in builds with QK_TRACE only.
#ifndef QK_PROJECT_TRACE_H_
#define QK_PROJECT_TRACE_H_

#ifdef QK_TRACE

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "codes.h"

namespace QK_PROJECT {
namespace nnet {

struct trace_store {
    std::FILE *codes; // where the test bench keeps integer codes, or null
    bool enabled;
    std::size_t element_size; // 4: float, 8: double
    std::map<std::string, std::vector<unsigned char> > outputs;
};

inline trace_store &trace_outputs() {
    static trace_store store = {NULL, false, sizeof(double), std::map<std::string, std::vector<unsigned char> >()};
    return store;
}

// Keeps the output of a layer of the sample that runs.
template <class T> void trace(const char *layer, const T *x, std::size_t n) {
    trace_store &store = trace_outputs();
    if (store.codes) {
        write_codes(store.codes, x, n);
    }
    if (!store.enabled) {
        return;
    }
    std::vector<unsigned char> &bytes = store.outputs[layer];
    bytes.resize(n * store.element_size);
    for (std::size_t i = 0; i < n; i++) {
        if (store.element_size == sizeof(float)) {
            reinterpret_cast<float *>(bytes.data())[i] = static_cast<float>(x[i].to_double());
        } else {
            reinterpret_cast<double *>(bytes.data())[i] = x[i].to_double();
        }
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif

#endif
