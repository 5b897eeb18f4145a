//! Every golden model, as C++ of both families.

use qk_hls::codegen::{Io, Options};
use qk_hls::csim;
use rayon::prelude::*;

use crate::support::{self, FAMILIES};

#[test]
fn golden_models_compute_the_simulators_codes_as_arrays() {
    check(Io::Parallel);
}

/// On bounded FIFOs, all processes at once: no deadlock, nothing left, no read from an empty one.
#[test]
fn golden_models_compute_the_simulators_codes_as_streams() {
    check(Io::Stream);
}

fn check(io: Io) {
    let models: Vec<_> = support::golden_folders()
        .iter()
        .filter_map(|folder| Some((support::name(folder), support::golden(folder)?)))
        .collect();
    assert!(models.len() >= 80, "{} models", models.len());
    for (backend, family) in FAMILIES {
        let Some(headers) = support::headers_or_skip(family) else {
            continue;
        };
        let options = Options {
            io,
            ..Options::new(support::backend(backend), "golden")
        };
        let wrong: Vec<String> = models
            .par_iter()
            .filter_map(|(name, (compiled, batch))| {
                let found = match csim::check(&compiled.design, &options, batch, &headers) {
                    Ok(report) => support::complaints(&report),
                    Err(error) => Some(error.to_string()),
                };
                found.map(|text| format!("{name}, {backend}: {text}"))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
