//! Gathers the files of both pages, so that the program carries exactly these and nothing else:
//! `page` is the daemon's, `explorer` the one that validators serve.
//!
//! The program is built anew when one of these files changes. A new one is of use only once one of
//! them names it; what is not carried, such as tests, costs no build.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let ui = Path::new("ui");
    let out = env::var("OUT_DIR")?;
    let (page, explorer) = (Path::new(&out).join("page"), Path::new(&out).join("explorer"));
    for target in [&page, &explorer] {
        if target.exists() {
            fs::remove_dir_all(target)?;
        }
        fs::create_dir_all(target)?;
    }
    if !ui.join("index.html").exists() {
        println!("cargo::rerun-if-changed=ui/index.html");
        println!("cargo::warning=the program is built without its page: ui/index.html is missing");
        return Ok(());
    }
    let lit = Path::new("node_modules/lit-html");
    if !ui.join(lit).join("lit-html.js").exists() {
        println!("cargo::rerun-if-changed=ui/node_modules/lit-html/lit-html.js");
        println!("cargo::error=lit-html is missing: run `npm ci` in crates/conclave/ui first");
        return Ok(());
    }
    copy(ui, &page)?;
    copy(&ui.join("explorer"), &explorer.join("explorer"))?;
    copy(&ui.join("style"), &explorer.join("style"))?;
    for file in ["icon.svg", "text.js"] {
        carry(&ui.join(file), &explorer.join(file))?;
    }
    for target in [&page, &explorer] {
        library(&ui.join(lit), &target.join(lit))?;
    }
    Ok(())
}

/// Copies lit-html as its package has it.
fn library(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to.join("directives"))?;
    for part in ["", "directives"] {
        for entry in fs::read_dir(from.join(part))? {
            let file = entry?.path();
            if served(&file) {
                let name = file.file_name().ok_or("a file has a name")?;
                carry(&file, &to.join(part).join(name))?;
            }
        }
    }
    Ok(())
}

/// Copies what a browser loads; tests, packages, configuration and the other page stay behind.
fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let (path, target) = (entry.path(), to.join(&name));
        let skipped = ["explorer", "node_modules", "test", "tests"];
        if path.is_dir() && !skipped.iter().any(|skip| name == *skip) {
            copy(&path, &target)?;
        } else if path.is_file() && served(&path) {
            carry(&path, &target)?;
        }
    }
    Ok(())
}

/// Copies one file that the program carries.
fn carry(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", from.display());
    fs::copy(from, to)?;
    Ok(())
}

fn served(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    ["css", "html", "ico", "js", "png", "svg", "woff2"].contains(&end)
        && !name.contains(".test.")
        && !name.contains(".config.")
}
