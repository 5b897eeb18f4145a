//! Vectors of 32-bit words in each instruction set: the few operations that the kernels need.

use super::product::{self, Pattern};

/// One instruction set. All arithmetic is modulo `2^32`; no operation saturates.
///
/// # Safety
/// Every method needs a processor that has the instruction set, and pointers that are valid for
/// `N` words.
pub(super) trait Isa {
    /// Words of a vector.
    const N: usize;
    /// Words that the weights of one word row of one filter take.
    const WEIGHT_WORDS: usize;
    /// A vector.
    type V: Copy;
    /// A word row of bytes, prepared for products.
    type Bytes: Copy;

    /// Weights of four bytes in the form that `dot_bytes` reads.
    fn pack_bytes(weights: [i8; 4]) -> [u32; 2];

    unsafe fn load(from: *const u32) -> Self::V;
    unsafe fn store(to: *mut u32, x: Self::V);
    unsafe fn splat(x: i32) -> Self::V;
    unsafe fn bytes(x: Self::V) -> Self::Bytes;
    /// `acc + sum of four products` of unsigned bytes with signed ones.
    unsafe fn dot_bytes(acc: Self::V, x: Self::Bytes, weights: *const u32) -> Self::V;
    /// `acc + sum of two products` of signed halves.
    unsafe fn dot_halves(acc: Self::V, x: Self::V, weights: u32) -> Self::V;
    /// `product::accumulate`, a function of its own: its sums stay in registers.
    unsafe fn accumulate<const F: usize, const BYTES: bool>(
        words: &[u32],
        lanes: usize,
        pattern: &Pattern,
        weights: &[u32],
        sums: &mut [[Self::V; 2]; F],
    );
    /// Greater unsigned byte in every place.
    unsafe fn max_bytes(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn and(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn or(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// Shifts by 0 to 31.
    unsafe fn shl(a: Self::V, by: u32) -> Self::V;
    unsafe fn sra(a: Self::V, by: u32) -> Self::V;
}

/// Plain Rust: the meaning of every operation, and the path of machines without the others.
pub(super) struct Portable;

impl Isa for Portable {
    const N: usize = 8;
    const WEIGHT_WORDS: usize = 1;
    type V = [u32; 8];
    type Bytes = [u32; 8];

    fn pack_bytes(weights: [i8; 4]) -> [u32; 2] {
        [u32::from_le_bytes(weights.map(i8::cast_unsigned)), 0]
    }

    #[inline(always)]
    unsafe fn load(from: *const u32) -> Self::V {
        // SAFETY: the caller's pointer is valid for eight words.
        unsafe { from.cast::<[u32; 8]>().read() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut u32, x: Self::V) {
        // SAFETY: the caller's pointer is valid for eight words.
        unsafe { to.cast::<[u32; 8]>().write(x) }
    }
    #[inline(always)]
    unsafe fn splat(x: i32) -> Self::V {
        [x.cast_unsigned(); 8]
    }
    #[inline(always)]
    unsafe fn bytes(x: Self::V) -> Self::Bytes {
        x
    }
    #[inline(always)]
    unsafe fn dot_bytes(acc: Self::V, x: Self::Bytes, weights: *const u32) -> Self::V {
        // SAFETY: the caller's weights are valid for one word.
        let w = unsafe { *weights }.to_le_bytes().map(u8::cast_signed);
        zip(acc, x, |acc, x| {
            let x = x.to_le_bytes();
            let products = x.iter().zip(w).map(|(&x, w)| i32::from(x) * i32::from(w));
            acc.wrapping_add(products.sum::<i32>().cast_unsigned())
        })
    }
    #[inline(always)]
    unsafe fn dot_halves(acc: Self::V, x: Self::V, weights: u32) -> Self::V {
        let half = |x: u32, k: u32| (x << (16 - 16 * k)).cast_signed() >> 16;
        let (w0, w1) = (half(weights, 0), half(weights, 1));
        zip(acc, x, |acc, x| {
            let sum = (half(x, 0) * w0).wrapping_add(half(x, 1) * w1);
            acc.wrapping_add(sum.cast_unsigned())
        })
    }
    unsafe fn accumulate<const F: usize, const BYTES: bool>(
        words: &[u32],
        lanes: usize,
        pattern: &Pattern,
        weights: &[u32],
        sums: &mut [[Self::V; 2]; F],
    ) {
        // SAFETY: as the trait asks.
        unsafe { product::accumulate::<Self, F, BYTES>(words, lanes, pattern, weights, sums) }
    }
    #[inline(always)]
    unsafe fn max_bytes(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| {
            let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
            u32::from_le_bytes(std::array::from_fn(|k| a[k].max(b[k])))
        })
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, u32::wrapping_add)
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, u32::wrapping_mul)
    }
    #[inline(always)]
    unsafe fn and(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a & b)
    }
    #[inline(always)]
    unsafe fn or(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a | b)
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| {
            a.cast_signed().max(b.cast_signed()).cast_unsigned()
        })
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| {
            a.cast_signed().min(b.cast_signed()).cast_unsigned()
        })
    }
    #[inline(always)]
    unsafe fn shl(a: Self::V, by: u32) -> Self::V {
        a.map(|a| a << by)
    }
    #[inline(always)]
    unsafe fn sra(a: Self::V, by: u32) -> Self::V {
        a.map(|a| (a.cast_signed() >> by).cast_unsigned())
    }
}

#[inline(always)]
fn zip(a: [u32; 8], b: [u32; 8], f: impl Fn(u32, u32) -> u32) -> [u32; 8] {
    std::array::from_fn(|k| f(a[k], b[k]))
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::product::{self, Pattern};
    use super::Isa;

    /// # Safety
    /// As for `product::accumulate`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
    #[inline(never)]
    unsafe fn accumulate_avx512<const F: usize, const BYTES: bool>(
        words: &[u32],
        lanes: usize,
        pattern: &Pattern,
        weights: &[u32],
        sums: &mut [[__m512i; 2]; F],
    ) {
        // SAFETY: as the caller vouches.
        unsafe { product::accumulate::<Avx512, F, BYTES>(words, lanes, pattern, weights, sums) }
    }

    /// # Safety
    /// As for `product::accumulate`.
    #[target_feature(enable = "avx2")]
    #[inline(never)]
    unsafe fn accumulate_avx2<const F: usize, const BYTES: bool>(
        words: &[u32],
        lanes: usize,
        pattern: &Pattern,
        weights: &[u32],
        sums: &mut [[__m256i; 2]; F],
    ) {
        // SAFETY: as the caller vouches.
        unsafe { product::accumulate::<Avx2, F, BYTES>(words, lanes, pattern, weights, sums) }
    }

    /// AVX-512 with VNNI.
    pub(in super::super) struct Avx512;
    /// AVX2: bytes are widened to halves.
    pub(in super::super) struct Avx2;

    impl Isa for Avx512 {
        const N: usize = 16;
        const WEIGHT_WORDS: usize = 1;
        type V = __m512i;
        type Bytes = __m512i;

        fn pack_bytes(weights: [i8; 4]) -> [u32; 2] {
            super::Portable::pack_bytes(weights)
        }
        #[inline(always)]
        unsafe fn load(from: *const u32) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_loadu_si512(from.cast()) }
        }
        #[inline(always)]
        unsafe fn store(to: *mut u32, x: Self::V) {
            // SAFETY: as the trait asks.
            unsafe { _mm512_storeu_si512(to.cast(), x) }
        }
        #[inline(always)]
        unsafe fn splat(x: i32) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_set1_epi32(x) }
        }
        #[inline(always)]
        unsafe fn bytes(x: Self::V) -> Self::Bytes {
            x
        }
        #[inline(always)]
        unsafe fn dot_bytes(acc: Self::V, x: Self::Bytes, weights: *const u32) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_dpbusd_epi32(acc, x, _mm512_set1_epi32((*weights).cast_signed())) }
        }
        #[inline(always)]
        unsafe fn dot_halves(acc: Self::V, x: Self::V, weights: u32) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_dpwssd_epi32(acc, x, _mm512_set1_epi32(weights.cast_signed())) }
        }
        #[inline(always)]
        unsafe fn accumulate<const F: usize, const BYTES: bool>(
            words: &[u32],
            lanes: usize,
            pattern: &Pattern,
            weights: &[u32],
            sums: &mut [[Self::V; 2]; F],
        ) {
            // SAFETY: as the trait asks.
            unsafe { accumulate_avx512::<F, BYTES>(words, lanes, pattern, weights, sums) }
        }
        #[inline(always)]
        unsafe fn max_bytes(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_max_epu8(a, b) }
        }
        #[inline(always)]
        unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_add_epi32(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_mullo_epi32(a, b) }
        }
        #[inline(always)]
        unsafe fn and(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_and_si512(a, b) }
        }
        #[inline(always)]
        unsafe fn or(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_or_si512(a, b) }
        }
        #[inline(always)]
        unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_max_epi32(a, b) }
        }
        #[inline(always)]
        unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_min_epi32(a, b) }
        }
        #[inline(always)]
        unsafe fn shl(a: Self::V, by: u32) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_sll_epi32(a, _mm_cvtsi32_si128(by.cast_signed())) }
        }
        #[inline(always)]
        unsafe fn sra(a: Self::V, by: u32) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm512_sra_epi32(a, _mm_cvtsi32_si128(by.cast_signed())) }
        }
    }

    impl Isa for Avx2 {
        const N: usize = 8;
        const WEIGHT_WORDS: usize = 2;
        type V = __m256i;
        /// Even and odd bytes.
        type Bytes = [__m256i; 2];

        fn pack_bytes(weights: [i8; 4]) -> [u32; 2] {
            let [a, b, c, d] = weights.map(|w| u32::from(i16::from(w).cast_unsigned()));
            [a | c << 16, b | d << 16]
        }
        #[inline(always)]
        unsafe fn load(from: *const u32) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm256_loadu_si256(from.cast()) }
        }
        #[inline(always)]
        unsafe fn store(to: *mut u32, x: Self::V) {
            // SAFETY: as the trait asks.
            unsafe { _mm256_storeu_si256(to.cast(), x) }
        }
        #[inline(always)]
        unsafe fn splat(x: i32) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm256_set1_epi32(x) }
        }
        #[inline(always)]
        unsafe fn bytes(x: Self::V) -> Self::Bytes {
            // SAFETY: as the trait asks.
            unsafe {
                let even = _mm256_set1_epi16(0xff);
                [_mm256_and_si256(x, even), _mm256_srli_epi16::<8>(x)]
            }
        }
        #[inline(always)]
        unsafe fn dot_bytes(acc: Self::V, x: Self::Bytes, weights: *const u32) -> Self::V {
            // SAFETY: as the trait asks; weights take two words.
            unsafe {
                let acc = Self::dot_halves(acc, x[0], *weights);
                Self::dot_halves(acc, x[1], *weights.add(1))
            }
        }
        #[inline(always)]
        unsafe fn dot_halves(acc: Self::V, x: Self::V, weights: u32) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe {
                let w = _mm256_set1_epi32(weights.cast_signed());
                _mm256_add_epi32(acc, _mm256_madd_epi16(x, w))
            }
        }
        #[inline(always)]
        unsafe fn accumulate<const F: usize, const BYTES: bool>(
            words: &[u32],
            lanes: usize,
            pattern: &Pattern,
            weights: &[u32],
            sums: &mut [[Self::V; 2]; F],
        ) {
            // SAFETY: as the trait asks.
            unsafe { accumulate_avx2::<F, BYTES>(words, lanes, pattern, weights, sums) }
        }
        #[inline(always)]
        unsafe fn max_bytes(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm256_max_epu8(a, b) }
        }
        #[inline(always)]
        unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm256_add_epi32(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm256_mullo_epi32(a, b) }
        }
        #[inline(always)]
        unsafe fn and(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm256_and_si256(a, b) }
        }
        #[inline(always)]
        unsafe fn or(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm256_or_si256(a, b) }
        }
        #[inline(always)]
        unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm256_max_epi32(a, b) }
        }
        #[inline(always)]
        unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm256_min_epi32(a, b) }
        }
        #[inline(always)]
        unsafe fn shl(a: Self::V, by: u32) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm256_sll_epi32(a, _mm_cvtsi32_si128(by.cast_signed())) }
        }
        #[inline(always)]
        unsafe fn sra(a: Self::V, by: u32) -> Self::V {
            // SAFETY: as the trait asks.
            unsafe { _mm256_sra_epi32(a, _mm_cvtsi32_si128(by.cast_signed())) }
        }
    }
}
