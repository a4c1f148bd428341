use nulltrace::traced;

trait Pay {
    #[traced]
    fn pay(&self) -> u32;
}

fn main() {}
