//! Every operation of every instruction set against its meaning in 64-bit integers.

use proptest::prelude::*;

use super::Machine;
use super::isa::{self, Isa};

/// Operands of one check.
#[derive(Debug, Clone)]
struct Operands {
    a: Vec<u32>,
    b: Vec<u32>,
    acc: Vec<u32>,
    weights: [i8; 4],
    halves: u32,
    by: u32,
}

/// A word, often one whose bytes, halves or bits are at a limit.
fn word() -> impl Strategy<Value = u32> {
    let limits = vec![
        0,
        u32::MAX,
        0x8000_8000,
        0x7fff_7fff,
        0x8080_8080,
        0x7f7f_7f7f,
        0x8000_0000,
        0x7fff_ffff,
    ];
    prop_oneof![any::<u32>(), prop::sample::select(limits)]
}

prop_compose! {
    fn operands()(
        a in prop::collection::vec(word(), 16),
        b in prop::collection::vec(word(), 16),
        acc in prop::collection::vec(word(), 16),
        weights in prop::array::uniform4(prop_oneof![any::<i8>(), Just(-128), Just(127)]),
        halves in word(),
        by in 0..32_u32,
    ) -> Operands {
        Operands { a, b, acc, weights, halves, by }
    }
}

/// # Safety
/// The machine must have the instruction set.
unsafe fn check<I: Isa>(o: &Operands) -> Result<(), TestCaseError> {
    let words = |v: I::V| {
        let mut to = vec![0_u32; I::N];
        // SAFETY: the caller vouches for the features; `to` has a vector's length.
        unsafe { I::store(to.as_mut_ptr(), v) };
        to
    };
    // What a function of whole numbers gives modulo 2^32.
    let each = |f: &dyn Fn(usize) -> i64| -> Vec<u32> { (0..I::N).map(|k| f(k) as u32).collect() };
    let signed = |x: u32| i64::from(x.cast_signed());
    let byte = |x: u32, k: u32| i64::from(x >> (8 * k) & 0xff);
    let half = |x: u32, k: u32| i64::from((x >> (16 * k)) as u16 as i16);
    let (a_of, b_of) = (|k: usize| o.a[k], |k: usize| o.b[k]);
    // SAFETY: the caller vouches for the features; the operands have at least a vector's length and
    // packed weights the words that the instruction set reads.
    unsafe {
        let (a, b) = (I::load(o.a.as_ptr()), I::load(o.b.as_ptr()));
        let acc = I::load(o.acc.as_ptr());
        prop_assert_eq!(words(a), &o.a[..I::N], "load and store");
        prop_assert_eq!(words(I::splat(o.by as i32)), vec![o.by; I::N], "splat");

        let packed = I::pack_bytes(o.weights);
        let found = words(I::dot_bytes(acc, I::bytes(a), packed.as_ptr()));
        let wanted = each(&|k| {
            let products = (0..4).map(|j| byte(a_of(k), j) * i64::from(o.weights[j as usize]));
            signed(o.acc[k]) + products.sum::<i64>()
        });
        prop_assert_eq!(found, wanted, "dot product of bytes");

        let found = words(I::dot_halves(acc, a, o.halves));
        let wanted = each(&|k| {
            let products = (0..2).map(|j| half(a_of(k), j) * half(o.halves, j));
            signed(o.acc[k]) + products.sum::<i64>()
        });
        prop_assert_eq!(found, wanted, "dot product of halves");

        let greatest = each(&|k| {
            let bytes = (0..4).map(|j| byte(a_of(k), j).max(byte(b_of(k), j)) << (8 * j));
            bytes.sum()
        });
        prop_assert_eq!(words(I::max_bytes(a, b)), greatest, "greatest bytes");
        let sums = each(&|k| signed(a_of(k)) + signed(b_of(k)));
        prop_assert_eq!(words(I::add(a, b)), sums, "sum");
        let products = each(&|k| signed(a_of(k)) * signed(b_of(k)));
        prop_assert_eq!(words(I::mul(a, b)), products, "product");
        let both = each(&|k| signed(a_of(k)) & signed(b_of(k)));
        prop_assert_eq!(words(I::and(a, b)), both, "and");
        let any = each(&|k| signed(a_of(k)) | signed(b_of(k)));
        prop_assert_eq!(words(I::or(a, b)), any, "or");
        let greatest = each(&|k| signed(a_of(k)).max(signed(b_of(k))));
        prop_assert_eq!(words(I::max(a, b)), greatest, "greatest");
        let least = each(&|k| signed(a_of(k)).min(signed(b_of(k))));
        prop_assert_eq!(words(I::min(a, b)), least, "least");
        let left = each(&|k| signed(a_of(k)) << o.by);
        prop_assert_eq!(words(I::shl(a, o.by)), left, "shift to the left");
        let right = each(&|k| signed(a_of(k)) >> o.by);
        prop_assert_eq!(words(I::sra(a, o.by)), right, "shift to the right");
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_operation_of_every_instruction_set(o in operands()) {
        for machine in Machine::all() {
            // SAFETY: only instruction sets that were detected.
            unsafe {
                match machine {
                    #[cfg(target_arch = "x86_64")]
                    Machine::Avx512 => check::<isa::Avx512>(&o)?,
                    #[cfg(target_arch = "x86_64")]
                    Machine::Avx2 => check::<isa::Avx2>(&o)?,
                    Machine::Portable => check::<isa::Portable>(&o)?,
                }
            }
        }
    }
}
