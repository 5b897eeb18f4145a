// Layer outputs for the Python bridge and for C simulation, in builds with QK_TRACE only.
#ifndef QK_PROJECT_TRACE_H_
#define QK_PROJECT_TRACE_H_

#ifdef QK_TRACE

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "codes.h"
#include "doubles.h"

namespace QK_PROJECT {
namespace nnet {

// The output of a layer, as the bridge keeps it.
struct trace_output {
    const char *name;
    std::size_t elements;
    void *data;
};

struct trace_store {
    std::FILE *codes;         // where the test bench keeps integer codes, or null
    std::size_t element_size; // 4: float, 8: double
    trace_output *outputs;    // kept for the bridge, or null
    std::size_t count;
};

inline trace_store &trace_outputs() {
    static trace_store store = {NULL, sizeof(double), NULL, 0};
    return store;
}

// Takes the output of a layer of the sample that runs, number by number.
class trace_sink {
  public:
    explicit trace_sink(const char *layer) : store(trace_outputs()), output(NULL), next(0) {
        for (std::size_t i = 0; store.outputs && i < store.count; i++) {
            if (std::strcmp(store.outputs[i].name, layer) == 0) {
                output = &store.outputs[i];
            }
        }
    }
    template <class T> void add(const T &x) { number<T, (format<T>::width < 59)>::add(*this, x); }

  private:
    template <class T, bool Machine> struct number;
    template <class T> struct number<T, true> {
        static void add(trace_sink &sink, const T &x) {
            sink.add_code(machine_code(x), format<T>::width - format<T>::int_bits);
        }
    };
    template <class T> struct number<T, false> {
        static void add(trace_sink &sink, const T &x) {
            if (sink.store.codes) {
                write_codes(sink.store.codes, &x, 1);
            }
            sink.keep(to_double(x));
        }
    };

    void add_code(long long code, int frac_bits);
    void keep(double value);

    trace_store &store;
    trace_output *output;
    std::size_t next;
};

inline void trace_sink::add_code(long long code, int frac_bits) {
    if (store.codes) {
        std::fprintf(store.codes, "%lld ", code);
    }
    keep(std::ldexp(static_cast<double>(code), -frac_bits));
}

inline void trace_sink::keep(double value) {
    if (!output || next == output->elements) {
        return;
    }
    if (store.element_size == sizeof(float)) {
        static_cast<float *>(output->data)[next] = static_cast<float>(value);
    } else {
        static_cast<double *>(output->data)[next] = value;
    }
    next++;
}

// Keeps the output of a layer.
template <class T> void trace(const char *layer, const T *x, std::size_t n) {
    trace_sink sink(layer);
    for (std::size_t i = 0; i < n; i++) {
        sink.add(x[i]);
    }
}

} // namespace nnet
} // namespace QK_PROJECT

#endif

#endif
