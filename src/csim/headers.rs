//! The vendors' open headers: where they are, and how to get them.
//!
//! Nothing of them is part of this crate or of a generated project. They are installed from the
//! `hls4ml` wheel, which ships both families under the Apache licence.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use sha2::{Digest, Sha256};

use crate::num::Family;

/// The pinned wheel.
const PACKAGE: &str = "hls4ml==1.3.0";
const WHEEL: &str = "hls4ml-1.3.0-py3-none-any.whl";
const SHA256: &str = "01bf1de2cd9bca56699b9fe3385cb1735026b022f9580fe1d73faf192dfb90f2";
/// Folder in the cache; changes with the wheel.
const CACHE: &str = "qk-hls/headers-hls4ml-1.3.0";

/// What of the wheel is unpacked: prefix in the archive, and the folder it becomes.
const UNPACKED: [(&str, &str); 4] = [
    ("hls4ml/templates/vivado/ap_types/", "ap_types/"),
    (
        "hls4ml-1.3.0.dist-info/licenses/LICENSE",
        "ap_types/LICENSE",
    ),
    (
        "hls4ml/templates/catapult/ac_types/include/",
        "ac_types/include/",
    ),
    (
        "hls4ml/templates/catapult/ac_types/LICENSE",
        "ac_types/LICENSE",
    ),
];

/// Why there are no headers.
#[derive(Debug, thiserror::Error)]
pub enum HeadersError {
    /// None of the places has them.
    #[error(
        "no {family} headers (`{probe}`) found. Ways to get them:\n\
         \x20 qk-hls headers install     downloads the open ones with pip\n\
         \x20 --headers DIR              names a folder that holds them\n\
         \x20 {vendor} of an installed vendor tool\n\
         \x20 pip install hls4ml         for the python3 on PATH"
    )]
    NotFound {
        /// `AP` or `AC`.
        family: &'static str,
        /// The file looked for.
        probe: &'static str,
        /// Environment variables of the vendor's tool.
        vendor: &'static str,
    },
    /// The folder that the user named has none.
    #[error("`{dir}` holds no `{probe}`, nor do its usual sub-folders")]
    NotThere {
        /// As given.
        dir: PathBuf,
        /// The file looked for.
        probe: &'static str,
    },
    /// No place to keep files.
    #[error("neither XDG_CACHE_HOME nor HOME is set, so there is no cache folder")]
    NoCache,
    /// The package manager failed.
    #[error(
        "`python3 -m pip download {PACKAGE}` failed: {0}\n\
         pip and a package index are needed; or name a folder with --headers DIR"
    )]
    Pip(String),
    /// Not the wheel that was pinned.
    #[error("the downloaded {WHEEL} has SHA-256 {found}, expected {SHA256}; nothing was installed")]
    Checksum {
        /// Of the download.
        found: String,
    },
    /// Reading or writing failed.
    #[error("`{path}`: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// Where headers of a family were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// The family.
    pub family: Family,
    /// The folder to give to the compiler.
    pub dir: PathBuf,
    /// Which place it was: `--headers`, a variable, the cache, the Python package.
    pub place: String,
}

/// The file that tells a folder of headers.
fn probe(family: Family) -> &'static str {
    match family {
        Family::Ap => "ap_fixed.h",
        Family::Ac => "ac_fixed.h",
    }
}

/// Folders that `dir` may keep its headers in.
fn layouts(family: Family) -> [&'static str; 5] {
    match family {
        Family::Ap => [
            "",
            "include",
            "ap_types",
            "ap_types/include",
            "firmware/ap_types",
        ],
        Family::Ac => [
            "",
            "include",
            "ac_types/include",
            "ac_types",
            "firmware/ac_types/include",
        ],
    }
}

fn within(dir: &Path, family: Family) -> Option<PathBuf> {
    layouts(family)
        .iter()
        .map(|layout| dir.join(layout))
        .find(|d| d.join(probe(family)).is_file())
        .map(|d| d.components().collect())
}

/// Finds the headers of a family: in `dir` when it is given, else in the first of these that has
/// them: the vendor's installation, the cache of [`install`], the `hls4ml` package of `python3`.
///
/// # Errors
/// [`HeadersError::NotFound`], which says how to get them, or [`HeadersError::NotThere`].
pub fn find(family: Family, dir: Option<&Path>) -> Result<Headers, HeadersError> {
    let found = |place: &str, dir: PathBuf| Headers {
        family,
        dir,
        place: place.to_owned(),
    };
    if let Some(dir) = dir {
        return within(dir, family)
            .map(|d| found("--headers", d))
            .ok_or_else(|| HeadersError::NotThere {
                dir: dir.to_owned(),
                probe: probe(family),
            });
    }
    for (variable, folder) in [
        ("XILINX_HLS", "include"),
        ("XILINX_VITIS", "include"),
        ("MGC_HOME", "shared/include"),
    ] {
        let Some(root) = env::var_os(variable).filter(|v| !v.is_empty()) else {
            continue;
        };
        let dir = Path::new(&root).join(folder);
        if dir.join(probe(family)).is_file() {
            return Ok(found(&format!("${variable}"), dir));
        }
    }
    if let Ok(cache) = cache_dir()
        && let Some(dir) = within(&cache, family)
    {
        return Ok(found("the cache of `qk-hls headers install`", dir));
    }
    if let Some(package) = python_package() {
        let folder = match family {
            Family::Ap => "templates/vivado",
            Family::Ac => "templates/catapult",
        };
        if let Some(dir) = within(&package.join(folder), family) {
            return Ok(found("the hls4ml package of python3", dir));
        }
    }
    Err(match family {
        Family::Ap => HeadersError::NotFound {
            family: "AP",
            probe: probe(family),
            vendor: "XILINX_HLS or XILINX_VITIS",
        },
        Family::Ac => HeadersError::NotFound {
            family: "AC",
            probe: probe(family),
            vendor: "MGC_HOME",
        },
    })
}

/// Where [`install`] puts the headers.
///
/// # Errors
/// [`HeadersError::NoCache`].
pub fn cache_dir() -> Result<PathBuf, HeadersError> {
    let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty());
    let base = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute())
        .or_else(|| set("HOME").map(|h| PathBuf::from(h).join(".cache")));
    Ok(base.ok_or(HeadersError::NoCache)?.join(CACHE))
}

/// The folder of the `hls4ml` package of the `python3` on PATH. The package is not imported.
fn python_package() -> Option<PathBuf> {
    let script = "import importlib.util as u; s = u.find_spec('hls4ml'); \
                  print(s.submodule_search_locations[0] if s else '')";
    // Not from the current folder, which may hold anything.
    let output = Command::new("python3")
        .args(["-I", "-c", script])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let path = text.trim();
    (output.status.success() && !path.is_empty()).then(|| PathBuf::from(path))
}

/// Downloads the pinned wheel with pip, checks it, and unpacks the headers of both families with
/// their licences into [`cache_dir`]. Does nothing when they are there. Returns that folder.
///
/// # Errors
/// No pip, no index, another file than the pinned one, no cache folder.
pub fn install() -> Result<PathBuf, HeadersError> {
    let cache = cache_dir()?;
    if [Family::Ap, Family::Ac]
        .iter()
        .all(|f| within(&cache, *f).is_some())
    {
        return Ok(cache);
    }
    let parent = cache.parent().expect("the cache folder has a parent");
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| HeadersError::Io { path, source }
    };
    fs::create_dir_all(parent).map_err(at(parent))?;
    let temporary = tempfile::Builder::new()
        .prefix(".download-")
        .tempdir_in(parent)
        .map_err(at(parent))?;
    let wheel = download(temporary.path())?;
    let bytes = fs::read(&wheel).map_err(at(&wheel))?;
    let found = hex(&Sha256::digest(&bytes));
    if found != SHA256 {
        return Err(HeadersError::Checksum { found });
    }
    let fresh = temporary.path().join("headers");
    unpack(&bytes, &fresh).map_err(at(&fresh))?;
    if cache.exists() {
        fs::remove_dir_all(&cache).map_err(at(&cache))?;
    }
    fs::rename(&fresh, &cache).map_err(at(&cache))?;
    Ok(cache)
}

fn download(into: &Path) -> Result<PathBuf, HeadersError> {
    let arguments: [OsString; 8] = [
        "-m".into(),
        "pip".into(),
        "download".into(),
        "--no-deps".into(),
        "--quiet".into(),
        "--dest".into(),
        into.into(),
        PACKAGE.into(),
    ];
    let output = Command::new("python3")
        .args(arguments)
        .output()
        .map_err(|e| HeadersError::Pip(format!("python3 cannot be run ({e})")))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(HeadersError::Pip(text.trim().to_owned()));
    }
    let wheel = into.join(WHEEL);
    if wheel.is_file() {
        Ok(wheel)
    } else {
        Err(HeadersError::Pip(format!("it gave no {WHEEL}")))
    }
}

fn unpack(wheel: &[u8], into: &Path) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(io::Cursor::new(wheel))?;
    for i in 0..archive.len() {
        let mut member = archive.by_index(i)?;
        let name = member.name()?.into_owned();
        let Some(target) = target(&name) else {
            continue;
        };
        let file = into.join(target);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes)?;
        fs::write(&file, bytes)?;
    }
    Ok(())
}

/// Where a member of the wheel goes; `None` for everything that is no header and no licence.
fn target(name: &str) -> Option<String> {
    if name.ends_with('/') || name.contains("..") {
        return None;
    }
    UNPACKED.iter().find_map(|(prefix, folder)| {
        let rest = name.strip_prefix(prefix)?;
        Some(format!("{folder}{rest}"))
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_and_licences_leave_the_wheel() {
        for (name, to) in [
            (
                "hls4ml/templates/vivado/ap_types/etc/ap_private.h",
                Some("ap_types/etc/ap_private.h"),
            ),
            (
                "hls4ml-1.3.0.dist-info/licenses/LICENSE",
                Some("ap_types/LICENSE"),
            ),
            (
                "hls4ml/templates/catapult/ac_types/include/ac_int.h",
                Some("ac_types/include/ac_int.h"),
            ),
            ("hls4ml/templates/catapult/ac_types/pdfdocs/a.pdf", None),
            ("hls4ml/templates/vivado/nnet_utils/nnet_dense.h", None),
            ("hls4ml/templates/vivado/ap_types/../../x", None),
        ] {
            assert_eq!(target(name).as_deref(), to, "{name}");
        }
    }

    #[test]
    fn a_named_folder_is_the_only_place() {
        let dir = tempfile::tempdir().unwrap();
        let error = find(Family::Ap, Some(dir.path())).unwrap_err();
        assert!(matches!(error, HeadersError::NotThere { .. }), "{error}");
        fs::create_dir_all(dir.path().join("ac_types/include")).unwrap();
        fs::write(dir.path().join("ac_types/include/ac_fixed.h"), "").unwrap();
        let found = find(Family::Ac, Some(dir.path())).unwrap();
        assert_eq!(found.dir, dir.path().join("ac_types/include"));
    }
}
