//! Follows docs/ADD-A-LIBRARY-SYSTEM.md to the letter, in a copy of the workspace.

use crate::followed_page::{Scratch, Step, steps_of};

/// A person who follows the page writes fewer lines of the system's own than this.
const MAX_OWN_LINES: usize = 200;

#[test]
fn page_leads_to_a_system_that_reads_an_account() {
    let steps = steps_of("ADD-A-LIBRARY-SYSTEM");
    let scratch = Scratch::copy("ADD-A-LIBRARY-SYSTEM");
    let mut own_lines = 0;
    let mut runs = 0;
    for step in &steps {
        runs += usize::from(matches!(step, Step::Run(_)));
        let printed = scratch.follow(step, &[]);
        if let Some(printed) = printed {
            assert!(printed.contains("2 passed"), "{printed}");
        }
        if let Step::Create { text, .. } | Step::Insert { text, .. } = step {
            own_lines += text.lines().filter(|line| !line.is_empty()).count();
        }
    }
    assert_eq!(runs, 1);
    assert!(own_lines < MAX_OWN_LINES, "{own_lines} lines");
}
