//! The sockets of spans.

use super::contract::{Data, View};
use super::model::Model;
use super::on_files;

pub(super) const VIEW: View = View {
    name: "sockets",
    help: "sockets by span, likewise; the connections of one peer are one row",
    activity: true,
    single: false,
    calls: true,
    make,
};

fn make(data: &Data<'_>) -> Model {
    on_files::table(data.rows, true)
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn values() {
        let model = fixture::data(&fixture::busy(), &fixture::clean(), &[], make);
        insta::assert_snapshot!(fixture::values(&model));
    }
}
