//! One attempt to sign in.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::grant::{Grant, PersonId};
use super::token::{SignInCode, Token, TokenHash};

/// The page that the link in a sign-in mail opens, with the query `token=ATTEMPT.TOKEN`.
pub const LINK_PAGE: &str = "/sign-in/link";

/// How long a link and its code work.
pub const ATTEMPT_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// How many codes a browser may try in one attempt.
pub const MAX_CODE_TRIES: u32 = 5;

/// One attempt to sign in. There is one for every address that is asked for, known or not.
///
/// The browser that began it holds one token, and may try codes. The mail has the code, and a link
/// with another token, which works in any browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInAttempt {
    /// Its id, which isn't a secret.
    pub id: Uuid,
    /// Increases with every write; a write replaces only the revision that was read.
    pub revision: u64,
    /// The hash of the browser's token; `None`: no browser began it.
    pub browser: Option<TokenHash>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// How many codes may still be tried.
    pub tries_left: u32,
    /// What its link and code lead to; `None`: the address isn't known, or no mail was sent yet.
    pub granted: Option<Granted>,
    /// Whether its mail is among those of the day. Another try counts no second one.
    pub is_counted: bool,
    /// When its link or code was used.
    pub used_at: Option<DateTime<Utc>>,
}

/// The secrets of a granted attempt, and what they lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    link: TokenHash,
    /// `None`: it has only a link.
    code: Option<TokenHash>,
    grant: Grant,
}

/// The result of using a link or a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInUse {
    /// It is right: store this attempt, and then begin a session.
    Accepted(Box<SignInAttempt>, Grant),
    /// It is wrong; store this attempt, which counts the try.
    Wrong(Box<SignInAttempt>),
    /// It is right, but was used before, by this person: the same form was sent twice.
    UsedBefore(PersonId),
    /// The attempt is over: expired, out of tries, or used with another link or code.
    Over,
}

impl SignInAttempt {
    /// Begins an attempt of a browser.
    pub fn begin(browser: &Token, now: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::new_v4(),
            revision: 0,
            browser: Some(browser.hash()),
            expires_at: now + ATTEMPT_LIFETIME,
            tries_left: MAX_CODE_TRIES,
            granted: None,
            is_counted: false,
            used_at: None,
        }
    }

    /// Begins an attempt of the operator, for a link that the program itself shows.
    pub fn for_operator(link: &Token, now: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::new_v4(),
            revision: 0,
            browser: None,
            expires_at: now + ATTEMPT_LIFETIME,
            tries_left: 0,
            granted: Some(Granted {
                link: link.hash(),
                code: None,
                grant: Grant {
                    person: PersonId::console(),
                    families: Vec::new(),
                    is_operator: true,
                },
            }),
            is_counted: false,
            used_at: None,
        }
    }

    /// The attempt with a grant for this link and code; `None` if it has one already or is over.
    pub fn grant(
        &self,
        grant: Grant,
        link: &Token,
        code: &SignInCode,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        if self.granted.is_some() || self.is_over(now) {
            return None;
        }
        let granted = Granted {
            link: link.hash(),
            code: Some(code.hash(self.id.as_bytes())),
            grant,
        };
        let mut attempt = self.next();
        attempt.granted = Some(granted);
        attempt.is_counted = true;
        Some(attempt)
    }

    /// The attempt without the grant of `mailed`, whose mail was certainly not sent, so that another try can
    /// make new secrets; `None` if it has another grant by now, or none.
    pub fn withdraw_grant(&self, mailed: &Self) -> Option<Self> {
        if self.granted.is_none() || self.granted != mailed.granted {
            return None;
        }
        let mut attempt = self.next();
        attempt.granted = None;
        Some(attempt)
    }

    /// Uses the link. A wrong link isn't counted: nobody guesses 256 bits.
    pub fn use_link(&self, link: &Token, now: DateTime<Utc>) -> SignInUse {
        match &self.granted {
            Some(granted) if now < self.expires_at && granted.link == link.hash() => {
                self.accept(&granted.grant, now)
            }
            _ => SignInUse::Over,
        }
    }

    /// Tries a code from the browser that began the attempt.
    pub fn try_code(&self, browser: &Token, code: &SignInCode, now: DateTime<Utc>) -> SignInUse {
        let is_same_browser = self.browser.as_ref() == Some(&browser.hash());
        if !is_same_browser || now >= self.expires_at {
            return SignInUse::Over;
        }
        let hash = code.hash(self.id.as_bytes());
        let granted = self.granted.as_ref();
        let right = granted.filter(|granted| granted.code.as_ref() == Some(&hash));
        let (is_used, has_tries) = (self.used_at.is_some(), self.tries_left > 0);
        match right {
            Some(granted) if is_used || has_tries => self.accept(&granted.grant, now),
            Some(_) => SignInUse::Over,
            None if is_used || !has_tries => SignInUse::Over,
            None => {
                let mut attempt = self.next();
                attempt.tries_left -= 1;
                SignInUse::Wrong(Box::new(attempt))
            }
        }
    }

    fn accept(&self, grant: &Grant, now: DateTime<Utc>) -> SignInUse {
        if self.used_at.is_some() {
            return SignInUse::UsedBefore(grant.person.clone());
        }
        let mut attempt = self.next();
        attempt.used_at = Some(now);
        SignInUse::Accepted(Box::new(attempt), grant.clone())
    }

    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.used_at.is_some() || now >= self.expires_at
    }

    fn next(&self) -> Self {
        Self {
            revision: self.revision + 1,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Attempt {
        attempt: SignInAttempt,
        browser: Token,
        link: Token,
        code: SignInCode,
    }

    fn now() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn other_code(code: &SignInCode) -> SignInCode {
        let other = if code.secret_text() == "000000" {
            "000001"
        } else {
            "000000"
        };
        SignInCode::from_typed(other).unwrap()
    }

    fn granted() -> Attempt {
        let [browser, link] = [(); 2].map(|()| Token::generate().unwrap());
        let code = SignInCode::generate().unwrap();
        let grant = Grant {
            person: PersonId::console(),
            families: vec!["conrad".parse().unwrap()],
            is_operator: false,
        };
        let attempt = SignInAttempt::begin(&browser, now());
        let attempt = attempt.grant(grant, &link, &code, now()).unwrap();
        Attempt {
            attempt,
            browser,
            link,
            code,
        }
    }

    fn accepted(result: SignInUse) -> SignInAttempt {
        match result {
            SignInUse::Accepted(attempt, grant) => {
                assert_eq!(grant.families, ["conrad".parse().unwrap()]);
                *attempt
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn link_and_code_work_once_between_them() {
        let Attempt {
            attempt,
            browser,
            link,
            code,
        } = granted();
        let before = SignInUse::UsedBefore(PersonId::console());
        for used in [
            accepted(attempt.use_link(&link, now())),
            accepted(attempt.try_code(&browser, &code, now())),
        ] {
            assert_eq!(used.try_code(&browser, &code, now()), before);
            assert_eq!(used.use_link(&link, now()), before);
            // A browser with neither learns nothing.
            let (wrong, other) = (other_code(&code), Token::generate().unwrap());
            assert_eq!(used.try_code(&browser, &wrong, now()), SignInUse::Over);
            assert_eq!(used.try_code(&other, &code, now()), SignInUse::Over);
            assert_eq!(used.use_link(&other, now()), SignInUse::Over);
            let late = now() + ATTEMPT_LIFETIME;
            assert_eq!(used.try_code(&browser, &code, late), SignInUse::Over);
            assert_eq!(used.use_link(&link, late), SignInUse::Over);
        }
    }

    #[test]
    fn link_and_code_expire_after_fifteen_minutes() {
        let Attempt {
            attempt,
            browser,
            link,
            code,
        } = granted();
        let last = now() + ATTEMPT_LIFETIME - TimeDelta::milliseconds(1);
        accepted(attempt.use_link(&link, last));
        accepted(attempt.try_code(&browser, &code, last));
        let after = now() + TimeDelta::minutes(15);
        assert_eq!(attempt.use_link(&link, after), SignInUse::Over);
        assert_eq!(attempt.try_code(&browser, &code, after), SignInUse::Over);
    }

    #[test]
    fn code_works_only_in_its_browser_and_link_only_with_its_token() {
        let Attempt {
            attempt,
            link,
            code,
            ..
        } = granted();
        let other = Token::generate().unwrap();
        assert_eq!(attempt.try_code(&other, &code, now()), SignInUse::Over);
        assert_eq!(attempt.use_link(&other, now()), SignInUse::Over);
        assert_eq!(attempt.try_code(&link, &code, now()), SignInUse::Over);
    }

    #[test]
    fn right_code_after_five_wrong_ones_is_refused() {
        let Attempt {
            mut attempt,
            browser,
            code,
            ..
        } = granted();
        for _ in 0..MAX_CODE_TRIES {
            accepted(attempt.try_code(&browser, &code, now()));
            match attempt.try_code(&browser, &other_code(&code), now()) {
                SignInUse::Wrong(next) => attempt = *next,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(attempt.try_code(&browser, &code, now()), SignInUse::Over);
    }

    #[test]
    fn unknown_address_is_answered_as_a_wrong_code() {
        let browser = Token::generate().unwrap();
        let mut attempt = SignInAttempt::begin(&browser, now());
        let code = SignInCode::generate().unwrap();
        for _ in 0..MAX_CODE_TRIES {
            match attempt.try_code(&browser, &code, now()) {
                SignInUse::Wrong(next) => attempt = *next,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(attempt.try_code(&browser, &code, now()), SignInUse::Over);
    }

    #[test]
    fn code_is_stored_as_a_hash_that_differs_between_attempts() {
        let browser = Token::generate().unwrap();
        let code = SignInCode::from_typed("123456").unwrap();
        let [one, other] = [(); 2].map(|()| {
            let attempt = SignInAttempt::begin(&browser, now());
            code.hash(attempt.id.as_bytes()).to_string()
        });
        assert_ne!(one, other);
    }

    #[test]
    fn expired_attempt_is_granted_nothing() {
        let Granted { grant, .. } = granted().attempt.granted.unwrap();
        let [browser, link] = [(); 2].map(|()| Token::generate().unwrap());
        let code = SignInCode::generate().unwrap();
        let attempt = SignInAttempt::begin(&browser, now());
        let after = now() + ATTEMPT_LIFETIME;
        assert_eq!(attempt.grant(grant, &link, &code, after), None);
    }

    #[test]
    fn only_the_grant_of_the_unsent_mail_is_withdrawn() {
        let Attempt { attempt, link, .. } = granted();
        let without = attempt.withdraw_grant(&attempt).unwrap();
        assert_eq!(without.use_link(&link, now()), SignInUse::Over);
        assert!(without.is_counted);
        assert_eq!(without.withdraw_grant(&attempt), None);
        let grant = attempt.granted.clone().unwrap().grant;
        let (other, code) = (Token::generate().unwrap(), SignInCode::generate().unwrap());
        let again = without.grant(grant, &other, &code, now()).unwrap();
        assert_eq!(again.withdraw_grant(&attempt), None);
        assert_eq!(again.use_link(&link, now()), SignInUse::Over);
        accepted(again.use_link(&other, now()));
    }

    #[test]
    fn attempt_is_granted_once() {
        let Attempt {
            attempt,
            link,
            code,
            ..
        } = granted();
        let grant = attempt.granted.clone().unwrap().grant;
        assert_eq!(attempt.grant(grant, &link, &code, now()), None);
    }
}
