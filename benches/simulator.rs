//! The simulator's kernels and three networks, beside the limit of this machine's dot-product
//! instructions, measured in the same run.
//!
//!     cargo bench --bench simulator
//!     cargo bench --bench simulator -- dense
//!
//! Criterion prints time and multiply-accumulates (or elements, for kernels without any) a second of
//! a batch on one thread; the line behind it adds the share of the limit.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qk_hls::ir::kernel::{
    Design, Dot, Kernel, Lut, Merge, Node, NodeId, PoolKind, Port, Staircase, TensorType,
};
use qk_hls::ir::{Encoding, Origin, Periodic, Range, Window};
use qk_hls::num::{FixedType, Overflow, Quantization};
use qk_hls::sim::plan::{Feed, Ints, Plan};
use qk_hls::sim::samples::random;

/// A design in the making: the last tensor is what comes next.
struct Net {
    design: Design,
    last: NodeId,
    state: u64,
}

fn node(kernel: Kernel, inputs: &[NodeId], shape: Vec<usize>, range: Range) -> Node {
    Node {
        origin: Origin {
            layer: "bench".into(),
            class: String::new(),
            call: 0,
        },
        note: String::new(),
        inputs: inputs.to_vec(),
        kernel,
        ty: TensorType {
            shape,
            frac: Periodic::uniform(0),
            range: Periodic::uniform(range),
        },
    }
}

impl Net {
    fn new(shape: &[usize], bits: u32) -> Self {
        let ty = FixedType::new(bits, bits.cast_signed(), true);
        let range = Range {
            lo: -(1 << (bits - 1)),
            hi: (1 << (bits - 1)) - 1,
        };
        let mut design = Design::default();
        let last = design.push(node(
            Kernel::Input { index: 0, ty },
            &[],
            shape.to_vec(),
            range,
        ));
        design.inputs = vec![Port {
            name: "x".into(),
            node: last,
        }];
        Self {
            design,
            last,
            state: 1,
        }
    }

    fn push(&mut self, kernel: Kernel, inputs: &[NodeId], shape: Vec<usize>, range: Range) {
        self.last = self.design.push(node(kernel, inputs, shape, range));
    }

    fn shape(&self) -> Vec<usize> {
        self.design.node(self.last).ty.shape.clone()
    }

    fn range(&self) -> Range {
        self.design.node(self.last).ty.hull()
    }

    /// Random codes of so many bits.
    fn weights(&mut self, count: usize, bits: u32) -> Vec<i128> {
        (0..count)
            .map(|_| {
                self.state = self
                    .state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                i128::from(self.state >> (64 - bits)) - (1 << (bits - 1))
            })
            .collect()
    }

    /// Sums of products under windows.
    fn dot(mut self, windows: Vec<Window>, groups: usize, filters: usize, bits: u32) -> Self {
        let channels = *self.shape().last().expect("a last axis");
        let taps: usize = windows.iter().map(|w| w.kernel).product();
        let weights = self.weights(taps * channels / groups * filters, bits);
        let x = self.range();
        let most = x.lo.abs().max(x.hi);
        let sums = (0..filters).map(|f| {
            let of_filter = weights.iter().skip(f).step_by(filters);
            of_filter.map(|w| w.abs()).sum::<i128>() * most
        });
        let most = sums.max().unwrap_or(0);
        let range = Range {
            lo: -most,
            hi: most,
        };
        let shape = windows.iter().map(|w| w.output).chain([filters]).collect();
        let kernel = Kernel::Dot(Dot {
            windows,
            groups,
            channels,
            filters,
            weights: Arc::new(weights),
            weight_frac: Periodic::uniform(0),
            shift: Periodic::uniform(0),
            bias: Periodic::uniform(0),
            accumulator: Periodic::uniform(range),
            encoding: Encoding::Fixed,
        });
        let x = self.last;
        self.push(kernel, &[x], shape, range);
        self
    }

    fn dense(self, filters: usize, bits: u32) -> Self {
        self.dot(Vec::new(), 1, filters, bits)
    }

    /// A rectifier: round half to even to unsigned codes, a few bits below the sums, and saturate.
    fn relu(mut self, bits: u32) -> Self {
        let drop = self.range().width().saturating_sub(bits + 2).cast_signed();
        let ty = FixedType::new(bits, bits.cast_signed() + drop, false)
            .with(Quantization::RndConv, Overflow::Sat);
        let range = Range {
            lo: 0,
            hi: (1 << bits) - 1,
        };
        let (x, shape) = (self.last, self.shape());
        self.push(Kernel::Cast(Periodic::uniform(ty)), &[x], shape, range);
        // The binary point of what follows does not matter here.
        self.design.nodes[self.last.index()].ty.frac = Periodic::uniform(-drop);
        self
    }

    fn pool(mut self, kind: PoolKind) -> Self {
        let shape = self.shape();
        let (channels, spatial) = shape.split_last().expect("a last axis");
        let windows: Vec<Window> = spatial
            .iter()
            .map(|&n| Window {
                kernel: 2,
                stride: 2,
                output: n / 2,
                ..Window::identity(n)
            })
            .collect();
        let taps = 1 << windows.len();
        let range = match kind {
            PoolKind::Max => self.range(),
            PoolKind::Sum => Range {
                lo: self.range().lo * taps,
                hi: self.range().hi * taps,
            },
        };
        let shape = windows
            .iter()
            .map(|w| w.output)
            .chain([*channels])
            .collect();
        let x = self.last;
        self.push(Kernel::Pool { windows, kind }, &[x], shape, range);
        self
    }

    fn flat(mut self) -> Self {
        let (x, range) = (self.last, self.range());
        let shape = vec![self.shape().iter().product()];
        let kernel = Kernel::Move(qk_hls::ir::Move::Reshape(shape.clone()));
        self.push(kernel, &[x], shape, range);
        self
    }

    fn point(mut self, kernel: Kernel, range: Range) -> Self {
        let (x, shape) = (self.last, self.shape());
        self.push(kernel, &[x], shape, range);
        self
    }

    fn done(mut self) -> Design {
        self.design.outputs = vec![Port {
            name: "y".into(),
            node: self.last,
        }];
        self.design
    }
}

fn square(n: usize, kernel: usize) -> Window {
    Window {
        kernel,
        output: n + 1 - kernel,
        ..Window::identity(n)
    }
}

fn jet() -> Design {
    let mut net = Net::new(&[16], 16);
    for units in [64, 32, 32] {
        net = net.dense(units, 6).relu(6);
    }
    net.dense(5, 6).done()
}

fn svhn() -> Design {
    let mut net = Net::new(&[32, 32, 3], 8);
    for filters in [16, 16, 24] {
        let n = net.shape()[0];
        let windows = vec![square(n, 3), square(n, 3)];
        net = net.dot(windows, 1, filters, 6).relu(6).pool(PoolKind::Max);
    }
    net = net.flat();
    for units in [42, 64] {
        net = net.dense(units, 6).relu(6);
    }
    net.dense(10, 6).done()
}

fn autoencoder() -> Design {
    let mut net = Net::new(&[640], 8);
    for units in [128, 128, 128, 8, 128, 128, 128] {
        net = net.dense(units, 8).relu(8);
    }
    net.dense(640, 8).done()
}

fn kernels() -> Vec<(&'static str, Design)> {
    let byte = Range { lo: 0, hi: 255 };
    let image = |channels| Net::new(&[32, 32, channels], 8);
    let windows = || vec![square(32, 3), square(32, 3)];
    let transposed = Window {
        kernel: 3,
        base_dilation: 2,
        pad: 1,
        output: 63,
        ..Window::identity(32)
    };
    let table = Lut {
        first: -128,
        tables: Periodic::uniform(Arc::new((0..256).rev().collect())),
    };
    let stairs = Staircase {
        thresholds: (-4..4).map(|t| 16 * t).collect(),
        values: (0..9).collect(),
    };
    let add = |mut net: Net| {
        let (x, shape) = (net.last, net.shape());
        let kernel = Kernel::Merge {
            op: Merge::Add,
            shifts: vec![0, 1],
        };
        let range = Range { lo: -384, hi: 381 };
        net.push(kernel, &[x, x], shape, range);
        net
    };
    let matmul = |mut net: Net| {
        let (x, shape) = (net.last, net.shape());
        let most = 128 * 128 * 32;
        let range = Range {
            lo: -most,
            hi: most,
        };
        net.push(Kernel::MatMul, &[x, x], shape, range);
        net
    };
    vec![
        (
            "dense 256-256, 8 bits",
            Net::new(&[256], 8).dense(256, 8).done(),
        ),
        (
            "dense 256-256, 8 bits, relu",
            Net::new(&[256], 8).dense(256, 8).relu(8).done(),
        ),
        (
            "dense 256-256, 16 bits",
            Net::new(&[256], 16).dense(256, 10).done(),
        ),
        (
            "dense 256-256, 40-bit sums",
            Net::new(&[256], 16).dense(256, 16).done(),
        ),
        (
            "conv1d 128x16-16, 3",
            Net::new(&[128, 16], 8)
                .dot(vec![square(128, 3)], 1, 16, 8)
                .relu(8)
                .done(),
        ),
        (
            "conv2d 32x32x16-16, 3x3",
            image(16).dot(windows(), 1, 16, 8).relu(8).done(),
        ),
        (
            "depthwise 32x32x16, 3x3",
            image(16).dot(windows(), 16, 16, 8).relu(8).done(),
        ),
        (
            "transposed 32x32x8-8, 3x3",
            image(8).dot(vec![transposed; 2], 1, 8, 8).relu(8).done(),
        ),
        ("max pool 32x32x16", image(16).pool(PoolKind::Max).done()),
        ("sum pool 32x32x16", image(16).pool(PoolKind::Sum).done()),
        ("sum of two 32x32x16", add(image(16)).done()),
        (
            "matrix product 32x32",
            matmul(Net::new(&[32, 32], 8)).done(),
        ),
        (
            "cast 32x32x16, 16 to 8 bits",
            Net::new(&[32, 32, 16], 16).relu(8).done(),
        ),
        (
            "table 32x32x16",
            image(16).point(Kernel::Lut(table), byte).done(),
        ),
        (
            "steps 32x32x16",
            image(16)
                .point(
                    Kernel::Threshold(Periodic::uniform(Arc::new(stairs))),
                    Range { lo: 0, hi: 8 },
                )
                .done(),
        ),
    ]
}

fn bench(c: &mut Criterion, group: &str, designs: &[(&'static str, Design)]) {
    let mut group = c.benchmark_group(group);
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(2));
    for (name, design) in designs {
        let ty = |port: &Port| design.node(port.node).ty.elements();
        let codes: usize = design.inputs.iter().chain(&design.outputs).map(ty).sum();
        let samples = ((1 << 20) / codes).clamp(64, 16_384);
        let batch = random(design, samples, 1);
        let inputs: Vec<Ints> = design
            .inputs
            .iter()
            .zip(&batch.inputs)
            .map(|(port, codes)| Ints::narrowest(design.node(port.node).ty.hull(), codes))
            .collect();
        let feeds: Vec<Feed<'_>> = inputs.iter().map(Ints::feed).collect();
        let plan = Plan::new(design);
        let work = if plan.macs() > 0 {
            plan.macs() * samples as u64
        } else {
            (codes * samples) as u64
        };
        group.throughput(Throughput::Elements(work));
        let mut results = Vec::new();
        let mut best = Duration::MAX;
        let limit = plan.limit(Duration::from_millis(100));
        group.bench_function(*name, |b| {
            b.iter(|| {
                let begin = Instant::now();
                let done = plan.run_into(black_box(&feeds), samples, &mut results);
                done.expect("codes of the input");
                best = best.min(begin.elapsed());
            });
        });
        if plan.macs() > 0 && best < Duration::MAX {
            let speed = work as f64 / best.as_secs_f64();
            eprintln!(
                "{name}: best {:.1} GMAC/s, {:.0} % of {:.0} GMAC/s",
                speed / 1e9,
                100.0 * speed / limit,
                limit / 1e9
            );
        }
    }
    group.finish();
}

fn simulator(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
    pool.build_global().expect("no pool before this one");
    bench(c, "kernels", &kernels());
    let networks = [
        ("jet 16-64-32-32-5", jet()),
        ("svhn", svhn()),
        ("autoencoder 640-128x3-8-128x3-640", autoencoder()),
    ];
    bench(c, "networks", &networks);
}

criterion_group!(benches, simulator);
criterion_main!(benches);
