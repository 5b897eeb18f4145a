//! Every golden model written in every form and read back.

use qk_hls::import::{Inner, KerasVersion, RawLayer, RawModel};
use qk_hls::{export, import, layers};

use crate::support::folders;

/// What a file keeps of a layer.
fn assert_same(place: &str, a: &RawLayer, b: &RawLayer) {
    assert_eq!(a.name, b.name, "{place}");
    assert_eq!(a.calls, b.calls, "{place}/{}", a.name);
    assert_eq!(a.weights.len(), b.weights.len(), "{place}/{}", a.name);
    for (slot, tensor) in &a.weights {
        let other = &b.weights[slot];
        assert_eq!(
            (&tensor.shape, &tensor.values),
            (&other.shape, &other.values),
            "{place}/{}/{slot}",
            a.name
        );
    }
    match (&a.inner, &b.inner) {
        (Inner::Model(a), Inner::Model(b)) => assert_models(place, a, b),
        (Inner::Layer(a), Inner::Layer(b)) => assert_same(place, a, b),
        (
            Inner::Directions { forward, backward },
            Inner::Directions {
                forward: f,
                backward: b,
            },
        ) => {
            assert_same(place, forward, f);
            assert_same(place, backward, b);
        }
        (Inner::Cells(a), Inner::Cells(b)) => {
            a.iter().zip(b).for_each(|(a, b)| assert_same(place, a, b))
        }
        (Inner::None, Inner::None) => {
            assert_eq!(a.class_name, b.class_name, "{place}/{}", a.name);
            let mut config = a.config.clone();
            config.insert("name".to_owned(), a.name.clone().into());
            assert_eq!(config, b.config, "{place}/{}", a.name);
        }
        _ => panic!("{place}/{}: other contents", a.name),
    }
}

fn assert_models(place: &str, a: &RawModel, b: &RawModel) {
    assert_eq!(
        (&a.inputs, &a.outputs, &a.order),
        (&b.inputs, &b.outputs, &b.order),
        "{place}"
    );
    assert_eq!(a.layers.len(), b.layers.len(), "{place}");
    for (a, b) in a.layers.iter().zip(&b.layers) {
        assert_same(place, a, b);
    }
}

#[test]
fn written_models_are_read_back_equal() {
    let mut written = 0;
    for folder in folders("models").into_iter().chain(folders("recurrent")) {
        let place = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let forms = ["model.keras", "model.h5", "model.json"].map(|f| folder.join(f));
        let Some(path) = forms.iter().find(|p| p.exists()) else {
            continue;
        };
        let Ok(imported) = import::load(path, None) else {
            continue;
        };
        let mut model = imported.model;
        if export::upgrade(&mut model).is_err() {
            continue;
        }
        assert_eq!(model.format.keras, KerasVersion::V3);
        let Ok(lowered) = layers::lower(&model, &layers::Options::default()) else {
            continue;
        };
        for name in ["m.keras", "m.h5", "m.json"] {
            let files = export::write(&model, &lowered.network, name.as_ref()).unwrap();
            let again = export::write(&model, &lowered.network, name.as_ref()).unwrap();
            assert_eq!(files, again, "{place}: equal models are equal files");
            let mut contents = files.into_iter().map(|(_, content)| content);
            let first = contents.next().unwrap();
            let weights = contents.next().map(|w| ("m.weights.h5".to_owned(), w));
            let back = import::load_bytes(name, first, weights)
                .unwrap_or_else(|e| panic!("{place} as {name}: {e}"));
            assert_models(&format!("{place} as {name}"), &model, &back.model);
            written += 1;
        }
    }
    assert!(written > 150, "{written}");
}
