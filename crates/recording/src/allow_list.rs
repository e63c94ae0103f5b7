//! Names that a recording keeps, because they are common or readers need them.
//!
//! Any other name may contain a person's data.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Common words in names of classes, ids, fields, keys and parameters, in lower case.
const COMMON_WORDS: &str = "
    a abbr access account accounts accordion accrued action actions active add address admin advanced alert alerts all
    api app arg area aria art article articles as asc at attempt auth authenticity author authors autocomplete availability
    available avatar back background badge balance banner bar barcode base basket basketcount batch bc bib biblio biblionumber bibs
    bindings bk block blocked body book border bornum borrower borrowernumber borrowing bottom box branch branches branchcode
    brief browse browser btn button by call callnumber cancel cancelled caption captcha card cardnumber cards cart cas
    cat catalog catalogue category cdn cell center cgi cgisessid challenge change charge charges check checkbox checked checkedout checkin checkout
    checkouts checkoutsline checkoutslist checkoutst children chunk class clear click client close code col collapse collapsed col collection
    color column columns coming commit component config confirm container content contents context control controls
    cookie copies core count counter counts cover covers create credit credits csrf css cud cur currency current currenturl custom
    data date dateformat dates day days default delete desc description design desktop destination detail details dialog
    digital dir disabled dismiss display div docid down dropdown due duedate ebook edit email empty enabled end entities entry
    env error errors event events exec execution exp expanded expired expires expiry external facet failure false fee fees field fields
    fieldset file files filter filters fine fines finestable first flag flags flow fm fname focus following font footer for form format formids
    formats found freeze from full func func get global go grid group groups hash has head header headers heading
    height held help hidden hide hint history hold holds holdsline holdslist holdst home host href html ice icon id ids if iii image
    images img in index info init inline inner input invalid is isbn iso item itemlevel items js json jsession jsessionid key
    koha label labelledby lang language librarycheckouts libraryholds languages last layout left lib library limit limits line link links list listbox lists load
    loading loan loans loc local locale localization location locations lock locked log logged login logo logout lt main
    material max md media mega menu menus message messages meta metadata method min mine mobile modal mode module more
    my myholds mycheckouts mylist name names nav navbar navigation new next no none not note notes notesaved notice notices number
    numbers o object of off offset og old on once op opac open operation operative option options or order org other out over overdrive overdue overdues
    overduest owner page pager pages pagination panel param parent parts pass password pat path patron patroninfo pay payment phone
    physical pick pickup pin place placeholder plus popup portal position post prefix preferences present prev preview price
    primary print privacy profile progress props query queue radio rank rating react read ready recall recalls record recordedbooks records
    redirect ref refresh relative relevance reload remaining remember remove renew renewal renewals renewed request
    requests required reserve reserveid reset response responsive result results resume return returned reviews right role root row
    rows rs save scope screen script scroll sd sdcsrf search searcharg searchscope searchtype searchtool secondary section select selected
    series service services session set settings shelf shelves shibboleth show sid sidebar sign site sites size skin skip slide small
    sort source spacing span spinner sr sso standard start state static status step store strong style sub subject submit submitted
    subtitle suggestions suite sum summaries summary support suspend suspended suspenduntil svc switch system tab table tables tabname tabs tag target
    task technical template terms test text the theme this ticket time timed times timestamp title titles to today toggle
    token tool tools top total totals transit tree trigger true type types ui unsuspend until up update url user
    userdetails userid username users utf util v val valid value version vertical video view views visible visually volume waiting wait warn
    warndeparture warnexpired warning web webpac widget width with wrap wrapper www x xs y year yes yet zone zones
    ugc nerf
    being circ claims expiration length placed privilege seen standing unseen
    blockedonfines cancelrecall closed divibib divibibcheckouts divibibcheckoutst maintenance patronconsents pause play stack
    useraccount lastpickupdate green
    abel autor borrow borrows borrowline datagrid extendable faellig gruppe konto kontomeldung kontotitelzeile kontozeile loaned
    mature mediagroup mediengruppe mediennr medium nr ordered prolongation renew requested reservation reservations titel";

/// The elements of HTML and SVG.
const ELEMENTS: &str = "
    a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink blockquote body br button
    canvas caption center circle cite clippath code col colgroup data datalist dd defs del desc details dfn dialog dir div dl dt
    ellipse em embed fieldset figcaption figure filter font footer form frame frameset g h1 h2 h3 h4 h5 h6 head header hgroup hr
    html i iframe image img input ins kbd label legend li line lineargradient link main map mark marquee mask math menu meta
    metadata meter nav nobr noembed noframes noscript object ol optgroup option output p param path pattern picture plaintext
    polygon polyline pre progress q radialgradient rb rect rp rt rtc ruby s samp script search section select slot small
    source span stop strike strong style sub summary sup svg symbol table tbody td template text textarea tfoot th thead
    time title tr track tspan tt u ul use var video wbr xmp";

/// Common attributes, apart from those that begin with `data-`, `aria-` and `on`.
const ATTRIBUTES: &str = "
    abbr accept accept-charset accesskey action align alink allow allowfullscreen alt as async autocapitalize autocomplete
    autocorrect autofocus autoplay background bgcolor border cellpadding cellspacing char charoff charset checked cite class
    clear clip-path clip-rule color cols colspan compact content contenteditable controls coords crossorigin cx cy d
    datetime decoding default defer dir dirname disabled download draggable enctype enterkeyhint face fetchpriority fill
    fill-opacity fill-rule focusable for form formaction formenctype formmethod formnovalidate formtarget frame frameborder
    headers height hidden high href hreflang hspace http-equiv id imagesizes imagesrcset inert inputmode integrity is
    ismap itemid itemprop itemref itemscope itemtype kind label lang language link list loading longdesc loop low
    marginheight marginwidth max maxlength media method min minlength multiple muted name nohref nomodule nonce noresize
    noshade novalidate nowrap offset opacity open optimum pattern ping placeholder playsinline points popover poster
    preload preserveaspectratio prefix profile property prompt r readonly referrerpolicy rel required rev reversed role rowspan rows
    rules rx ry sandbox scheme scope scrolling selected shape size sizes slot span spellcheck src srcdoc srclang srcset
    standby start step stroke stroke-linecap stroke-linejoin stroke-width style summary tabindex target text title
    transform translate type typeof usemap valign value version viewbox vlink vocab vspace width wrap x x1 x2 xlink:href xml:lang
    xml:space xmlns xmlns:og xmlns:xlink y y1 y2 zoneid testid test_id sorttable_customkey";

/// The events of event attributes, without `on`.
const EVENTS: &str = "
    abort beforeunload blur change click close contextmenu dblclick drag drop error focus focusin focusout hashchange input
    invalid keydown keypress keyup load message mousedown mousemove mouseout mouseover mouseup paste popstate reset resize
    scroll select submit toggle touchend touchstart unload wheel";

/// Common headers of requests and answers.
const HEADERS: &str = "
    accept accept-ch accept-encoding accept-language accept-ranges access-control-allow-credentials
    access-control-allow-headers access-control-allow-methods access-control-allow-origin age allow alt-svc authorization
    cache-control cf-cache-status cf-ray clear-site-data content-disposition content-language content-location
    content-security-policy content-security-policy-report-only content-type cross-origin-embedder-policy
    cross-origin-opener-policy cross-origin-resource-policy date etag expect-ct expires feature-policy host keep-alive
    last-modified link location nel origin p3p permissions-policy pragma priority referer referrer-policy refresh report-to
    retry-after sdcsrf sec-fetch-dest sec-fetch-mode sec-fetch-site server server-timing status strict-transport-security
    te timing-allow-origin trailer upgrade upgrade-insecure-requests user-agent vary via warning www-authenticate
    x-amz-cf-id x-amz-cf-pop x-amzn-trace-id x-cache x-content-type-options x-csrf-token x-dns-prefetch-control
    x-download-options x-forwarded-for x-frame-options x-permitted-cross-domain-policies x-powered-by x-ratelimit-limit
    x-ratelimit-remaining x-request-id x-requested-with x-robots-tag x-runtime x-ua-compatible x-varnish x-xss-protection";

/// The cookies of the systems, and of proxies and trackers.
const COOKIES: &str = "
    session sessionid session_id sid jsessionid phpsessid cgisessid kohaopaclanguage opac_search_path bib_list
    iii_session_id iii_expt_file iii_encore_patron session_language session_scope scope casticketgrantingcookie castgc tgc
    castgt session_token bc_access_token bc_session _bc_session _live_bcui_session_id _live_bcui_session bc_auth bc_web_id
    nerf_bib_page sdcsrf sdlogin sd_session srv sirsi enterprise awsalb awsalbcors awselb __cf_bm __cfduid cf_clearance
    _ga _gid lang language locale csrf csrftoken csrf_token xsrf-token authenticity_token remember remember_me route
    bigipserver visid_incap incap_ses nlbi";

/// The last words of keys whose numbers are harmless: counts, sums and the like.
const COUNTS: &str = "
    amount balance copies count counts credits fines limit offset operative owed page pages position rank remaining renewals
    length renewed size total totals physical digital accrued status width height";

static COMMON_WORD_SET: LazyLock<HashSet<&str>> =
    LazyLock::new(|| COMMON_WORDS.split_whitespace().collect());
static ELEMENT_SET: LazyLock<HashSet<&str>> =
    LazyLock::new(|| ELEMENTS.split_whitespace().collect());
static ATTRIBUTE_SET: LazyLock<HashSet<&str>> =
    LazyLock::new(|| ATTRIBUTES.split_whitespace().collect());
static EVENT_SET: LazyLock<HashSet<&str>> = LazyLock::new(|| EVENTS.split_whitespace().collect());
static HEADER_SET: LazyLock<HashSet<&str>> = LazyLock::new(|| HEADERS.split_whitespace().collect());
static COOKIE_SET: LazyLock<HashSet<&str>> = LazyLock::new(|| COOKIES.split_whitespace().collect());
static COUNT_SET: LazyLock<HashSet<&str>> = LazyLock::new(|| COUNTS.split_whitespace().collect());

/// Whether a word is common in names.
pub(super) fn is_common_word(word: &str) -> bool {
    COMMON_WORD_SET.contains(word.to_ascii_lowercase().as_str())
}

/// Whether a name consists of common words and numbers of up to two digits.
pub(super) fn is_name(name: &str) -> bool {
    let mut has_word = false;
    let all = words(name).all(|word| {
        let is_number = word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
        has_word |= !is_number;
        is_number || is_common_word(word)
    });
    all && has_word && name.is_ascii() && !name.contains(char::is_whitespace)
}

/// The words of a name: `patFuncTitle` has three, `READY_FOR_PICKUP` too, `currentURL2` has two and a number.
pub(super) fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_alphanumeric())
        .flat_map(camel_case_words)
        .filter(|word| !word.is_empty())
}

fn camel_case_words(piece: &str) -> Vec<&str> {
    let characters: Vec<(usize, char)> = piece.char_indices().collect();
    let mut found = Vec::new();
    let mut start = 0;
    for (place, (at, character)) in characters.iter().enumerate().skip(1) {
        let before = characters.get(place - 1).map_or(' ', |(_, c)| *c);
        let after = characters.get(place + 1).map(|(_, c)| *c);
        let is_start = character.is_uppercase()
            && (!before.is_uppercase() || after.is_some_and(char::is_lowercase));
        if is_start || character.is_numeric() != before.is_numeric() {
            found.extend(piece.get(start..*at));
            start = *at;
        }
    }
    found.extend(piece.get(start..));
    found
}

/// Whether this is an element's name.
pub(super) fn is_element(name: &str) -> bool {
    ELEMENT_SET.contains(name.to_ascii_lowercase().as_str())
}

/// Whether this is a common attribute, or one that readers use.
pub(super) fn is_attribute(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ATTRIBUTE_SET.contains(name.as_str())
        || name.strip_prefix("data-").is_some_and(is_name)
        || name.strip_prefix("aria-").is_some_and(is_name)
        || name
            .strip_prefix("on")
            .is_some_and(|event| EVENT_SET.contains(event))
}

/// Whether this is a common header.
pub(super) fn is_header(name: &str) -> bool {
    HEADER_SET.contains(name.to_ascii_lowercase().as_str())
}

/// Whether this is a known cookie.
pub(super) fn is_cookie(name: &str) -> bool {
    COOKIE_SET.contains(name.to_ascii_lowercase().as_str())
}

/// Whether the numbers of this key are counts or sums.
pub(super) fn is_count_key(key: &str) -> bool {
    words(key)
        .last()
        .is_some_and(|last| COUNT_SET.contains(last.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("patFuncTitle", "pat Func Title")]
    #[case("READY_FOR_PICKUP", "READY FOR PICKUP")]
    #[case("currentURL2", "current URL 2")]
    #[case("HTMLPage", "HTML Page")]
    #[case("a--b..c", "a b c")]
    #[case("", "")]
    fn name_is_split_into_words(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(words(name).collect::<Vec<_>>().join(" "), expected);
    }

    #[rstest]
    #[case("data-iso-key", true)]
    #[case("aria-labelledby", true)]
    #[case("onclick", true)]
    #[case("CLASS", true)]
    #[case("data-okafor", false)]
    #[case("okafor", false)]
    #[case("onokafor", false)]
    #[case("tiger\"\"", false)]
    fn common_attributes_are_known(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(is_attribute(name), expected);
    }

    #[rstest]
    #[case("opac-user-checkouts_panel", true)]
    #[case("hold[The Tiger]", false)]
    #[case("12", false)]
    #[case("Okafor", false)]
    fn name_is_known_if_all_its_words_are(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(is_name(name), expected);
    }

    #[rstest]
    #[case("totalFines", true)]
    #[case("timesRenewed", true)]
    #[case("lat", false)]
    #[case("age", false)]
    #[case("", false)]
    fn count_keys_are_known(#[case] key: &str, #[case] expected: bool) {
        assert_eq!(is_count_key(key), expected);
    }
}
