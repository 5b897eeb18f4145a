//! The reference pages under `docs` are those that the source makes.

use std::path::Path;

use qk_hls::report::docs;

#[test]
fn committed_pages_are_what_the_source_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for page in docs::pages() {
        let path = folder.join(&page.path);
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == page.text,
            "docs/{} is stale: cargo run --example docs",
            page.path
        );
    }
    // No page is left over from a quantizer that went.
    let names: Vec<String> = docs::pages().into_iter().map(|p| p.path).collect();
    for entry in std::fs::read_dir(folder.join("quantizers")).expect("committed") {
        let name = entry.expect("readable").file_name();
        let name = format!("quantizers/{}", name.to_string_lossy());
        assert!(names.contains(&name), "docs/{name} has no source");
    }
}
