//! Links against the N-API of the Node that loads it.
fn main() {
    napi_build::setup();
}
