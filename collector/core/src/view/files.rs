//! The files of spans that are no sockets.

use super::contract::{Data, View};
use super::model::Model;
use super::on_files;

pub(super) const VIEW: View = View {
    name: "files",
    help: "files by span: bytes in and out, and the time of the calls on them",
    activity: true,
    single: false,
    calls: true,
    make,
};

fn make(data: &Data<'_>) -> Model {
    on_files::table(data.rows, false)
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::measure::summary::Summary;

    #[test]
    fn values() {
        let of = |summary: &Summary| {
            let model = fixture::data(summary, &fixture::clean(), &[], make);
            fixture::values(&model)
        };
        insta::assert_snapshot!("files", of(&fixture::busy()));
        insta::assert_snapshot!("others", of(&fixture::scan(23, 64 << 20)));
    }
}
