//! How fast this machine's dot-product instructions are: accumulators in registers, no memory.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::Machine;
use super::isa::{Isa, Portable};

/// Multiply-accumulates a second of one thread, with bytes or with halves.
pub(in super::super) fn macs_per_second(machine: Machine, bytes: bool, time: Duration) -> f64 {
    const ROUNDS: u32 = 4096;
    let per_vector = if bytes { 4 } else { 2 };
    let mut best = 0.0_f64;
    let begin = Instant::now();
    while begin.elapsed() < time {
        let start = Instant::now();
        let words = match machine {
            // SAFETY: the machine was detected to have these features.
            #[cfg(target_arch = "x86_64")]
            Machine::Avx512 => unsafe { avx512(bytes, ROUNDS) },
            // SAFETY: the machine was detected to have these features.
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2 => unsafe { avx2(bytes, ROUNDS) },
            // SAFETY: plain Rust runs everywhere.
            Machine::Portable => unsafe { products::<Portable, 4>(bytes, ROUNDS) },
        };
        let macs = f64::from(words) * f64::from(per_vector);
        best = best.max(macs / start.elapsed().as_secs_f64());
    }
    best
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn avx512(bytes: bool, rounds: u32) -> u32 {
    // SAFETY: the caller vouches for the features.
    unsafe { products::<super::isa::Avx512, 16>(bytes, rounds) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2(bytes: bool, rounds: u32) -> u32 {
    // SAFETY: the caller vouches for the features.
    unsafe { products::<super::isa::Avx2, 8>(bytes, rounds) }
}

/// Products on `A` independent accumulators; returns the words multiplied.
///
/// # Safety
/// The machine must have the instruction set.
#[inline(always)]
unsafe fn products<I: Isa, const A: usize>(bytes: bool, rounds: u32) -> u32 {
    let weights = black_box([0x0102_0304_u32, 0x0506_0708]);
    // SAFETY: the caller vouches for the features; weights are of two words, vectors of `N`.
    unsafe {
        let mut acc = [I::splat(0); A];
        let x = I::splat(black_box(0x0403_0201));
        let pair = I::bytes(x);
        for _ in 0..rounds {
            for acc in &mut acc {
                *acc = if bytes {
                    I::dot_bytes(*acc, pair, weights.as_ptr())
                } else {
                    I::dot_halves(*acc, x, weights[0])
                };
            }
            // Keeps the sums of every round.
            black_box(&weights);
        }
        let mut out = [0_u32; 16];
        for acc in acc {
            I::store(out.as_mut_ptr(), acc);
            black_box(&out);
        }
    }
    u32::try_from(A * I::N).expect("a few vectors") * rounds
}
