// The number types of Catapult, as the kernels see them.
//
// A *code* is the integer that a fixed-point variable holds: value = code * 2^-(fraction bits).
#ifndef QK_PROJECT_TYPES_H_
#define QK_PROJECT_TYPES_H_

#include "ac_fixed.h"
#include "ac_int.h"

#ifdef __SYNTHESIS__
#define QK_PRAGMA(text) _Pragma(#text)
#else
#define QK_PRAGMA(text)
#endif

// After a declaration. Arrays below the register threshold become registers, so nothing is to be said.
#define QK_REGISTERS(array)
// First line of a kernel. Functions without a design directive become part of the caller.
#define QK_INLINE
// Before a loop: all its rounds in parallel.
#define QK_UNROLL QK_PRAGMA(hls_unroll yes)
// Before a loop and as its first line: one round starts every cycle.
#define QK_PIPELINED_LOOP QK_PRAGMA(hls_pipeline_init_interval 1)
#define QK_PIPELINED_BODY
// The same with a round every n cycles.
#define QK_PIPELINED_LOOP_II(n) QK_PRAGMA(hls_pipeline_init_interval n)
#define QK_PIPELINED_BODY_II(n)
// Before a loop: n of its rounds in parallel.
#define QK_UNROLLED_LOOP_BY(n) QK_PRAGMA(hls_unroll n)
// First line of a loop. Catapult takes the number of parallel rounds before the loop or in Tcl.
#define QK_UNROLL_BY(n)
// After a declaration. Words of memories are a directive: WORD_WIDTH in Tcl.
#define QK_ONE_WORD_A_ROUND(array, n)
// After the declaration of a product. Catapult takes what multiplies from DSP_EXTRACTION in Tcl.
#define QK_MULTIPLIER(variable, impl, core)

namespace QK_PROJECT {
namespace nnet {

template <int W, bool S> struct integer_of {
    typedef ac_int<W, S> type;
};

template <int W, int I, bool S> struct fixed_of {
    typedef ac_fixed<W, I, S> type;
};

// Kinds of rounding and overflow that C simulation knows by itself.
enum rounding_kind { round_down, round_half_up, round_half_to_even, round_otherwise };
enum overflow_kind { overflow_wraps, overflow_saturates, overflow_otherwise };

// Width, integer bits (the sign bit included), signedness and modes of a fixed-point type.
template <class T> struct format;
template <int W, int I, bool S, ac_q_mode Q, ac_o_mode O> struct format<ac_fixed<W, I, S, Q, O> > {
    static const int width = W;
    static const int int_bits = I;
    static const bool is_signed = S;
    static const rounding_kind rounding = Q == AC_TRN        ? round_down
                                          : Q == AC_RND      ? round_half_up
                                          : Q == AC_RND_CONV ? round_half_to_even
                                                             : round_otherwise;
    static const overflow_kind overflow = O == AC_WRAP  ? overflow_wraps
                                          : O == AC_SAT ? overflow_saturates
                                                        : overflow_otherwise;
};

template <class T> struct code_of {
    typedef typename integer_of<format<T>::width, format<T>::is_signed>::type type;
};

// The code of a fixed-point value.
template <class T> typename code_of<T>::type code(const T &x) {
    return x.template slc<format<T>::width>(0);
}

// The fixed-point value with this code; bits above the width of T are dropped.
template <class T, class C> T from_code(const C &c) {
    const typename code_of<T>::type raw = c;
    T x = 0;
    x.set_slc(0, raw);
    return x;
}

// The code as an integer of the machine, for types of at most 63 bits in C simulation.
template <class T> long long machine_code(const T &x) { return code(x).to_int64(); }

// The fixed-point value with this code; bits above the width of T are dropped.
template <class T> T from_machine(long long c) {
    return from_code<T>(c);
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
