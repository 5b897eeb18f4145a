//! Writes the reference pages under `docs` from the tables of layers and quantizers.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for page in qk_hls::report::docs::pages() {
        let path = docs.join(&page.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, page.text)?;
        eprintln!("docs/{}", page.path);
    }
    Ok(())
}
