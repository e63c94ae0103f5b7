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
        added_family_is_read_back,
        family_with_no_recipients_and_unusual_preferences_is_kept,
        duplicate_family_id_is_rejected,
        unknown_family_is_none,
        updated_family_is_read_back,
        unknown_family_cannot_be_updated_or_removed,
        replacing_a_family_fails_if_it_changed,
        only_one_concurrent_edit_of_a_family_wins,
        recipient_is_stopped_once_and_only_if_listed,
        concurrent_stops_are_all_kept,
        family_edit_keeps_a_concurrent_stop,
        concurrent_stops_and_edits_lose_no_stop,
        recipient_unsubscribes_once_from_each_kind,
        family_edits_keep_a_concurrent_unsubscription,
        concurrent_unsubscriptions_are_all_kept,
        families_are_listed_by_id,
        paging_lists_every_family_once,
        removing_a_family_removes_all_its_data,
        only_one_concurrent_add_of_a_family_wins,
    }
    libraries {
        added_library_is_read_back,
        duplicate_library_id_is_rejected,
        unknown_library_is_none,
        libraries_are_listed_by_id,
        replaced_library_keeps_its_back_off_while_its_address_stays,
        library_with_cards_is_not_removed,
        unknown_library_cannot_be_removed_or_backed_off,
        back_off_lasts_until_the_later_time,
        implausible_back_off_is_replaced,
        new_library_has_no_back_off,
        library_is_down_since_its_first_failure,
        library_is_read_until_its_address_or_system_changes,
        library_that_is_edited_during_a_visit_is_not_read,
    }
    cards {
        added_card_is_read_back,
        card_of_an_unknown_family_or_library_is_rejected,
        duplicate_card_id_is_rejected_and_keeps_the_first,
        same_number_in_one_family_is_rejected,
        same_number_in_another_family_or_library_is_accepted,
        cards_of_a_family_are_listed_by_id,
        cards_to_check_are_ordered_by_library_fingerprint_and_id,
        paging_lists_every_card_to_check_once,
        paused_and_refused_cards_are_not_checked,
        failed_scope_lists_failed_and_never_checked_cards,
        card_is_paused_and_resumed,
        replacing_a_card_pause_fails_if_it_changed,
        only_one_concurrent_pause_of_a_card_wins,
        ended_pause_lasts_in_the_lists_until_the_next_check,
        retry_clears_the_refusal_and_the_login_mark,
        removing_a_card_removes_its_secret_and_account,
        unknown_card_cannot_be_changed_or_removed,
        only_one_concurrent_add_of_a_number_wins,
    }
    restore {
        restored_card_is_as_its_copy,
        newer_copy_completes_a_card,
        older_copy_changes_nothing,
        later_account_survives_a_newer_copy,
        conflict_leaves_the_card_unchanged,
        dry_run_restores_nothing,
        copy_of_a_missing_family_or_library_is_refused,
        newest_of_many_concurrent_restores_wins,
    }
    secrets {
        secrets_are_loaded_for_cards_that_have_one,
        secret_is_replaced_with_its_fingerprint,
        replacing_a_secret_fails_if_it_changed,
        only_one_concurrent_secret_of_a_card_wins,
        secret_is_resealed_under_the_same_number,
        number_of_another_card_of_the_family_is_rejected,
        secret_of_an_unknown_card_cannot_be_replaced,
        cards_with_secrets_are_listed_by_id,
        sealed_secret_opens_only_for_the_stored_hosts,
    }
    corrections {
        retry_forgets_a_failure_that_only_a_person_ends,
        new_seal_forgets_that_the_old_one_was_for_other_hosts,
        retry_and_new_seal_keep_other_failures,
    }
    checks {
        unchecked_card_has_no_state_and_no_account,
        successful_check_stores_account_and_times,
        failed_check_keeps_the_last_good_account,
        older_check_never_overwrites_a_newer_one,
        wrong_credentials_refuse_the_card_from_the_first_time,
        other_failures_neither_set_nor_clear_a_refusal,
        success_clears_a_refusal,
        check_of_a_removed_card_is_not_saved,
        family_loads_only_its_own_accounts,
        login_is_refused_while_another_mark_of_the_day_is_open,
        check_with_its_own_mark_may_log_in_again,
        open_mark_of_another_day_allows_a_login,
        login_to_a_removed_card_is_an_error,
        login_to_a_paused_or_refused_card_is_refused,
        login_is_allowed_once_the_pause_has_ended,
        saving_a_check_removes_its_own_mark,
        untried_check_keeps_the_mark_of_a_crash,
        untried_check_does_not_block_an_older_one,
        untried_check_lets_no_older_check_replace_an_account,
        untried_check_keeps_the_failure_before_it,
        untried_check_clears_no_rejection,
        older_refusal_counts_unless_an_account_came_later,
        login_in_doubt_keeps_its_mark,
        accepted_login_blocks_no_other_and_shows_its_check_running,
        refused_login_refuses_the_card_before_its_check_is_saved,
        refused_login_before_a_newer_account_is_ignored,
        login_of_another_check_or_a_lost_card_is_not_settled,
        settled_login_leaves_no_doubt_after_any_check,
        second_login_of_a_check_stays_open_until_settled,
        older_check_still_removes_its_own_mark,
        checks_from_the_future_are_replaced,
        check_within_clock_tolerance_stays,
        login_mark_from_the_future_allows_a_login,
        only_one_concurrent_check_may_log_in,
        newest_of_many_concurrent_checks_stays,
    }
    visits {
        visit_is_loaded_with_its_library_cards_and_secrets,
        visit_omits_removed_cards,
        family_is_loaded_with_its_cards_and_accounts,
    }
    outbox {
        notice_is_planned_once,
        missed_day_is_recorded_as_final,
        sent_notice_with_a_waiting_recipient_is_open,
        notice_of_an_unknown_family_is_rejected,
        notice_is_read_back,
        notice_is_replaced_only_at_the_expected_revision,
        unplanned_notice_is_not_replaced,
        only_one_concurrent_notice_claim_wins,
        only_one_concurrent_notice_plan_wins,
        open_notices_are_listed_oldest_first,
        paging_lists_every_open_notice_once,
        last_notice_is_that_of_the_newest_sent,
        last_notice_stays_when_a_later_write_has_none,
        recent_notices_are_newest_first_and_limited,
        sent_date_outlives_its_family,
        addresses_are_deleted_once_a_notice_is_over,
        removed_family_leaves_no_address_behind,
        sent_date_is_not_recorded_as_missed,
        store_in_continuous_use_is_known,
    }
    runs {
        started_run_is_read_back,
        second_run_of_a_key_already_ran,
        persons_run_replaces_one_that_never_started,
        run_is_skipped_while_the_last_of_its_label_runs,
        run_of_another_label_or_job_starts,
        run_that_may_overlap_starts,
        silent_run_is_lost,
        run_started_in_the_future_blocks_no_other,
        finished_run_does_not_block_the_next,
        run_that_never_started_is_recorded_once_and_blocks_no_other,
        report_replaces_outcome_and_counts,
        work_item_that_reports_twice_is_stored_once,
        work_items_that_report_at_once_are_all_stored,
        unknown_run_cannot_report,
        recent_runs_are_newest_first_and_filtered,
        newest_runs_of_each_label_are_found_however_rare,
        old_records_are_deleted_except_open_notices,
        replacing_tick_times_fails_if_they_changed,
        only_one_concurrent_start_of_a_run_wins,
        only_one_concurrent_run_of_a_label_wins,
    }
    run_days {
        square_of_a_run_is_replaced_and_never_doubled,
        days_are_listed_within_their_dates_by_key,
        days_are_listed_for_one_label_only,
        busy_day_is_stored_as_ticks,
        concurrent_upserts_of_a_day_are_all_kept,
        old_days_are_deleted,
    }
    transfer {
        imported_store_exports_the_same,
        second_import_changes_nothing,
        import_keeps_what_is_newer_and_takes_it_back,
        removed_family_is_imported_with_its_last_notice,
        import_reports_and_keeps_what_differs,
    }
    pictures {
        replacing_the_day_of_a_picture_fails_if_it_changed,
        picture_is_read_back_with_all_its_bytes,
        only_one_concurrent_attempt_at_a_picture_wins,
    }
    feeds {
        feed_is_found_by_its_token,
        feed_of_an_unknown_family_is_rejected,
        second_feed_of_a_token_is_rejected,
        feeds_of_a_family_are_listed_by_when_they_were_made,
        use_of_a_feed_is_stored_once_a_day,
        only_one_concurrent_use_of_a_day_is_stored,
        revoked_feed_is_gone,
        feeds_of_a_removed_family_are_gone_for_good,
    }
    alerts {
        first_claim_of_an_alert_wins,
        delivered_alert_is_counted_and_not_claimed_again,
        expired_alert_claim_is_reclaimed,
        only_one_concurrent_alert_claim_wins,
        old_alert_is_deleted,
        pending_alert_is_listed_behind_many_delivered_ones,
        alert_is_withdrawn_unless_it_changed,
    }
    audit {
        entries_are_listed_newest_first,
        entries_of_a_family_are_its_own,
        entry_that_is_added_twice_is_listed_once,
        old_entry_is_not_listed,
    }
    invitations {
        invitations_of_a_family_are_listed_by_when_they_were_made,
        invitation_to_an_unknown_family_is_rejected,
        address_has_one_open_invitation_to_a_family,
        earlier_invitation_changes_nothing_of_a_later_one,
        only_one_concurrent_invitation_of_an_address_wins,
        invitation_is_replaced_only_at_the_expected_revision,
        only_one_concurrent_use_of_an_invitation_wins,
        invitations_of_a_removed_family_are_gone,
    }
    declared_schedules {
        saved_schedules_are_listed_by_label,
        only_changed_schedules_are_saved_again,
        schedules_that_are_no_longer_declared_are_removed,
        schedule_has_its_times_since_they_last_changed,
    }
    pauses {
        pauses_are_ordered_by_start,
        replacing_pauses_fails_if_others_are_stored,
        only_one_concurrent_change_of_pauses_wins,
        pause_that_ended_long_ago_is_deleted,
    }
    identities {
        replacing_an_identity_link_fails_if_it_changed,
        identities_of_a_person_are_counted_and_unlinked,
        identity_of_another_person_is_no_longer_listed,
        only_one_concurrent_link_of_an_identity_wins,
    }
    sign_ins {
        session_is_found_by_its_hash_and_replaced,
        removed_session_is_not_revived,
        every_session_of_a_person_is_removed,
        attempt_is_replaced_only_at_the_expected_revision,
        only_one_concurrent_use_of_a_link_wins,
        replacing_a_rate_log_fails_if_it_changed,
        limit_holds_for_many_concurrent_requests,
    }
}
