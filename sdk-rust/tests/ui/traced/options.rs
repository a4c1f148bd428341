use nulltrace::traced;

#[traced(name = "a")]
fn named() {}

#[traced(skip_all)]
fn foreign() {}

#[traced(error)]
fn nearly() -> Result<(), String> {
    Ok(())
}

#[traced("a" ret)]
fn no_comma() -> u32 {
    1
}

#[traced(ret, ret = debug)]
fn twice() -> u32 {
    1
}

#[traced(args(a), args(b))]
fn args_twice(_a: u32, _b: u32) {}

#[traced(ret = json)]
fn bad_style() -> u32 {
    1
}

#[traced(err(debug))]
fn bad_brackets() -> Result<(), String> {
    Ok(())
}

#[traced(; ret)]
fn bad_sign() -> u32 {
    1
}

#[traced{ret = }]
fn no_style() -> u32 {
    1
}

#[traced = "a"]
fn assigned() {}

fn main() {}
