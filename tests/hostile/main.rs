//! Files of strangers: damaged, cut short, spliced, too large for their size.
//!
//! The entry functions are those of the fuzzers in `fuzz`. Coming back is the test: without a panic, and within the
//! memory that `import` states, which an allocator of this binary counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use proptest::prelude::*;
use qk_hls::import::{MEMORY_BASE, MEMORY_FACTOR};
use qk_hls::untrusted::entry;

/// The system's allocator, counting.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; only two counters are kept beside it.
#[allow(unsafe_code, reason = "an allocator is unsafe by its trait")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One run at a time, so that the peak is that run's.
static TURN: Mutex<()> = Mutex::new(());

/// Runs an entry function; fails when it takes more memory than a file of this size may.
fn bounded(bytes: usize, run: impl FnOnce()) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    run();
    let used = PEAK.load(Ordering::Relaxed).saturating_sub(before) as u64;
    let allowed = MEMORY_FACTOR * bytes as u64 + MEMORY_BASE;
    assert!(used <= allowed, "{used} bytes for a file of {bytes}");
}

fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

const MODELS: &[&str] = &[
    "examples/digits/digits.h5",
    "examples/digits/digits.keras",
    "tests/golden/digits_keras2/model.h5",
    "tests/golden/models/cnn_small/model.h5",
    "tests/golden/models/k2_cnn_keras_zip/model.keras",
    "tests/golden/models/k2_nested_h5/model.h5",
];

const ARRAYS: &[&str] = &[
    "examples/digits/labels.npy",
    "examples/digits/acts_reference.npz",
    "tests/golden/models/dense_mlp/x.npy",
];

/// A change of a file.
#[derive(Debug, Clone)]
enum Damage {
    /// One byte becomes another.
    Byte(prop::sample::Index, u8),
    /// Eight bytes become a length that no file has.
    Length(prop::sample::Index, u64),
    /// The file ends here.
    Cut(prop::sample::Index),
    /// Some bytes are repeated at another place.
    Copy(prop::sample::Index, prop::sample::Index, usize),
    /// Some bytes go.
    Remove(prop::sample::Index, usize),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let n = bytes.len();
        match self {
            Self::Byte(at, value) => bytes[at.index(n)] = *value,
            Self::Length(at, value) => {
                let at = at.index(n);
                for (byte, new) in bytes[at..].iter_mut().zip(value.to_le_bytes()) {
                    *byte = new;
                }
            }
            Self::Cut(at) => bytes.truncate(at.index(n)),
            Self::Copy(from, to, count) => {
                let from = from.index(n);
                let part = bytes[from..(from + count).min(n)].to_vec();
                let to = to.index(n);
                bytes.splice(to..to, part);
            }
            Self::Remove(at, count) => {
                let at = at.index(n);
                bytes.drain(at..(at + count).min(n));
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let index = || any::<prop::sample::Index>();
    let length = prop_oneof![
        any::<u64>(),
        Just(u64::MAX),
        Just(1 << 40),
        Just(u64::from(u32::MAX)),
        0..4096_u64,
    ];
    let one = prop_oneof![
        4 => (index(), any::<u8>()).prop_map(|(at, value)| Damage::Byte(at, value)),
        2 => (index(), length).prop_map(|(at, value)| Damage::Length(at, value)),
        1 => index().prop_map(Damage::Cut),
        1 => (index(), index(), 1..200_usize).prop_map(|(a, b, n)| Damage::Copy(a, b, n)),
        1 => (index(), 1..200_usize).prop_map(|(at, n)| Damage::Remove(at, n)),
    ];
    prop::collection::vec(one, 1..6)
}

fn damaged(name: &str, all: &[Damage]) -> Vec<u8> {
    let mut bytes = file(name);
    for one in all {
        one.apply(&mut bytes);
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn damaged_models(name in prop::sample::select(MODELS), damage in damage()) {
        let bytes = damaged(name, &damage);
        bounded(bytes.len(), || entry::model(&bytes));
    }

    #[test]
    fn damaged_arrays(name in prop::sample::select(ARRAYS), damage in damage()) {
        let bytes = damaged(name, &damage);
        bounded(bytes.len(), || entry::arrays(&bytes));
    }

    #[test]
    fn damaged_json_and_weights(damage in damage(), which: bool) {
        let (json, weights) = ("examples/digits/digits.json", "examples/digits/digits.weights.h5");
        let json = if which { damaged(json, &damage) } else { file(json) };
        let weights = if which { file(weights) } else { damaged(weights, &damage) };
        bounded(json.len() + weights.len(), || entry::json(&json, &weights));
    }

    #[test]
    fn any_text(text in "[a-z_]{0,16}[(<{]?[-a-z0-9_=.,' \\[\\]\"]{0,24}[)>}]?") {
        bounded(text.len(), || entry::texts(text.as_bytes()));
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), magic in 0..4_usize) {
        let magics: [&[u8]; 4] = [b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x93NUMPY\x01\x00"];
        let bytes = [magics[magic], &bytes].concat();
        bounded(bytes.len(), || entry::model(&bytes));
        bounded(bytes.len(), || entry::arrays(&bytes));
    }
}

/// What the fuzzers once found, and bombs by hand.
#[test]
fn regressions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions");
    let entries = std::fs::read_dir(&folder).expect("regressions are committed");
    let mut files: Vec<_> = entries.map(|e| e.expect("readable").path()).collect();
    assert!(files.len() >= 3, "{} regressions", files.len());
    files.sort();
    for path in files {
        let bytes = std::fs::read(&path).expect("readable");
        bounded(bytes.len(), || {
            entry::model(&bytes);
            entry::arrays(&bytes);
            entry::texts(&bytes);
            entry::json(&bytes, &file("examples/digits/digits.weights.h5"));
        });
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    bounded(deep.len(), || entry::model(deep.as_bytes()));
    bounded(deep.len(), || entry::texts(deep.as_bytes()));
    let nested = format!(
        "{{\"class_name\":\"Sequential\",\"config\":{}1{}}}",
        "{\"layers\":".repeat(100_000),
        "}".repeat(100_000)
    );
    bounded(nested.len(), || entry::model(nested.as_bytes()));
    for shape in [
        "(1152921504606846976,)",
        "(4294967296, 4294967296)",
        "(99999999999999999999,)",
        "()",
    ] {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.as_bytes());
        bounded(bytes.len(), || entry::arrays(&bytes));
    }
}
