//! The JSON of the values in a schedule.

use chrono_tz::Tz;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::schedule::expression::Expression;
use crate::schedule::recurrence::Recurrence;

#[derive(Serialize, Deserialize)]
struct RecurrenceText {
    expression: String,
    timezone: Tz,
}

impl Serialize for Recurrence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = RecurrenceText {
            expression: self.expression.to_string(),
            timezone: self.zone,
        };
        text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Recurrence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = RecurrenceText::deserialize(deserializer)?;
        let expression: Expression = text.expression.parse().map_err(D::Error::custom)?;
        Ok(Self {
            expression,
            zone: text.timezone,
        })
    }
}

/// A duration as whole seconds.
pub(super) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes the field")]
    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration
            .map(|duration| duration.as_secs())
            .serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<u64>::deserialize(deserializer)?;
        Ok(seconds.map(Duration::from_secs))
    }
}
