//! The `homelabctl` program.

fn main() -> std::process::ExitCode {
    homelabctl::cli::main().into()
}
