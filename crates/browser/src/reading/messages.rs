//! A library's messages to a patron, without duplicates.

use std::collections::HashSet;

use hippo_core::text::{MAX_STORED_CHARS, cut};

/// The most messages of an account. More can only come from a hostile page, and are skipped.
pub const MAX_MESSAGES: usize = 50;

/// Messages in order, without duplicates and empty ones, cut to a length that can be stored.
#[derive(Debug, Default)]
pub struct Messages {
    seen: HashSet<String>,
    list: Vec<String>,
}

impl Messages {
    /// Adds a message, unless it is empty or a duplicate, or the list is full.
    pub fn add(&mut self, message: &str) {
        if self.is_full() || message.is_empty() {
            return;
        }
        let message = cut(message, MAX_STORED_CHARS);
        if self.seen.insert(message.clone()) {
            self.list.push(message);
        }
    }

    /// Whether no more messages are added.
    pub fn is_full(&self) -> bool {
        self.list.len() >= MAX_MESSAGES
    }

    /// The messages.
    pub fn into_vec(self) -> Vec<String> {
        self.list
    }
}

impl<'a> Extend<&'a str> for Messages {
    fn extend<T: IntoIterator<Item = &'a str>>(&mut self, messages: T) {
        for message in messages {
            self.add(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_unique_ordered_and_limited() {
        let mut messages = Messages::default();
        messages.extend(["b", "", "a", "b"]);
        messages.add(&"x".repeat(2_000));
        messages.add(&"x".repeat(3_000));
        let list = messages.into_vec();
        assert_eq!(&list[..2], ["b", "a"]);
        assert_eq!(list.len(), 3);
        assert_eq!(list[2].chars().count(), MAX_STORED_CHARS);

        let mut messages = Messages::default();
        for number in 0..100_000 {
            messages.add(&number.to_string());
        }
        assert!(messages.is_full());
        assert_eq!(messages.into_vec().len(), MAX_MESSAGES);
    }
}
