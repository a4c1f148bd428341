//! What is wrong with the function itself is said as it would be without the attribute.
use nulltrace::traced;

#[traced]
fn wrong_value() -> u32 {
    "a"
}

#[traced(ret)]
fn wrong_value_noted() -> u32 {
    "a"
}

#[traced]
async fn wrong_value_later() -> u32 {
    "a"
}

#[traced]
fn moved(text: String) -> String {
    drop(text);
    text
}

fn main() {}
