//! Words that say that a session is over.

/// “Session”, as it begins, in languages of the catalogues.
const SESSIONS: [&str; 24] = [
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

/// How it is said that one is over, in the same languages.
const ENDS: [&str; 42] = [
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

/// Words of a number or PIN that was looked at and refused.
const REFUSED: [&str; 9] = [
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

/// What is said without the word “session”.
const WITHOUT_SESSION: [&str; 6] = [
    "you have been logged out",
    "you were logged out",
    "logged out due to",
    "logged out because",
    "login has timed out",
    "login has expired",
];

/// Whether a site says that a session is over, and not that a number or PIN is wrong.
pub fn is_session_over(words: &str) -> bool {
    let words = words.to_lowercase();
    let has = |known: &[&str]| known.iter().any(|known| words.contains(known));
    let is_over = (has(&SESSIONS) && has(&ENDS)) || has(&WITHOUT_SESSION);
    is_over && !has(&REFUSED)
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
    fn session_that_is_over_is_told_from_a_refused_pin(
        #[case] words: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(is_session_over(words), expected);
    }
}
