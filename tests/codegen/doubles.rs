//! The library's own conversions of doubles against the vendors'.

use std::fmt::Write as _;
use std::process::Command;

use qk_hls::codegen::Io;
use qk_hls::num::Family;

use crate::support::{self, FAMILIES};

const PROGRAM: &str = r#"
#include <cstdio>
#include <cstdlib>
#include "doubles.h"
using namespace project::nnet;
static unsigned long long state = 20261127;
static unsigned long long next() {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return state >> 11;
}
static unsigned long compared = 0;
template <class T> void compare(double x) {
    const T vendor(x);
    const T own = from_double<T>(x);
    compared++;
    if (code(vendor) != code(own) || to_double(own) != vendor.to_double()) {
        std::printf("<%d,%d>%d modes %d %d: %.17g is %.17g, not %.17g\n", format<T>::width, format<T>::int_bits,
                    format<T>::is_signed, format<T>::rounding, format<T>::overflow, x, vendor.to_double(),
                    to_double(own));
        std::exit(1);
    }
}
template <class T> void all() {
    const int frac = format<T>::width - format<T>::int_bits;
    const double special[] = {0.0, -0.0, 1e-300, -1e-300, 1e15, -1e15};
    for (int i = 0; i < 6; i++) {
        compare<T>(special[i]);
    }
    for (int i = 0; i < 2000; i++) {
        // Around the steps and halves of the type, within its range and beyond.
        const int bits = 1 + next() % (format<T>::width + 3);
        const double quarters = static_cast<double>(next() % (1ULL << bits)) - static_cast<double>(1ULL << (bits - 1));
        compare<T>(std::ldexp(quarters, -frac - 2 * (i % 2)));
        const double any = static_cast<double>(next()) - static_cast<double>(1ULL << 52);
        compare<T>(std::ldexp(any, static_cast<int>(next() % 40) - 52 - frac));
    }
}
int main() {
"#;

#[test]
fn doubles_convert_as_the_vendors_convert_them() {
    for (backend, family) in FAMILIES {
        let Some(headers) = support::headers_or_skip(family) else {
            continue;
        };
        let files = support::project("dense_mlp", backend, Io::Parallel, "project");
        let root = tempfile::tempdir().unwrap();
        for name in ["doubles", "types"] {
            let text = files.get(&format!("firmware/nnet_utils/{name}.h")).unwrap();
            std::fs::write(root.path().join(format!("{name}.h")), text).unwrap();
        }
        let mut program = PROGRAM.to_owned();
        let mut types = 0;
        for (width, int_bits) in [(8, 1), (16, 6), (6, 9), (6, -2), (1, 1), (40, 20)] {
            for signed in [true, false] {
                for (rounding, overflow) in [("TRN", "WRAP"), ("RND", "SAT"), ("RND_CONV", "SAT")] {
                    let ty = match (family, signed) {
                        (Family::Ap, true) => "ap_fixed<",
                        (Family::Ap, false) => "ap_ufixed<",
                        (Family::Ac, _) => "ac_fixed<",
                    };
                    let (prefix, sign) = match family {
                        Family::Ap => ("AP", String::new()),
                        Family::Ac => ("AC", format!(", {signed}")),
                    };
                    writeln!(
                        program,
                        "    all<{ty}{width}, {int_bits}{sign}, {prefix}_{rounding}, {prefix}_{overflow}> >();"
                    )
                    .unwrap();
                    types += 1;
                }
            }
        }
        program += "    std::printf(\"%lu\\n\", compared);\n}\n";
        std::fs::write(root.path().join("main.cpp"), program).unwrap();
        let built = Command::new("g++")
            .args(["-std=c++11", "-isystem"])
            .arg(&headers.dir)
            .args(["main.cpp", "-o", "main"])
            .current_dir(root.path())
            .status()
            .unwrap();
        assert!(built.success());
        let run = Command::new(root.path().join("main")).output().unwrap();
        let text = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{backend}: {text}");
        assert_eq!(text.trim(), (types * 4006).to_string());
    }
}
