//! Properties of a project as a folder: reproducible, movable, self-checking, linkable.

use std::path::Path;
use std::process::Command;

use qk_hls::codegen::{FileSet, Io};
use qk_hls::csim::{self, Samples};

use crate::support::{self, FAMILIES, IOS};

const BACKENDS: [&str; 3] = ["vitis", "vivado", "catapult"];

fn write(files: &FileSet, dir: &Path) {
    files.write(dir, false).expect("the folder is new");
}

#[test]
fn the_same_design_gives_the_same_bytes() {
    for (backend, io) in BACKENDS.iter().flat_map(|b| IOS.map(|io| (b, io))) {
        let first = support::project("cnn_small", backend, io, "twice");
        let second = support::project("cnn_small", backend, io, "twice");
        assert_eq!(first, second);
    }
}

#[test]
fn nothing_names_a_place_outside_the_project() {
    for (backend, io) in BACKENDS.iter().flat_map(|b| IOS.map(|io| (b, io))) {
        for (path, text) in support::project("cnn_small", backend, io, "here").iter() {
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                let absolute = code
                    .split(|c: char| c.is_whitespace() || "\"'(=".contains(c))
                    .any(|word| word.len() > 1 && word.starts_with('/'));
                // The shell's own line; packages and objects of Catapult, spelled like paths.
                let known = line == "#!/bin/bash"
                    || ["/SCVerify", "/Vivado/", "directive set /here/"]
                        .iter()
                        .any(|path| line.contains(path));
                assert!(!absolute || known, "{path}:{}: {line}", number + 1);
                assert!(!line.contains(env!("CARGO_MANIFEST_DIR")), "{path}");
            }
        }
    }
}

#[test]
fn a_project_can_be_moved() {
    for (backend, family) in FAMILIES {
        let Some(headers) = support::headers_or_skip(family) else {
            continue;
        };
        let root = tempfile::tempdir().unwrap();
        let first = root.path().join("first");
        write(
            &support::project("dense_mlp", backend, Io::Stream, "moving"),
            &first,
        );
        let before = csim::run(&first, &Samples::Stored(None), &headers).unwrap();
        let second = root.path().join("a place/of its own");
        std::fs::create_dir_all(second.parent().unwrap()).unwrap();
        std::fs::rename(&first, &second).unwrap();
        let after = csim::run(&second, &Samples::Stored(None), &headers).unwrap();
        assert_eq!(support::complaints(&before), None);
        assert_eq!(support::complaints(&after), None);
        assert_eq!(before.outputs, after.outputs);
    }
}

/// Flips one bit of the first code of an array in a header.
fn flip(text: &str, bit: u32) -> String {
    let start = text.find('{').unwrap();
    let start = start + text[start..].find("= {").unwrap() + 3;
    let number = start
        + text[start..]
            .find(|c: char| c == '-' || c.is_ascii_digit())
            .unwrap();
    let end = number + text[number..].find([',', '\n']).unwrap();
    let code: i64 = text[number..end].parse().unwrap();
    format!("{}{}{}", &text[..number], code ^ (1 << bit), &text[end..])
}

#[test]
fn single_bit_errors_in_weights_are_detected() {
    for (backend, family) in FAMILIES {
        let Some(headers) = support::headers_or_skip(family) else {
            continue;
        };
        let files = support::project("dense_mlp", backend, Io::Parallel, "faulty");
        let arrays: Vec<&str> = files
            .iter()
            .map(|(path, _)| path)
            .filter(|path| path.starts_with("firmware/weights/w"))
            .collect();
        assert_eq!(arrays.len(), 3);
        for (array, bit) in arrays.into_iter().zip([1, 0, 0]) {
            let mut faulty = files.clone();
            faulty.add(array, flip(files.get(array).unwrap(), bit));
            let root = tempfile::tempdir().unwrap();
            let dir = root.path().join("project");
            write(&faulty, &dir);
            let report = csim::run(&dir, &Samples::Stored(None), &headers).unwrap();
            assert!(report.mismatches > 0, "{backend}: {array}, bit {bit}");
        }
    }
}

#[test]
fn the_test_bench_reports_a_difference_in_its_exit_status() {
    for (backend, family) in FAMILIES {
        let Some(headers) = support::headers_or_skip(family) else {
            continue;
        };
        // With the vendor's own streams, layer after layer.
        let files = support::project("dense_mlp", backend, Io::Stream, "bench");
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("project");
        write(&files, &dir);
        let run = |arguments: &[&str]| {
            let status = Command::new(dir.join("bench"))
                .args(arguments)
                .current_dir(&dir)
                .output()
                .unwrap();
            (
                status.status.code(),
                String::from_utf8_lossy(&status.stdout).into_owned(),
            )
        };
        let built = Command::new("g++")
            .args(["-std=c++11", "-isystem"])
            .arg(&headers.dir)
            .args(["firmware/bench.cpp", "bench_test.cpp", "-o", "bench"])
            .current_dir(&dir)
            .status()
            .unwrap();
        assert!(built.success());
        let (status, text) = run(&[]);
        assert_eq!(status, Some(0), "{text}");
        assert!(text.contains("16 samples, 0 mismatches"), "{text}");
        // One code of the reference changed by one.
        let path = "tb_data/tb_output_predictions.dat";
        let reference = files.get(path).unwrap();
        let (first, rest) = reference.split_once(' ').unwrap();
        let first: i64 = first.parse().unwrap();
        std::fs::write(dir.join("other.dat"), format!("{} {rest}", first + 1)).unwrap();
        let (status, text) = run(&["tb_data/tb_input_features.dat", "other.dat"]);
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains("MISMATCH: sample 0"), "{text}");
        let (status, _) = run(&["missing.dat", path]);
        assert_eq!(status, Some(2));
    }
}

/// The C functions of two projects, called from one program.
const TWO: &str = r#"
#include <cstdio>
extern "C" void one_double(double *in, double *out);
extern "C" void two_float(float *in, float *out);
int main() {
    double x[9] = {0.5, -1, 0.25, 1.5, -2, 3, 0.75, -0.125, 1};
    float z[9];
    for (int i = 0; i < 9; i++) {
        z[i] = static_cast<float>(x[i]);
    }
    double y[4];
    float w[4];
    one_double(x, y);
    two_float(z, w);
    bool any = false;
    for (int i = 0; i < 4; i++) {
        if (y[i] != static_cast<double>(w[i])) {
            return 1;
        }
        any = any || y[i] != 0;
    }
    return any ? 0 : 2;
}
"#;

#[test]
fn two_projects_link_into_one_program() {
    for (backend, family) in FAMILIES {
        let Some(headers) = support::headers_or_skip(family) else {
            continue;
        };
        let root = tempfile::tempdir().unwrap();
        let mut sources = vec!["main.cpp".to_owned()];
        for name in ["one", "two"] {
            let io = if name == "one" {
                Io::Parallel
            } else {
                Io::Stream
            };
            let files = support::project("dense_mlp", backend, io, name);
            write(&files, &root.path().join(name));
            sources.push(format!("{name}/firmware/{name}.cpp"));
            sources.push(format!("{name}/{name}_bridge.cpp"));
        }
        std::fs::write(root.path().join("main.cpp"), TWO).unwrap();
        let output = Command::new("g++")
            .args(["-std=c++11", "-Wall", "-Wextra", "-isystem"])
            .arg(&headers.dir)
            .args(sources)
            .args(["-o", "program"])
            .current_dir(root.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}");
        let status = Command::new(root.path().join("program")).status().unwrap();
        assert_eq!(status.code(), Some(0), "{backend}");
    }
}

#[test]
fn the_shared_library_builds_and_traces() {
    for ((backend, family), io) in FAMILIES.iter().flat_map(|f| IOS.map(|io| (*f, io))) {
        let Some(headers) = support::headers_or_skip(family) else {
            continue;
        };
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("project");
        write(&support::project("dense_mlp", backend, io, "lib"), &dir);
        let output = Command::new("bash")
            .arg("build_lib.sh")
            .env("CPLUS_INCLUDE_PATH", &headers.dir)
            .env("CXXFLAGS", "-O0 -std=c++11")
            .current_dir(&dir)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let libraries: Vec<_> = std::fs::read_dir(dir.join("firmware"))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".so"))
            .collect();
        let [library] = libraries.as_slice() else {
            panic!("{libraries:?}");
        };
        let stamp = library
            .strip_prefix("lib-")
            .unwrap()
            .strip_suffix(".so")
            .unwrap();
        assert!(stamp.len() == 8 && stamp.chars().all(|c| c.is_ascii_hexdigit()));
        let script = format!(
            "import ctypes as c\n\
             lib = c.CDLL('firmware/{library}')\n\
             class Trace(c.Structure):\n\
             \x20   _fields_ = [('name', c.c_char_p), ('data', c.c_void_p)]\n\
             lib.allocate_trace_storage.argtypes = [c.c_size_t]\n\
             lib.allocate_trace_storage(8)\n\
             x, y = (c.c_double * 9)(*[0.5] * 9), (c.c_double * 4)()\n\
             lib.lib_double(x, y)\n\
             traces = (Trace * 16)()\n\
             lib.collect_trace_output(traces)\n\
             kept = {{t.name.decode(): t.data for t in traces if t.name}}\n\
             last = list((c.c_double * 4).from_address(kept['fc3']))\n\
             assert last == list(y), (last, list(y))\n\
             assert sorted(kept) == ['fc1', 'fc3', 'q2', 'relu1'], kept\n\
             lib.free_trace_storage()\n"
        );
        let output = Command::new("python3")
            .args(["-c", &script])
            .current_dir(&dir)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{backend}: {said}");
    }
}
