//! The words by which Koha's pages are read, in its languages, and the phrases that a recording for a bug report keeps.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Beginning, Script, StemIn, Whole};

/// Words or stems in lower case, with commas between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words(&'static str);

impl Words {
    pub(super) const fn new(words: &'static str) -> Self {
        Self(words)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'static str> {
        self.0.split(", ")
    }

    /// Whether a text has one of them, perhaps within a word.
    pub(super) fn are_in(self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.iter().any(|words| text.contains(words))
    }

    /// Whether a text begins with one of them.
    pub(super) fn begin(self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.iter().any(|words| text.starts_with(words))
    }

    /// Whether a text is one of them.
    pub(super) fn have(self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.iter().any(|words| text == words)
    }
}

/// Stems of words that mark an amount as a credit. Koha prints debts and credits in the same
/// place and without a sign; only the word differs.
pub(super) const CREDITS: Words = Words(
    "credit, crédit, crèdit, guthaben, gutschrift, tegoed, kredit, tillgod, tilgod, hyvity, saldo a favor, \
     přeplat, nadpłat, alacak, jóváír, кредит, переплат, πίστωσ, رصيد, 信用, クレジット, 크레딧",
);

/// Stems of words that mark an amount as a debt.
pub(super) const CHARGES: Words = Words(
    "fine, charge, fee, gebühr, mahn, amende, frais, multa, multe, cargo, sanci, debe, adeud, deuda, dívida, \
     boete, kosten, avgift, gebyr, bøde, maksu, poplat, opłat, addebit, ceza, ücret, bírság, díj, штраф, задолж, \
     πρόστιμ, χρεώσ, غرام, رسوم, 罚, 罰, 费用, 費用, zadłuż, należno, dugov, dužni, zadužen, ŝuld, gjob, detyrim, \
     جریمه, بدهی, जुर्मान, शुल्क, 벌금, տուգանք",
);

/// “Suspended” in Koha's languages, for sites that have no buttons for it and name no day.
pub(super) const SUSPENDED: Words = Words(
    "suspen, sospes, ausgesetzt, angehalten, pausiert, opgeschort, pausad, keskeyt, pozastav, zawiesz, felfügg, \
     приостанов, αναστολ, askıya, معلق, 暂停, 暫停, 停止",
);

/// The beginnings of “pending” in the older templates, which say so of a request that nothing was found for.
pub(super) const PENDING: Words = Words("pending, ausstehend, en attente, pendiente, in attesa");

/// “Ready for pickup” of a recall, which is recognised only by its words.
pub(super) const RECALL_READY: Words = Words("ready for pick, abhol, prêt, disponible");

/// The same refusals as words in Koha's languages. They are no reason, because the notice says the same.
pub(super) const BARE_REFUSALS: Words = Words(
    "not renewable, no longer renewable, renewal not allowed, nicht verlängerbar, nicht mehr verlängerbar, non \
     renouvelable, no renovable, non rinnovabile",
);

/// Older pages' words for an automatic renewal.
pub(super) const AUTOMATIC_RENEWALS: Words = Words(
    "automatic renewal, automatische verlängerung, renouvellement automatique, renovación automática, rinnovo \
     automatico, automatisk fornyelse",
);

/// Words that offer a renewal. Without the link or box of an offer, they state nothing.
pub(super) const OFFERS: Words =
    Words("renew, verlängern, renouveler, renovar, rinnova, rinnovare");

/// The stems of “password” in Koha's languages: every refusal names it.
pub(super) const PASSWORDS: Words = Words(
    "passwor, passord, kennwort, mot de passe, contraseñ, contrasen, contrasin, senha, palavra-passe, wachtwoord, \
     lösenord, adgangskode, kodeord, salasana, heslo, hesla, hasło, hasła, jelsz, şifre, parol, lozink, κωδικ, \
     парол, סיסמ, كلمة, 密码, 密碼, パスワード, 비밀번호",
);

/// The beginnings of the words above a column, in the languages of the templates before 2012.
pub(super) const DUE: Words = Words("due, date due, fällig, date de retour, vence, scadenza");
pub(super) const RENEW: Words = Words("renew, verlänger, renouvel, renov, rinnov");
pub(super) const BARCODE: Words =
    Words("barcode, strichcode, code à barres, código de barras, codice a barre");
pub(super) const EXPIRES: Words = Words("expires, läuft ab, expire le, caduca, scade");
pub(super) const BRANCH: Words =
    Words("pick up, pickup, pick-up, abholort, lieu de retrait, lugar de recogida, ritiro");
pub(super) const PRIORITY: Words = Words("priority, priorität, priorité, prioridad, priorità");
pub(super) const STATUS: Words = Words("status, statut, estado, stato");

/// The tab of the fines, older and newer, and its panel.
const FINES_PLACES: &[&str] = &[
    "opac-user-fines",
    "opac-user-fines_panel",
    "#opac-user-fines",
    "#opac-user-fines_panel",
];

/// The element with a hold's status.
const HOLDS_PLACES: &[&str] = &["status"];

/// The values of buttons.
const BUTTONS: Words = Words("cud-suspend, cud-unsuspend, cud-renew, cud-login, cud-cancel");

pub(super) const ADDRESSES: [&str; 3] = [
    "cgi-bin/koha/opac-user.pl/opac-detail/opac-account/opac-renew/opac-recall/svc",
    "opac-modrequest/opac-modrequest-suspend/opac-reserve/opac-readingrecord",
    "opac-main/opac-search/opac-auth/opac-memberentry/opac-passwd",
];

/// What a page's script has to state the site's date format, and beside it.
const IN_SCRIPTS: Words = Words(
    "dateformat_pref, dformat, dateFormat, us, metric, dmydot, iso, mm/dd/yy, dd/mm/yy, dd.mm.yy, yy-mm-dd, \
     Y-m-d, d/m/Y, m/d/Y, d.m.Y, logout.x, setDefaults, flatpickr, datepicker",
);

/// The words above the columns of older tables, and in them.
const OF_OLDER_TABLES: [Words; 8] = [
    DUE, RENEW, BARCODE, EXPIRES, BRANCH, PRIORITY, STATUS, PENDING,
];

/// The phrases that no description has. Stems of words that tell a debt from a credit or mark a suspended hold are kept only where the
/// readers look for them, because a name may begin with one.
pub(super) static OTHER_PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let all = |lists: &'static [Words]| lists.iter().flat_map(|words| words.iter());
    let mut phrases = Vec::new();
    phrases.extend(all(&[BUTTONS, BARE_REFUSALS, AUTOMATIC_RENEWALS]).map(Whole));
    phrases.extend(all(&[CREDITS, CHARGES]).map(|stem| StemIn(stem, FINES_PLACES)));
    phrases.extend(all(&[SUSPENDED, RECALL_READY]).map(|stem| StemIn(stem, HOLDS_PLACES)));
    phrases.extend(all(&OF_OLDER_TABLES).map(Beginning));
    phrases.extend(IN_SCRIPTS.iter().map(Script));
    phrases
});
