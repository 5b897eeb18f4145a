//! Runs of the program, and the golden models they are given.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use qk_hls::data::{self, Array, Arrays};

/// The program, with nothing of the user's environment that changes messages.
pub(crate) fn qk_hls() -> Command {
    let mut command = Command::cargo_bin("qk-hls").expect("the binary is built with its tests");
    command.env_remove("NO_COLOR").env_remove("RUST_BACKTRACE");
    command
}

pub(crate) fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(path)
}

/// A folder for one test, with a model of JSON and weights in it.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
}

/// Number type of the inputs of [`Bench::new`]'s model.
pub(crate) const TYPE: &str = "fixed<8,3>";

impl Bench {
    /// The three-layer perceptron of the golden models as `model.json` and `model.weights.h5`, its inputs as `x.npy`.
    pub(crate) fn new() -> Self {
        let bench = Self::empty();
        for file in ["model.json", "model.weights.h5", "x.npy"] {
            std::fs::copy(golden("models/dense_mlp").join(file), bench.path(file)).unwrap();
        }
        bench
    }

    pub(crate) fn empty() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path(file)).unwrap()
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(file), content).unwrap();
    }

    /// Replaces text of a file, which has to be there.
    pub(crate) fn replace(&self, file: &str, old: &str, new: &str) {
        let text = String::from_utf8(self.read(file)).unwrap();
        assert!(text.contains(old), "{file} has no {old}");
        self.write(file, text.replace(old, new));
    }

    /// Names of everything in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Runs the program in this folder.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        qk_hls()
            .current_dir(self.dir.path())
            .args(args)
            .output()
            .unwrap()
    }

    /// Runs commands that must refuse: status 2, nothing on stdout, every file as before, and each of the given
    /// words in the message.
    pub(crate) fn refused(&self, args: &[&str], words: &[&str]) {
        let content = |names: &[String]| -> Vec<Vec<u8>> {
            let files = names.iter().filter(|n| self.path(n).is_file());
            files.map(|n| self.read(n)).collect()
        };
        let names = self.names();
        let before = content(&names);
        let output = self.run(args);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(output.stdout.is_empty(), "{args:?}: stdout");
        for word in words {
            assert!(text.contains(word), "{args:?}: no `{word}` in: {text}");
        }
        assert!(!text.contains("panicked"), "{args:?}: {text}");
        assert_eq!(self.names(), names, "{args:?}: files");
        assert!(content(&names) == before, "{args:?}: a file was changed");
    }

    /// The same refusal of every command that takes a model.
    pub(crate) fn every_command_refuses(&self, model: &str, extra: &[&str], words: &[&str]) {
        let commands: [&[&str]; 4] = [
            &["inspect"],
            &["inspect", "--json"],
            &["simulate", "-i", "x.npy", "-o", "y.npy", "--trace", "t.npz"],
            &["generate", "-o", "project"],
        ];
        for command in commands {
            self.refused(&[command, &[model], extra].concat(), words);
        }
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn success(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

/// The only array of a file.
pub(crate) fn array(path: &Path) -> Array {
    match data::load(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())) {
        Arrays::One(array) => array,
        Arrays::Named(_) => panic!("{} is an archive", path.display()),
    }
}

/// The arrays of an archive.
pub(crate) fn arrays(path: &Path) -> Vec<(String, Array)> {
    match data::load(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())) {
        Arrays::Named(arrays) => arrays.into_iter().collect(),
        Arrays::One(_) => panic!("{} is no archive", path.display()),
    }
}

pub(crate) fn find<'a>(arrays: &'a [(String, Array)], key: &str) -> &'a Array {
    let found = arrays.iter().find(|(name, _)| name == key);
    &found.unwrap_or_else(|| panic!("no array {key}")).1
}

pub(crate) fn values(array: &Array) -> Vec<f64> {
    array.to_f64().expect("small numbers")
}
