//! The laws of parzen's pictures, which stand beside their code: cargo runs no tests of an example that is built as a program.

#[allow(dead_code, unused_imports, reason = "the program uses what the tests do not")]
#[path = "../examples/parzen/plot/mod.rs"]
mod plot;
