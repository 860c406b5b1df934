//! Gathers the page's files, so that the program carries exactly these and nothing else.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let ui = Path::new("ui");
    let page = Path::new(&env::var("OUT_DIR")?).join("page");
    println!("cargo::rerun-if-changed=ui");
    if page.exists() {
        fs::remove_dir_all(&page)?;
    }
    fs::create_dir_all(&page)?;
    if !ui.join("index.html").exists() {
        println!("cargo::warning=the program is built without its page: ui/index.html is missing");
        return Ok(());
    }
    copy(ui, &page)?;
    let lit = Path::new("node_modules/lit-html");
    if !ui.join(lit).join("lit-html.js").exists() {
        println!("cargo::error=lit-html is missing: run `npm ci` in crates/conclave/ui first");
        return Ok(());
    }
    fs::create_dir_all(page.join(lit).join("directives"))?;
    for part in ["", "directives"] {
        let from = ui.join(lit).join(part);
        for entry in fs::read_dir(from)? {
            let file = entry?.path();
            if served(&file) {
                let name = file.file_name().ok_or("a file has a name")?;
                fs::copy(&file, page.join(lit).join(part).join(name))?;
            }
        }
    }
    Ok(())
}

/// Copies what a browser loads; tests, packages and configuration stay behind.
fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let (path, target) = (entry.path(), to.join(&name));
        if path.is_dir() && !["node_modules", "test", "tests"].iter().any(|skip| name == *skip) {
            fs::create_dir_all(&target)?;
            copy(&path, &target)?;
        } else if path.is_file() && served(&path) {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

fn served(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    ["css", "html", "ico", "js", "png", "svg", "woff2"].contains(&end)
        && !name.contains(".test.")
        && !name.contains(".config.")
}
