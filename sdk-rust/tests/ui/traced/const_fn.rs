use nulltrace::traced;

#[traced]
const fn answer() -> u32 {
    42
}

#[traced]
pub(crate) const unsafe extern "C" fn raw() {}

fn main() {
    answer();
}
