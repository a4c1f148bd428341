use nulltrace::traced;

#[traced(args(pair))]
fn pattern_has_no_name((a, b): (u32, u32)) -> u32 {
    a + b
}

fn main() {}
