//! Another Rust library in the same program, with all of its own runtime.
use std::collections::HashMap;

/// Catches a panic of its own: the two runtimes are apart.
#[unsafe(no_mangle)]
pub extern "C" fn another(n: u32) -> u32 {
    let map: HashMap<u32, String> = (0..n).map(|n| (n, n.to_string())).collect();
    std::panic::set_hook(Box::new(|_| ()));
    let caught = std::panic::catch_unwind(|| map[&n].len());
    u32::from(caught.is_err())
}
