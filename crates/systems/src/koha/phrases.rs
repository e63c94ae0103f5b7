//! The words by which Koha's pages are read, in its languages, and the phrases that a recording for a bug report keeps.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Script, StemIn, Whole};

use crate::list_reader::Stems;

/// Stems of words that mark an amount as a credit. Koha prints debts and credits in the same
/// place and without a sign; only the word differs.
pub(super) const CREDITS: Stems = Stems(
    "credit, crédit, crèdit, guthaben, gutschrift, tegoed, kredit, tillgod, tilgod, hyvity, saldo a favor, többlet, \
     stanje na vašem računu, \
     přeplat, nadpłat, alacak, jóváír, кредит, переплат, πίστωσ, رصيد, 信用, クレジット, 크레딧",
);

/// Stems of words that mark an amount as a debt.
pub(super) const CHARGES: Stems = Stems(
    "fine, charge, fee, gebühr, mahn, amende, frais, multa, multe, cargo, sanci, usted debe, actualmente debe, adeud, deuda, dívida, \
     boete, kosten, avgift, gebyr, bøde, maksu, poplat, opłat, addebit, ceza, ücret, bírság, díj, штраф, задолж, \
     πρόστιμ, χρεώσ, غرام, رسوم, 罚, 罰, 费用, 費用, zadłuż, należno, dugov, dužni, zadužen, ŝuld, gjob, detyrim, \
     جریمه, بدهی, जुर्मान, शुल्क, 벌금, տուգանք, kötelezett, datora, amenzi",
);

/// “Suspended” in Koha's languages, for sites that have no buttons for it and name no day.
pub(super) const SUSPENDED: Stems = Stems(
    "suspen, sospes, ausgesetzt, angehalten, pausiert, opgeschort, pausad, keskeyt, pozastav, zawiesz, felfügg, \
     приостанов, αναστολ, askıya, معلق, 暂停, 暫停, 停止",
);

/// The beginnings of “pending” in the older templates, which say so of a request that nothing was found for.
pub(super) const PENDING: Stems = Stems("pending, ausstehend, en attente, pendiente, in attesa");

/// “Ready for pickup” of a recall, which is recognised only by its words.
pub(super) const READY_RECALLS: Stems = Stems("ready for pick, abhol, prêt, disponible");

/// The same refusals as words in Koha's languages. They are no reason, because the notice says the same.
pub(super) const BARE_REFUSALS: Stems = Stems(
    "not renewable, no longer renewable, renewal not allowed, nicht verlängerbar, nicht mehr verlängerbar, non \
     renouvelable, no renovable, non rinnovabile",
);

/// Older pages' words for an automatic renewal.
pub(super) const AUTOMATIC_RENEWALS: Stems = Stems(
    "automatic renewal, automatische verlängerung, renouvellement automatique, renovación automática, rinnovo \
     automatico, automatisk fornyelse",
);

/// Words that offer a renewal. Without the link or box of an offer, they state nothing.
pub(super) const OFFERS: Stems =
    Stems("renew, verlängern, renouveler, renovar, rinnova, rinnovare");

/// The stems of “password” in Koha's languages: every refusal names it.
pub(super) const PASSWORDS: Stems = Stems(
    "passwor, passord, kennwort, mot de passe, contraseñ, contrasen, contrasin, senha, palavra-passe, wachtwoord, \
     lösenord, adgangskode, kodeord, salasana, heslo, hesla, hasło, hasła, jelsz, şifre, parol, lozink, κωδικ, \
     парол, סיסמ, كلمة, 密码, 密碼, パスワード, 비밀번호",
);

/// The tabs. The first row is of lists and fines; the fourth is of the digital loans of the service that German libraries
/// share.
pub(super) const TABS: Stems = Stems(
    "checkouts, holds, fines, divibibcheckouts, closed-stack-requests, recalls, \
     overdues, relative-issues, relative-fines, clubs, bookings, article-requests, overdrive, recordedbooks, \
     cloudlibrary, curbside-pickups, waiting",
);

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
const BUTTONS: Stems = Stems("cud-suspend, cud-unsuspend, cud-renew, cud-login, cud-cancel");

pub(super) const ADDRESSES: [&str; 3] = [
    "cgi-bin/koha/opac-user.pl/opac-detail/opac-account/opac-renew/opac-recall/svc",
    "opac-modrequest/opac-modrequest-suspend/opac-reserve/opac-readingrecord",
    "opac-main/opac-search/opac-auth/opac-memberentry/opac-passwd",
];

/// What a page's script has beside the site's date format.
const IN_SCRIPTS: Stems =
    Stems("Y-m-d, d/m/Y, m/d/Y, d.m.Y, logout.x, setDefaults, flatpickr, datepicker");

/// The phrases that no description has. Stems of words that tell a debt from a credit or mark a suspended hold are kept
/// only where the readers look for them, because a name may begin with one.
pub(super) static OTHER_PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let of_fines = CREDITS.iter().chain(CHARGES.iter());
    let of_fines = of_fines.map(|stem| StemIn(stem, FINES_PLACES));
    let of_holds = SUSPENDED.iter().chain(READY_RECALLS.iter());
    let of_holds = of_holds.map(|stem| StemIn(stem, HOLDS_PLACES));
    let of_buttons = BUTTONS.iter().map(Whole);
    let of_scripts = IN_SCRIPTS.iter().map(Script);
    let phrases = of_fines.chain(of_holds).chain(of_buttons);
    phrases.chain(of_scripts).collect()
});
