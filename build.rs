//! Compiles `proto/` without protoc, so that a clean machine needs nothing but cargo, and keeps the descriptor set
//! (comments included) for server reflection.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Messages that carry a person, a phone number or a free text: their `Debug` is written by hand and tells neither.
const PERSONAL: &[&str] = &[
    ".gongji.type.v1.Person",
    ".gongji.hub.v1.Transfer",
    ".gongji.hub.v1.CreateTransferRequest",
    ".gongji.hub.v1.CheckTransferRequest",
    ".gongji.node.v1.UpsertMembersRequest",
    ".gongji.node.v1.CreditAccountRequest",
    ".gongji.node.v1.OpenWalletRequest",
];

/// What `.cargo/config.toml` sets, and where cargo tells build scripts of it. RUSTFLAGS of the caller replaces the
/// first, and a build from another folder reads neither: the program is slower then, and nothing else says why.
const SETTINGS: &[(&str, &str)] =
    &[("CARGO_ENCODED_RUSTFLAGS", "poly1305_backend"), ("LIBSQLITE3_FLAGS", "HAVE_FDATASYNC")];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (variable, setting) in SETTINGS {
        println!("cargo:rerun-if-env-changed={variable}");
        if !env::var(variable).is_ok_and(|value| value.contains(setting)) {
            println!("cargo:warning={setting} of .cargo/config.toml is not in force: gongji will be slower");
        }
    }
    let root = Path::new("proto");
    println!("cargo:rerun-if-changed=proto");
    let mut files = Vec::new();
    collect(&root.join("gongji"), &mut files)?;
    collect(&root.join("google"), &mut files)?;
    // Directory order differs between machines; the generated code must not.
    files.sort();

    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("gongji_descriptor.bin"), compiler.encode_file_descriptor_set())?;

    let descriptors = compiler.file_descriptor_set();
    let mut methods = String::new();
    for file in descriptors.file.iter().filter(|file| file.package().starts_with("gongji.")) {
        for service in &file.service {
            for method in service.method.iter().filter(|it| !it.client_streaming() && !it.server_streaming())
            {
                let (request, answer) = (rust_path(method.input_type()), rust_path(method.output_type()));
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                methods += &format!(
                    "impl Method for {request} {{ type Answer = {answer}; const PATH: &'static str = {path:?}; }}\n"
                );
            }
        }
    }
    fs::write(out.join("methods.rs"), methods)?;

    // Full names of messages: by them they are found in the descriptor set.
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .extern_path(".google.rpc", "::tonic_types::pb")
        .extern_path(".gongji.node.v1.LegConstraints", "crate::proto::constraints::LegConstraints")
        .btree_map(".")
        .codec_path("crate::proto::Codec")
        .skip_debug(PERSONAL)
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}

/// A message as `src/proto.rs` has it: ".gongji.hub.v1.Transfer" is `gongji::hub::v1::Transfer`.
fn rust_path(name: &str) -> String {
    name.trim_start_matches('.').replace('.', "::")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
