//! What says that a list is empty, and what does not.

use hippo_core::failure::FailureKind;
use rstest::rstest;

use super::{failure_detail, loans, read};

#[rstest]
#[case("<p>You have no holds.</p>", true)]
#[case(
    "<table><tr><td><div>You currently have no holds!</div></td></tr></table>",
    true
)]
#[case("No holds", true)]
#[case("<p>You don\u{2019}t have any holds.</p>", true)]
#[case("<p>There are no holds on this work.</p>", false)]
#[case("<p>If you have no holds. Ask us.</p>", false)]
#[case("<div class=t-invisible><p>You have no holds.</p></div>", false)]
#[case("<p style='color: red; display: none'>You have no holds.</p>", false)]
#[case("<script>You have no holds.</script>", false)]
#[case("<a href=x>No holds</a>", false)]
#[case("<a href=x><b>No holds</b></a>", false)]
#[case("<p><a href=x>No holds</a></p>", false)]
#[case("<p>No <span hidden></span>holds</p>", false)]
#[case("<select><option>No holds</option></select>", false)]
#[case("<label><input type=radio>No holds</label>", false)]
fn only_a_separate_visible_sentence_states_an_empty_list(
    #[case] html: &str,
    #[case] is_empty: bool,
) {
    match read(&[html]) {
        Ok(account) => {
            assert_eq!((account.holds, is_empty), (Some(Vec::new()), true));
            assert_eq!(account.loans, None);
        }
        Err(failure) => assert_eq!((failure.kind, is_empty), (FailureKind::PageChanged, false)),
    }
}

#[rstest]
#[case("<div><a class='hideIE x'>Tides</a></div>", false)]
#[case("<input type=checkbox>", false)]
#[case("<table><tr><td>Tides</td><td>soon</td></tr></table>", false)]
#[case(
    "<table><tr><th>Work</th><th>Due</th></tr><tr><td>None</td></tr></table>",
    true
)]
fn part_of_an_entry_contradicts_an_empty_list(#[case] html: &str, #[case] is_empty: bool) {
    for words in ["You have no checkouts.", "Total Items Checked Out: 0"] {
        let account = read(&[&format!("<p>{words}</p>{html}")]);
        let loans = account.ok().and_then(|account| account.loans);
        assert_eq!(
            loans.is_some_and(|loans| loans.is_empty()),
            is_empty,
            "{words}"
        );
    }
}

#[test]
fn row_without_cells_is_no_less_an_entry() {
    let row = "<tr class=checkoutsLine></tr></table>";
    failure_detail(&[&loans().replace("</table>", row)]);
}
