//! The only module with `unsafe` code: products through the machine's dot-product instructions.
//!
//! `isa` has the operations of each instruction set, `product` the kernels over them. Sums are
//! taken modulo `2^32`, by instructions that never saturate, so they are exact whenever the proven
//! range of the result fits 32 bits: partial sums may wrap.
#![allow(
    unsafe_code,
    reason = "vector instructions; everything is checked against plain Rust"
)]

mod isa;
mod limit;
mod product;
#[cfg(test)]
mod tests;

pub(super) use limit::macs_per_second;
pub(super) use product::Product;

use super::batch::Feed;
use super::layout::{Buffer, Layout, View};
use super::step::{Samples, Scratch, Stage};
use super::windows::Windows;

/// An instruction set that this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    /// AVX-512 F, BW, VL, DQ and VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Plain Rust.
    Portable,
}

impl Machine {
    /// The best one.
    pub(super) fn detect() -> Self {
        Self::all()[0]
    }

    /// All of them, best first.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vnni")
            {
                all.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2") {
                all.push(Self::Avx2);
            }
        }
        all.push(Self::Portable);
        all
    }

    /// Runs a stage compiled for this machine.
    pub(super) fn run(
        self,
        stage: &Stage<i32>,
        views: &[View<'_>],
        output: (&mut Buffer, Layout),
        lanes: usize,
        scratch: &mut Scratch<i32>,
        feeds: (&[Feed<'_>], Samples),
    ) {
        match self {
            // SAFETY: `detect` found these features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { stage_avx512(stage, views, output, lanes, scratch, feeds) },
            // SAFETY: `detect` found these features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { stage_avx2(stage, views, output, lanes, scratch, feeds) },
            Self::Portable => stage.run(views, output, lanes, scratch, feeds),
        }
    }

    /// Greatest byte of each window, whole word rows at a time: codes of one cell type keep their
    /// order as unsigned bytes.
    pub(super) fn max_pool(
        self,
        windows: &Windows,
        x: &[u32],
        y: &mut [u32],
        words_per_position: usize,
    ) {
        match self {
            // SAFETY: `detect` found these features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { pool_avx512(windows, x, y, words_per_position) },
            // SAFETY: `detect` found these features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { pool_avx2(windows, x, y, words_per_position) },
            // SAFETY: plain Rust runs everywhere.
            Self::Portable => unsafe {
                pool::<isa::Portable>(windows, x, y, words_per_position);
            },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn stage_avx512(
    stage: &Stage<i32>,
    views: &[View<'_>],
    output: (&mut Buffer, Layout),
    lanes: usize,
    scratch: &mut Scratch<i32>,
    feeds: (&[Feed<'_>], Samples),
) {
    stage.run(views, output, lanes, scratch, feeds);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn stage_avx2(
    stage: &Stage<i32>,
    views: &[View<'_>],
    output: (&mut Buffer, Layout),
    lanes: usize,
    scratch: &mut Scratch<i32>,
    feeds: (&[Feed<'_>], Samples),
) {
    stage.run(views, output, lanes, scratch, feeds);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn pool_avx512(windows: &Windows, x: &[u32], y: &mut [u32], words: usize) {
    // SAFETY: the caller vouches for the features.
    unsafe { pool::<isa::Avx512>(windows, x, y, words) };
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn pool_avx2(windows: &Windows, x: &[u32], y: &mut [u32], words: usize) {
    // SAFETY: the caller vouches for the features.
    unsafe { pool::<isa::Avx2>(windows, x, y, words) };
}

/// # Safety
/// The machine must have the instruction set. Lanes come in multiples of its vectors.
#[inline(always)]
unsafe fn pool<I: isa::Isa>(windows: &Windows, x: &[u32], y: &mut [u32], words: usize) {
    assert!(words.is_multiple_of(I::N), "whole vectors");
    for (target, &(pattern, base)) in y.chunks_exact_mut(words).zip(&windows.positions) {
        let taps = &windows.patterns[pattern];
        for at in (0..words).step_by(I::N) {
            let mut greatest = None;
            for tap in taps {
                let from = (base + tap.cell) * words + at;
                let from = &x[from..from + I::N];
                // SAFETY: the slice has a vector's length.
                greatest = Some(unsafe {
                    let here = I::load(from.as_ptr());
                    match greatest {
                        None => here,
                        Some(g) => I::max_bytes(g, here),
                    }
                });
            }
            let to = &mut target[at..at + I::N];
            // SAFETY: the slice has a vector's length.
            unsafe { I::store(to.as_mut_ptr(), greatest.unwrap_or(I::splat(0))) };
        }
    }
}
