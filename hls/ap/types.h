// The number types of Vivado and Vitis HLS, as the kernels see them.
//
// A *code* is the integer that a fixed-point variable holds: value = code * 2^-(fraction bits).
#ifndef QK_PROJECT_TYPES_H_
#define QK_PROJECT_TYPES_H_

#include "ap_fixed.h"
#include "ap_int.h"

#ifdef __SYNTHESIS__
#define QK_PRAGMA(text) _Pragma(#text)
#else
#define QK_PRAGMA(text)
#endif

// After a declaration: one register for each element.
#define QK_REGISTERS(array) QK_PRAGMA(HLS ARRAY_PARTITION variable = array complete dim = 0)
// First line of a kernel: its logic becomes part of the caller.
#define QK_INLINE QK_PRAGMA(HLS INLINE)
// Before a loop. A pipelined function unrolls all its loops here, so nothing is to be said.
#define QK_UNROLL
// Before a loop and as its first line: one round starts every cycle.
#define QK_PIPELINED_LOOP
#define QK_PIPELINED_BODY QK_PRAGMA(HLS PIPELINE II = 1)
// The same with a round every n cycles.
#define QK_PIPELINED_LOOP_II(n)
#define QK_PIPELINED_BODY_II(n) QK_PRAGMA(HLS PIPELINE II = n)
// Before a loop of which n rounds are in parallel; here its first line says so.
#define QK_UNROLLED_LOOP_BY(n)
// First line of a loop: n of its rounds in parallel.
#define QK_UNROLL_BY(n) QK_PRAGMA(HLS UNROLL factor = n)
// After a declaration: a memory whose words hold n elements.
#define QK_ONE_WORD_A_ROUND(array, n) QK_PRAGMA(HLS ARRAY_RESHAPE variable = array cyclic factor = n)
#ifdef __VITIS_HLS__
// After the declaration of a product: what multiplies.
#define QK_MULTIPLIER(variable_, impl_, core_) QK_PRAGMA(HLS BIND_OP variable = variable_ op = mul impl = impl_)
// In a function that reads a constant array: the memory that holds it.
#define QK_ROM(variable_, impl_, core_) QK_PRAGMA(HLS BIND_STORAGE variable = variable_ type = rom_np impl = impl_)
#else
// The same for Vivado HLS.
#define QK_MULTIPLIER(variable_, impl_, core_) QK_PRAGMA(HLS RESOURCE variable = variable_ core = core_)
#define QK_ROM(variable_, impl_, core_) QK_PRAGMA(HLS RESOURCE variable = variable_ core = core_)
#endif

namespace QK_PROJECT {
namespace nnet {

template <int W, bool S> struct integer_of {
    typedef ap_int<W> type;
};
template <int W> struct integer_of<W, false> {
    typedef ap_uint<W> type;
};

template <int W, int I, bool S> struct fixed_of {
    typedef ap_fixed<W, I> type;
};
template <int W, int I> struct fixed_of<W, I, false> {
    typedef ap_ufixed<W, I> type;
};

// Kinds of rounding and overflow that C simulation knows by itself.
enum rounding_kind { round_down, round_half_up, round_half_to_even, round_otherwise };
enum overflow_kind { overflow_wraps, overflow_saturates, overflow_otherwise };

// Width, integer bits (the sign bit included), signedness and modes of a fixed-point type.
template <class T> struct format;
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> struct format<ap_fixed<W, I, Q, O, N> > {
    static const int width = W;
    static const int int_bits = I;
    static const bool is_signed = true;
    static const rounding_kind rounding = Q == AP_TRN        ? round_down
                                          : Q == AP_RND      ? round_half_up
                                          : Q == AP_RND_CONV ? round_half_to_even
                                                             : round_otherwise;
    static const overflow_kind overflow = O == AP_WRAP && N == 0 ? overflow_wraps
                                          : O == AP_SAT          ? overflow_saturates
                                                                 : overflow_otherwise;
};
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> struct format<ap_ufixed<W, I, Q, O, N> > {
    static const int width = W;
    static const int int_bits = I;
    static const bool is_signed = false;
    static const rounding_kind rounding = Q == AP_TRN        ? round_down
                                          : Q == AP_RND      ? round_half_up
                                          : Q == AP_RND_CONV ? round_half_to_even
                                                             : round_otherwise;
    static const overflow_kind overflow = O == AP_WRAP && N == 0 ? overflow_wraps
                                          : O == AP_SAT          ? overflow_saturates
                                                                 : overflow_otherwise;
};

template <class T> struct code_of {
    typedef typename integer_of<format<T>::width, format<T>::is_signed>::type type;
};

// The code of a fixed-point value.
template <class T> typename code_of<T>::type code(const T &x) {
    QK_INLINE
    typename code_of<T>::type raw = 0;
    raw.V = x.V;
    return raw;
}

// The fixed-point value with this code; bits above the width of T are dropped.
template <class T, class C> T from_code(const C &c) {
    QK_INLINE
    const typename code_of<T>::type raw = c;
    T x = 0;
    x.V = raw.V;
    return x;
}

// The code as an integer of the machine, for types of at most 63 bits in C simulation.
template <class T> long long machine_code(const T &x) { return x.V.to_int64(); }

// The fixed-point value with this code; bits above the width of T are dropped.
template <class T> T from_machine(long long c) {
    T x;
    x.V = c;
    return x;
}

} // namespace nnet
} // namespace QK_PROJECT

#endif
