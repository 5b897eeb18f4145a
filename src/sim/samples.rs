//! Inputs for trials without data.

use super::Codes;
use super::batch::Batch;
use crate::ir::Range;
use crate::ir::kernel::{Design, Port};

/// Samples of codes that the design's inputs can hold: one with the lowest code everywhere, one
/// with the highest, then uniformly random ones. The same arguments give the same samples.
#[must_use]
pub fn random(design: &Design, samples: usize, seed: u64) -> Batch {
    let mut state = seed;
    let inputs = design.inputs.iter().map(|port| {
        let elements = design.node(port.node).ty.elements();
        let mut codes = Codes::with_capacity(samples * elements);
        for sample in 0..samples {
            codes.extend((0..elements).map(|i| {
                let range = range(design, port, i);
                match sample {
                    0 => range.lo,
                    1 => range.hi,
                    _ => uniform(range, &mut state),
                }
            }));
        }
        codes
    });
    Batch {
        samples,
        inputs: inputs.collect(),
    }
}

fn range(design: &Design, port: &Port, element: usize) -> Range {
    *design.node(port.node).ty.range.at(element)
}

/// A code of the range. Ranges have at most 2^127 codes, so that the bias of the remainder is
/// far below anything a trial could notice.
fn uniform(range: Range, state: &mut u64) -> i128 {
    let bits = u128::from(split_mix(state)) << 64 | u128::from(split_mix(state));
    let offset = bits % range.codes();
    range.lo.wrapping_add_unsigned(offset)
}

/// The generator SplitMix64 of Steele, Lea and Flood (2014).
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_values_of_the_generator() {
        // The first outputs for the seed 1234567 in the authors' C code.
        let mut state = 1_234_567;
        assert_eq!(split_mix(&mut state), 6_457_827_717_110_365_317);
        assert_eq!(split_mix(&mut state), 3_203_168_211_198_807_973);
    }

    #[test]
    fn codes_stay_in_range() {
        let mut state = 1;
        let range = Range { lo: -3, hi: 2 };
        let codes: Vec<i128> = (0..200).map(|_| uniform(range, &mut state)).collect();
        for code in -3..=2 {
            assert!(codes.contains(&code));
        }
        assert!(codes.iter().all(|c| range.contains(*c)));
        let wide = Range {
            lo: -(1 << 126),
            hi: (1 << 126) - 1,
        };
        assert!((0..100).all(|_| wide.contains(uniform(wide, &mut state))));
    }
}
