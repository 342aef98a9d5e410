//! Writes the files of Swagger UI that the reference page uses to the build
//! directory, compressed with gzip. `src/http/reference.rs` embeds them.
//!
//! `utoipa-swagger-ui-vendored` is a zip archive of all files of Swagger UI. The
//! archive already has them compressed with deflate, so that a header and a
//! trailer make a gzip file.

use std::error::Error;
use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::{env, fs};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::read::ZipFile;
use zip::{CompressionMethod, ZipArchive};

const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

/// Magic number, method deflate, no flags, no time, unknown system (RFC 1952).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    // `src/http/assets.rs` embeds the files of this folder.
    println!("cargo::rerun-if-changed=web/dist");
    let directory = PathBuf::from(env::var("OUT_DIR")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for name in FILES {
        let end = format!("/dist/{name}");
        let index = archive
            .file_names_raw()
            .position(|path| path.ends_with(end.as_bytes()))
            .ok_or_else(|| format!("Swagger UI has no {name}"))?;
        let file = gzip(archive.by_index_raw(index)?)?;
        fs::write(directory.join(format!("{name}.gz")), file)?;
    }
    Ok(())
}

/// Makes a gzip file of the compressed data of `file`.
fn gzip(mut file: ZipFile<'_, impl Read>) -> Result<Vec<u8>, Box<dyn Error>> {
    if file.compression() != CompressionMethod::DEFLATE {
        return Err("a file of Swagger UI is not compressed with deflate".into());
    }
    let length = u32::try_from(file.size())?;
    let mut gzip = GZIP_HEADER.to_vec();
    file.read_to_end(&mut gzip)?;
    gzip.extend(file.crc32().to_le_bytes());
    gzip.extend(length.to_le_bytes());
    Ok(gzip)
}
