//! Says whether the compiler knows AVX-512, which searches use where the processor has it: Rust does since 1.89.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(shardway_avx512)");
    if version_check::is_min_version("1.89.0") == Some(true) {
        println!("cargo:rustc-cfg=shardway_avx512");
    }
}
