//! Conversions of whole arrays, beside the machine's own copy of the same arrays in the same run.
//!
//!     cargo bench --bench casts

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qk_hls::num::{FixedType, Overflow, Quantization, convert, convert_slice};

/// Accumulators: more than the caches hold.
const CODES: usize = 16 << 20;

fn casts(c: &mut Criterion) {
    let mut state = 1_u64;
    let codes: Vec<i32> = (0..CODES)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as i32 - (1 << 23)
        })
        .collect();
    let ty = FixedType::new(8, 4, true).with(Quantization::RndConv, Overflow::Sat);
    let mut group = c.benchmark_group("i32 accumulators");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(4 * CODES as u64));
    let mut copy = vec![0_i32; CODES];
    group.bench_function("copy", |b| {
        b.iter(|| copy.copy_from_slice(black_box(&codes)));
    });
    let mut bytes = vec![0_i8; CODES];
    group.bench_function("to 8 bits, RND_CONV and SAT", |b| {
        b.iter(|| convert_slice(black_box(&codes), 18, &ty, &mut bytes));
    });
    let mut halves = vec![0_i16; CODES];
    let half = FixedType::new(16, 6, true).with(Quantization::Rnd, Overflow::Sat);
    group.bench_function("to 16 bits, RND and SAT", |b| {
        b.iter(|| convert_slice(black_box(&codes), 18, &half, &mut halves));
    });
    let few = &codes[..1 << 16];
    group.throughput(Throughput::Bytes(4 * few.len() as u64));
    group.bench_function("one by one", |b| {
        b.iter(|| {
            for (code, byte) in black_box(few).iter().zip(&mut bytes) {
                *byte = convert((*code).into(), 18, &ty) as i8;
            }
        });
    });
    group.finish();
}

criterion_group!(benches, casts);
criterion_main!(benches);
