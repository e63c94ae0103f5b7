//! The contract suites: what every store must do, as tests that any implementation runs.
//!
//! A crate with a store has, in its tests,
//!
//! ```text
//! async fn store() -> impl std::ops::Deref<Target = MyStore> { … } // a new, empty one each time
//! hippo_core::store_contract!(store);
//! ```
//!
//! and gets one `#[tokio::test]` for each case below.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "compiled for tests only, where a failed expectation ends the test"
)]

pub mod sample;

use crate::store::Store;

/// Declares the modules of cases, makes the cases public, and writes the macro that turns each into
/// a test. A case that is not listed here is dead code, which the compiler reports.
macro_rules! suites {
    ($dollar:tt $($module:ident { $($case:ident,)* })*) => {
        $(mod $module;)*

        /// Every case, by the trait that it is about.
        pub mod cases {
            $(
                #[doc = concat!("The cases of ", stringify!($module), ".")]
                pub mod $module {
                    $(
                        #[doc = concat!("`", stringify!($case), "`, of a new and empty store.")]
                        pub async fn $case(store: &dyn super::super::Store) {
                            super::super::$module::$case(store).await;
                        }
                    )*
                }
            )*
        }

        /// One `#[tokio::test]` for each case of [`testing::contract`](crate::testing::contract).
        ///
        /// Takes the path of an async function that makes a new, empty store in something that
        /// derefs to it; after the words `if there`, of one that makes an `Option` of it: a case
        /// without a store is skipped.
        #[macro_export]
        macro_rules! store_contract {
            (@ $dollar given:path, $dollar make:path) => {
                $(
                    mod $module {
                        use super::*;
                        $(
                            #[::tokio::test]
                            async fn $case() {
                                let made = $dollar make().await;
                                let Some(store) = $dollar given(made) else { return };
                                $dollar crate::testing::contract::cases::$module::$case(&*store).await;
                            }
                        )*
                    }
                )*
            };
            (if there $dollar make:path) => {
                $dollar crate::store_contract!(@ ::std::convert::identity, $dollar make);
            };
            ($dollar make:path) => {
                $dollar crate::store_contract!(@ ::std::option::Option::Some, $dollar make);
            };
        }
    };
}

suites! { $
    families {
        a_family_is_found_as_it_was_added,
        a_family_without_recipients_and_with_unusual_preferences_is_kept,
        a_second_family_of_the_same_id_is_refused,
        a_family_that_is_not_there_is_none,
        a_family_is_replaced,
        a_family_that_is_not_there_cannot_be_replaced_or_removed,
        a_recipient_is_stopped_once_and_only_if_it_is_one,
        of_many_that_stop_recipients_at_once_none_is_forgotten,
        who_edits_a_family_undoes_no_stop_that_came_meanwhile,
        of_many_stops_and_edits_at_once_no_stop_is_forgotten,
        families_are_listed_by_id,
        families_come_in_pages_that_miss_none_and_repeat_none,
        a_family_goes_with_its_cards_secrets_accounts_and_notices,
        of_many_that_add_the_same_family_one_succeeds,
    }
    libraries {
        a_library_is_found_as_it_was_added,
        a_second_library_of_the_same_id_is_refused,
        a_library_that_is_not_there_is_none,
        libraries_are_listed_by_id,
        a_library_is_replaced_and_left_alone_while_its_address_stays,
        a_library_is_not_removed_while_a_card_is_of_it,
        a_library_that_is_not_there_cannot_be_removed_or_left_alone,
        a_library_is_left_alone_until_the_later_time,
        back_off_that_cannot_be_right_is_replaced,
        a_new_library_is_not_left_alone,
        a_library_is_down_since_it_first_did_not_answer,
    }
    cards {
        a_card_is_found_as_it_was_added,
        a_card_of_a_family_or_library_that_is_not_there_is_refused,
        a_second_card_of_the_same_id_is_refused_and_leaves_the_first_and_its_secret,
        the_same_number_in_the_same_family_is_refused,
        the_same_number_in_another_family_or_at_another_library_is_taken,
        the_cards_of_a_family_are_listed_by_id,
        cards_to_check_are_ordered_by_library_fingerprint_and_id,
        cards_to_check_come_in_pages_that_miss_none_and_repeat_none,
        paused_and_refused_cards_are_not_to_be_checked,
        failed_cards_are_those_whose_newest_check_failed_or_that_were_never_checked,
        a_card_is_paused_and_goes_on,
        a_retry_forgets_the_refusal_and_the_mark,
        a_removed_card_is_gone_with_its_secret_and_account,
        a_card_that_is_not_there_cannot_be_changed_or_removed,
        of_many_that_add_the_same_number_one_succeeds,
    }
    restore {
        restored_card_is_as_its_copy,
        newer_copy_completes_a_card,
        older_copy_changes_nothing,
        later_account_survives_a_newer_copy,
        conflict_leaves_the_card_unchanged,
        dry_run_restores_nothing,
        copy_of_a_missing_family_or_library_is_refused,
        of_many_restores_at_once_the_newest_stays,
    }
    secrets {
        secrets_are_given_for_the_cards_that_have_one,
        a_secret_is_replaced_together_with_its_fingerprint,
        a_secret_is_sealed_anew_under_the_same_number,
        a_number_that_the_family_holds_on_another_card_is_refused,
        a_secret_of_a_card_that_is_not_there_cannot_be_replaced,
        cards_with_secrets_are_listed_by_id,
        sealed_secret_opens_only_for_the_hosts_that_the_store_names,
    }
    checks {
        a_card_that_was_never_checked_has_no_state_and_no_account,
        a_good_check_keeps_its_account_and_times,
        a_failure_keeps_the_last_good_account,
        an_older_check_never_overwrites_a_newer_one,
        wrong_credentials_refuse_the_card_since_the_first_time,
        another_failure_neither_refuses_a_card_nor_forgets_a_refusal,
        a_success_clears_a_refusal,
        a_check_of_a_card_that_is_gone_is_not_saved,
        the_accounts_of_a_family_are_its_own,
        a_login_is_refused_while_another_check_of_that_day_has_its_mark_open,
        the_check_that_wrote_the_mark_may_log_in_again,
        an_open_mark_of_another_day_does_not_forbid_a_login,
        a_login_to_a_card_that_is_gone_is_an_error,
        a_login_to_a_card_that_is_paused_or_refused_is_refused,
        the_mark_goes_with_the_check_that_wrote_it,
        a_check_that_did_not_try_leaves_the_mark_of_the_crash,
        a_check_that_did_not_try_keeps_no_older_one_out,
        a_check_that_did_not_try_lets_no_older_one_over_an_account,
        an_older_refusal_counts_unless_an_account_was_read_since,
        a_login_in_doubt_keeps_its_mark,
        accepted_login_forbids_no_other_and_shows_that_its_check_goes_on,
        refused_login_refuses_the_card_before_its_check_is_saved,
        refused_login_that_an_account_came_after_does_not_count,
        login_of_another_check_or_a_lost_card_is_not_settled,
        settled_login_leaves_no_doubt_whatever_the_check_says,
        second_login_of_a_check_is_open_until_it_is_settled_too,
        an_older_check_still_takes_its_own_mark_away,
        checks_from_future_are_replaced,
        check_within_clock_tolerance_stays,
        login_mark_from_future_does_not_forbid_login,
        of_many_checks_at_once_one_may_log_in,
        of_many_checks_saved_at_once_the_newest_stays,
    }
    visits {
        a_visit_is_loaded_with_its_library_cards_and_secrets,
        what_is_gone_is_not_loaded_for_a_visit,
        a_family_is_loaded_with_its_cards_and_accounts,
    }
    outbox {
        a_notice_is_planned_once,
        a_missed_day_is_put_on_record_as_final,
        sent_notice_with_a_waiting_recipient_is_open,
        a_notice_of_a_family_that_is_not_there_is_refused,
        a_notice_is_found_as_it_was_written,
        a_notice_is_replaced_only_over_the_revision_that_was_read,
        a_notice_that_was_never_planned_is_not_replaced,
        of_many_that_claim_a_notice_at_once_one_succeeds,
        of_many_that_plan_a_notice_at_once_one_succeeds,
        open_notices_are_those_that_are_not_final_oldest_first,
        open_notices_come_in_pages_that_miss_none_and_repeat_none,
        what_was_told_last_is_that_of_the_newest_that_was_sent,
        what_was_told_stays_when_a_later_write_gives_none,
        recent_notices_are_newest_first_and_no_more_than_asked_for,
        sent_date_outlives_its_family,
        addresses_are_forgotten_once_a_notice_is_over,
        removed_family_leaves_no_address_behind,
        missed_is_not_recorded_of_a_sent_date,
        store_that_was_always_used_is_known,
    }
    runs {
        a_run_is_found_as_it_was_started,
        a_run_of_the_same_key_ran_already,
        a_run_is_skipped_while_the_last_of_its_label_is_going,
        a_run_of_another_label_or_job_does_not_wait,
        a_run_that_may_overlap_is_started,
        a_run_that_fell_silent_is_lost,
        run_begun_in_future_holds_up_nobody,
        a_run_that_ended_does_not_hold_up_the_next,
        a_run_that_never_began_is_put_on_record_once_and_holds_up_nobody,
        a_report_replaces_outcome_and_counts,
        work_item_that_reports_twice_is_stored_once,
        work_items_that_report_at_once_are_all_stored,
        a_run_that_is_not_there_cannot_report,
        recent_runs_are_newest_first_and_can_be_narrowed,
        the_newest_of_each_label_are_found_however_rarely_it_runs,
        what_is_old_is_forgotten_but_open_notices_are_not,
        tick_times_are_replaced_only_over_those_that_were_read,
        of_many_starts_of_the_same_run_one_goes,
        of_many_runs_of_one_label_at_once_one_goes,
    }
    transfer {
        imported_store_exports_the_same,
        second_import_changes_nothing,
        import_keeps_what_is_newer_and_takes_it_back,
        removed_family_is_imported_with_its_last_notice,
        import_reports_and_keeps_what_differs,
    }
    alerts {
        who_asks_first_tells_a_thing,
        a_thing_that_was_told_is_counted_and_not_told_again,
        a_thing_that_nobody_told_in_time_is_told_by_the_next,
        of_many_that_see_a_thing_at_once_one_tells_it,
        a_thing_that_was_long_not_seen_is_forgotten,
        what_was_not_told_is_listed_however_much_was_told_since,
        what_turned_out_not_to_be_so_is_withdrawn_unless_it_changed,
    }
}
