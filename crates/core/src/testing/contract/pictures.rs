use super::Store;
use super::sample::{date, time};
use crate::picture::{PictureFailure, PictureFailureKind, PictureFormat};
use crate::store::{FetchedPicture, PictureDay, PictureDayState};

const TODAY: &str = "2026-11-21";

fn day(revision: u64, state: PictureDayState) -> PictureDay {
    PictureDay {
        date: date(TODAY),
        revision,
        tries: 1,
        changed_at: time("07:00:00"),
        state,
    }
}

fn picture() -> FetchedPicture {
    FetchedPicture {
        title: Some("Kvaløya 🌅".to_owned()),
        credit: None,
        format: PictureFormat::WebP,
        hash: "a1b2".repeat(16),
    }
}

async fn save(store: &dyn Store, before: Option<u64>, day: &PictureDay) -> bool {
    store.save_picture_day(before, day, None).await.unwrap()
}

pub(super) async fn replacing_the_day_of_a_picture_fails_if_it_changed(store: &dyn Store) {
    assert_eq!(store.picture_day(date(TODAY)).await.unwrap(), None);
    let trying = day(0, PictureDayState::Trying);
    assert!(save(store, None, &trying).await);
    assert!(!save(store, None, &trying).await);
    let failure = PictureFailure::new(PictureFailureKind::TooSlow, "no complete picture");
    let failed = day(1, PictureDayState::Failed { failure });
    assert!(!save(store, Some(1), &failed).await);
    assert!(save(store, Some(0), &failed).await);
    assert!(!save(store, Some(0), &trying).await);
    let stored = store.picture_day(date(TODAY)).await.unwrap();
    assert_eq!(stored, Some(failed));
    assert_eq!(store.picture_day(date("2026-11-22")).await.unwrap(), None);
    let none = day(2, PictureDayState::NoneToday { repeated: None });
    assert!(save(store, Some(1), &none).await);
    assert_eq!(store.picture_day(date(TODAY)).await.unwrap(), Some(none));
}

pub(super) async fn picture_is_read_back_with_all_its_bytes(store: &dyn Store) {
    let picture = picture();
    for (length, date_text) in [(0, "2026-11-20"), (1_000_003, TODAY)] {
        let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
        let fetched = PictureDay {
            date: date(date_text),
            ..day(0, PictureDayState::Fetched(picture.clone()))
        };
        let saved = store.save_picture_day(None, &fetched, Some(&bytes));
        assert!(saved.await.unwrap());
        let stored = store.picture_day(date(date_text)).await.unwrap();
        assert_eq!(stored, Some(fetched));
        let read = store.picture_bytes(date(date_text), &picture);
        assert_eq!(read.await.unwrap().as_deref(), Some(&bytes[..]));
    }
    let missing = store.picture_bytes(date("2026-11-22"), &picture);
    assert_eq!(missing.await.unwrap(), None);
}

pub(super) async fn only_one_concurrent_attempt_at_a_picture_wins(store: &dyn Store) {
    let trying = day(0, PictureDayState::Trying);
    let saves = (0..8).map(|_| save(store, None, &trying));
    let saved = futures::future::join_all(saves).await;
    assert_eq!(saved.into_iter().filter(|saved| *saved).count(), 1);
}
