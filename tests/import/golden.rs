//! Every golden model imports, and its layers are those whose outputs Keras recorded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use qk_hls::data::{self, Arrays};
use qk_hls::import::{self, Inner, RawModel};

fn folders() -> Vec<PathBuf> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut folders: Vec<PathBuf> = ["models", "recurrent"]
        .iter()
        .flat_map(|kind| std::fs::read_dir(golden.join(kind)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("meta.json").exists())
        .collect();
    folders.sort();
    folders
}

/// Names of the outputs of one run of a model, as `acts.npz` spells them: a model that was recorded with its pruning
/// wrappers has theirs.
fn calls(model: &RawModel, prefix: &str, names: &mut BTreeSet<String>) {
    for call in &model.order {
        let layer = &model.layers[call.layer];
        if !layer.is_input() {
            let name = format!("{prefix}{}", layer.listed_name());
            if let Inner::Model(inner) = &layer.inner {
                calls(inner, &format!("{name}/"), names);
            }
            names.insert(name);
        }
    }
}

#[test]
fn every_golden_model_imports_with_the_recorded_layers() {
    let folders = folders();
    assert!(folders.len() > 100, "{} golden models", folders.len());
    for folder in folders {
        let meta = std::fs::read_to_string(folder.join("meta.json")).unwrap();
        let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
        let file = folder.join(meta["files"][0].as_str().unwrap());
        let import = import::load(&file, None).unwrap_or_else(|errors| panic!("{errors}"));
        let mut names = BTreeSet::new();
        calls(&import.model, "", &mut names);

        let Arrays::Named(acts) = data::load(&folder.join("acts.npz")).unwrap() else {
            panic!("acts.npz of {} is no archive", folder.display());
        };
        let recorded: BTreeSet<String> = acts
            .keys()
            .map(|key| key.split([':', '#']).next().unwrap().to_owned())
            .collect();
        assert_eq!(names, recorded, "{}", folder.display());
        assert_eq!(
            import.model.outputs.len(),
            meta["outputs"].as_u64().unwrap() as usize,
            "{}",
            folder.display()
        );
    }
}
