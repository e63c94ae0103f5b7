//! Recognises messages that a session is over.

/// Beginnings of “session” in the catalogues' languages.
const SESSION_WORDS: [&str; 24] = [
    "session",
    "sitzung",
    "sesión",
    "sesion",
    "sessió",
    "sessão",
    "sessao",
    "sessione",
    "sessie",
    "sesjon",
    "istunto",
    "relace",
    "relácia",
    "sesja",
    "sesji",
    "сеанс",
    "сесси",
    "συνεδρ",
    "oturum",
    "munkamenet",
    "会话",
    "會話",
    "セッション",
    "세션",
];

/// Words for “is over” in the same languages.
const OVER_WORDS: [&str; 42] = [
    "timed out",
    "timed-out",
    "time out",
    "timeout",
    "expired",
    "has ended",
    "is over",
    "is past",
    "no longer",
    "inactiv",
    "logged out",
    "signed out",
    "abgelaufen",
    "beendet",
    "expiré",
    "expirad",
    "caducad",
    "finalizad",
    "terminad",
    "terminée",
    "scadut",
    "verlopen",
    "afgelopen",
    "utløpt",
    "udløbet",
    "utgått",
    "gått ut",
    "vanhent",
    "päätty",
    "vyprše",
    "skončil",
    "wygas",
    "истек",
    "истёк",
    "заверш",
    "έληξε",
    "zaman aşım",
    "sona er",
    "lejárt",
    "过期",
    "タイムアウト",
    "만료",
];

/// Words about a rejected number or PIN.
const REJECTION_WORDS: [&str; 9] = [
    "incorrect",
    "invalid pin",
    "invalid password",
    "wrong",
    "not recogni",
    "falsch",
    "incorrecto",
    "incorrect",
    "not match",
];

/// Phrases without the word “session”.
const LOGGED_OUT_PHRASES: [&str; 6] = [
    "you have been logged out",
    "you were logged out",
    "logged out due to",
    "logged out because",
    "login has timed out",
    "login has expired",
];

/// Whether a text says that a session is over, and not that a number or PIN is wrong.
pub fn is_session_over(words: &str) -> bool {
    let words = words.to_lowercase();
    let has = |known: &[&str]| known.iter().any(|known| words.contains(known));
    let is_over = (has(&SESSION_WORDS) && has(&OVER_WORDS)) || has(&LOGGED_OUT_PHRASES);
    is_over && !has(&REJECTION_WORDS)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Your session has timed out. Please log in again.", true)]
    #[case("Sorry, your session has expired.", true)]
    #[case("Session timeout", true)]
    #[case("You have been logged out because of inactivity.", true)]
    #[case("Ihre Sitzung ist abgelaufen. Bitte melden Sie sich erneut an.", true)]
    #[case("Votre session a expiré.", true)]
    #[case("La sesión ha caducado", true)]
    #[case("Sesja wygasła", true)]
    #[case("You entered an incorrect username or password.", false)]
    #[case("Your session has expired: the password is wrong.", false)]
    #[case("Your card has expired.", false)]
    #[case("Start a new session", false)]
    fn expired_session_differs_from_rejected_pin(#[case] words: &str, #[case] expected: bool) {
        assert_eq!(is_session_over(words), expected);
    }
}
