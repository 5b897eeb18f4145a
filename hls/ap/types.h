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

// Width, integer bits (the sign bit included) and signedness of a fixed-point type.
template <class T> struct format;
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> struct format<ap_fixed<W, I, Q, O, N> > {
    static const int width = W;
    static const int int_bits = I;
    static const bool is_signed = true;
};
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> struct format<ap_ufixed<W, I, Q, O, N> > {
    static const int width = W;
    static const int int_bits = I;
    static const bool is_signed = false;
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

} // namespace nnet
} // namespace QK_PROJECT

#endif
