//! A router over the store in memory, with two families, and browsers that keep cookies.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::account::Account;
use hippo_core::card::Card;
use hippo_core::clock::Clock;
use hippo_core::mail::{Mail, Mailer, SendOutcome};
use hippo_core::message::{MessagePorts, MessageRequest, send_message};
use hippo_core::queue::{MessageQueue, QueueError};
use hippo_core::run::JobName;
use hippo_core::schedule::Schedule;
use hippo_core::sign_in::IdentityProvider;
use hippo_core::store::{
    CheckStore as _, DeclaredScheduleStore as _, FamilyStore as _, LibraryStore as _,
};
use hippo_core::testing::contract::sample::{self, TestKeys};
use hippo_core::testing::memory::MemoryStore;
use hippo_web::{
    PeerAddress, StartJob, StartJobError, StartRequest, WebPorts, WebSettings,
    create_operator_link, router,
};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

pub const PUBLIC_URL: &str = "https://hippo.example.org";
pub const HOST_NAME: &str = "hippo.example.org";

/// A recipient of the family `conrad`.
pub const PAT: &str = "pat@example.org";
/// A recipient of the family `lee`.
pub const KIM: &str = "kim@example.org";
/// A recipient of both families.
pub const BOTH: &str = "both@example.org";
/// The operator.
pub const OPERATOR: &str = "operator@example.org";

/// A clock that a test moves.
pub struct TestClock(Mutex<DateTime<Utc>>);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, _: Duration) {}
}

/// Keeps the mails.
#[derive(Default)]
struct TestMailer(Mutex<Vec<Mail>>);

#[async_trait]
impl Mailer for TestMailer {
    async fn send(&self, mail: &Mail) -> SendOutcome {
        self.0.lock().unwrap().push(mail.clone());
        SendOutcome::Accepted {
            message_id: "id".to_owned(),
            refused_recipients: Vec::new(),
        }
    }
}

/// Counts the requests, and sends their mails at once.
struct TestQueue {
    store: Arc<MemoryStore>,
    clock: Arc<TestClock>,
    mailer: TestMailer,
    requests: Mutex<usize>,
    /// How many more requests it refuses.
    refusals: Mutex<usize>,
}

#[async_trait]
impl MessageQueue for TestQueue {
    async fn send(&self, request: MessageRequest) -> Result<(), QueueError> {
        {
            let mut refusals = self.refusals.lock().unwrap();
            if *refusals > 0 {
                *refusals -= 1;
                return Err(QueueError {
                    unsent: 1,
                    asked: 1,
                    reason: "it’s full".to_owned(),
                });
            }
        }
        *self.requests.lock().unwrap() += 1;
        let ports = MessagePorts {
            sign_ins: &*self.store,
            families: &*self.store,
            cards: &*self.store,
            libraries: &*self.store,
            invitations: &*self.store,
            alerts: &*self.store,
            mailer: &self.mailer,
            clock: &*self.clock,
            operators: &[OPERATOR.parse().unwrap()],
            public_url: &PUBLIC_URL.parse().unwrap(),
            operator_contact: None,
        };
        send_message(&ports, &request).await.unwrap();
        Ok(())
    }
}

/// Keeps the requests to start a job; the same one is refused the second time, and every one while it's broken.
#[derive(Default)]
pub struct TestJobs(pub Mutex<Vec<StartRequest>>, pub AtomicBool);

#[async_trait]
impl StartJob for TestJobs {
    async fn start_job(&self, request: &StartRequest) -> Result<(), StartJobError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(StartJobError::CannotStart("canary-reason".to_owned()));
        }
        let mut started = self.0.lock().unwrap();
        if started.contains(request) {
            return Err(StartJobError::StillRunning);
        }
        started.push(request.clone());
        Ok(())
    }
}

/// The pages, with the families `conrad` and `lee` and a card of each.
pub struct TestWeb {
    pub router: Router,
    pub store: Arc<MemoryStore>,
    clock: Arc<TestClock>,
    queue: Arc<TestQueue>,
    /// The runs that were started.
    pub jobs: Arc<TestJobs>,
    /// The keys that seal numbers and PINs.
    pub keys: Arc<TestKeys>,
    ports: WebPorts,
    /// The card of `conrad`.
    pub card: Card,
    /// The card of `lee`.
    pub other_card: Card,
}

/// A response, read to its end.
#[derive(Debug)]
pub struct TestResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl TestResponse {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where it redirects to.
    pub fn location(&self) -> &str {
        self.header("location").unwrap_or_default()
    }

    /// The value of a form's hidden field.
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self
            .body
            .split_once(&start)
            .unwrap_or_else(|| panic!("no {name}: {}", self.body));
        rest.split('"').next().unwrap().to_owned()
    }

    /// The hidden fields of the first form with this action, and with this one among them.
    pub fn hidden_fields(&self, action: &str, with: Option<(&str, &str)>) -> Vec<(String, String)> {
        let start = format!("action=\"{action}\"");
        let forms = self.body.split(&start).skip(1).map(|form| {
            let (form, _) = form.split_once("</form>").unwrap();
            let fields = form.split("<input type=\"hidden\" name=\"").skip(1);
            let field = |field: &str| {
                let (name, rest) = field.split_once("\" value=\"").unwrap();
                (name.to_owned(), rest.split('"').next().unwrap().to_owned())
            };
            fields.map(field).collect::<Vec<_>>()
        });
        let mut matching = forms.filter(|fields| {
            with.is_none_or(|(name, value)| {
                fields
                    .iter()
                    .any(|field| field.0 == name && field.1 == value)
            })
        });
        matching
            .next()
            .unwrap_or_else(|| panic!("no {action}: {}", self.body))
    }
}

impl TestWeb {
    pub async fn new() -> Self {
        Self::at(PUBLIC_URL).await
    }

    /// The pages at another address.
    pub async fn at(public_url: &str) -> Self {
        let store = Arc::new(MemoryStore::default());
        store.add_library(&sample::library("wpl")).await.unwrap();
        for (id, recipient) in [("conrad", PAT), ("lee", KIM)] {
            let mut family = sample::family(id);
            family.name = format!("The {id}s");
            family.recipients = vec![recipient.parse().unwrap(), BOTH.parse().unwrap()];
            store.add_family(&family).await.unwrap();
        }
        let card = sample::add_card(&*store, sample::card("conrad", "wpl", "f1")).await;
        let other_card = sample::add_card(&*store, sample::card("lee", "wpl", "f2")).await;
        let clock = Arc::new(TestClock(Mutex::new(sample::time("17:00:00"))));
        let queue = Arc::new(TestQueue {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            mailer: TestMailer::default(),
            requests: Mutex::default(),
            refusals: Mutex::default(),
        });
        let jobs = Arc::new(TestJobs::default());
        let keys = Arc::new(TestKeys::generate());
        let ports = WebPorts {
            store: Arc::<MemoryStore>::clone(&store),
            messages: Arc::<TestQueue>::clone(&queue),
            jobs: Some(Arc::<TestJobs>::clone(&jobs)),
            keys: Arc::<TestKeys>::clone(&keys),
            identity_provider: None,
            clock: Arc::<TestClock>::clone(&clock),
            settings: Arc::new(WebSettings {
                public_url: public_url.parse().unwrap(),
                operators: vec![OPERATOR.parse().unwrap()],
                contact: Some(OPERATOR.to_owned()),
                timezone: chrono_tz::America::Toronto,
                operator_name: "ana".to_owned(),
            }),
        };
        Self {
            router: router(ports.clone()),
            store,
            clock,
            queue,
            jobs,
            keys,
            ports,
            card,
            other_card,
        }
    }

    /// The same pages with an identity provider.
    pub fn with_identity_provider(mut self, provider: Arc<dyn IdentityProvider>) -> Self {
        self.ports.identity_provider = Some(provider);
        self.router = router(self.ports.clone());
        self
    }

    /// Saves a job's declared schedules.
    pub async fn save_schedules(&self, job: JobName, schedules: &[Schedule]) {
        let saving = self.store.save_schedules(job, schedules, self.clock.now());
        saving.await.unwrap();
    }

    /// Stores a successful check of a card.
    pub async fn save_account(&self, card: &Card, account: Account) {
        let check = sample::check(card, "16:00:00", Ok(account));
        self.store.save_check(&check).await.unwrap();
    }

    /// Moves the clock on.
    pub fn wait(&self, time: TimeDelta) {
        *self.clock.0.lock().unwrap() += time;
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// How many sign-in mails were asked for.
    pub fn requests(&self) -> usize {
        *self.queue.requests.lock().unwrap()
    }

    /// Lets the queue refuse so many requests.
    pub fn refuse_messages(&self, count: usize) {
        *self.queue.refusals.lock().unwrap() = count;
    }

    /// Lets no run start, or all of them again.
    pub fn break_jobs(&self, is_broken: bool) {
        self.jobs.1.store(is_broken, Ordering::Relaxed);
    }

    /// The sent mails.
    pub fn mails(&self) -> Vec<Mail> {
        self.queue.mailer.0.lock().unwrap().clone()
    }

    /// The path of the link in the newest mail.
    pub fn mailed_link(&self) -> String {
        let mail = self.mails().pop().unwrap();
        let (_, link) = mail.text.split_once(PUBLIC_URL).unwrap();
        link.split_whitespace().next().unwrap().to_owned()
    }

    /// The code in the newest mail.
    pub fn mailed_code(&self) -> String {
        let mail = self.mails().pop().unwrap();
        let (_, code) = mail.text.split_once("asked for it:").unwrap();
        code.split_whitespace().take(2).collect()
    }

    /// The path of a new link of the operator.
    pub async fn operator_link(&self) -> String {
        let link = create_operator_link(
            &*self.ports.store,
            &self.ports.settings.public_url,
            self.clock.now(),
        )
        .await
        .unwrap();
        link.strip_prefix(PUBLIC_URL).unwrap().to_owned()
    }

    /// Sends a request from this machine.
    pub async fn send(&self, request: axum::http::request::Builder, body: &str) -> TestResponse {
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.send_from(peer, request, body).await
    }

    /// Sends a request from an address.
    pub async fn send_from(
        &self,
        peer: IpAddr,
        request: axum::http::request::Builder,
        body: &str,
    ) -> TestResponse {
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(PeerAddress(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        TestResponse {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Gets a page without cookies.
    pub async fn get(&self, path: &str) -> TestResponse {
        let request = Request::get(path).header(HOST, HOST_NAME);
        self.send(request, "").await
    }

    /// A new browser without cookies.
    pub fn browser(&self) -> Browser<'_> {
        Browser {
            web: self,
            cookies: BTreeMap::new(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    /// A browser that signed in with the link mailed to an address.
    pub async fn signed_in(&self, address: &str) -> Browser<'_> {
        let mut browser = self.browser();
        browser.ask_for_mail(address).await;
        let link = self.mailed_link();
        let response = browser.open_link_and_press(&link).await;
        assert_eq!(response.location(), "/", "{}", response.body);
        browser
    }

    /// A browser that signed in with the operator's link.
    pub async fn operator(&self) -> Browser<'_> {
        let link = self.operator_link().await;
        let mut browser = self.browser();
        browser.open_link_and_press(&link).await;
        browser
    }
}

/// A browser that keeps cookies, and sends forms as our own pages do.
pub struct Browser<'a> {
    web: &'a TestWeb,
    pub cookies: BTreeMap<String, String>,
    pub peer: IpAddr,
}

impl Browser<'_> {
    /// A request with the browser's cookies.
    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, HOST_NAME);
        match cookies.is_empty() {
            true => request,
            false => request.header(COOKIE, cookies.join("; ")),
        }
    }

    /// Sends a request, and keeps the cookies of its response.
    pub async fn send(
        &mut self,
        request: axum::http::request::Builder,
        body: &str,
    ) -> TestResponse {
        let response = self.web.send_from(self.peer, request, body).await;
        for cookie in response.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    /// Gets a page.
    pub async fn get(&mut self, path: &str) -> TestResponse {
        let request = self.request(Method::GET, path);
        self.send(request, "").await
    }

    /// Posts a form as a page of ours does.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> TestResponse {
        let request = self
            .request(Method::POST, path)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request, &encode(fields)).await
    }

    /// Opens the page of a form, and posts the form with the hidden fields of that page.
    pub async fn open_and_post(&mut self, path: &str, fields: &[(&str, &str)]) -> TestResponse {
        let page = self.get(path).await;
        self.post_from(&page, path, fields).await
    }

    /// Posts a form with the hidden fields of a page that was opened before.
    pub async fn post_from(
        &mut self,
        page: &TestResponse,
        path: &str,
        fields: &[(&str, &str)],
    ) -> TestResponse {
        let hidden = page.hidden_fields(path, None);
        let mut all: Vec<(&str, &str)> = hidden
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        all.extend(fields);
        self.post(path, &all).await
    }

    /// Posts the form of a schedule, or of all (an empty label), with the hidden fields of a page that was
    /// opened before.
    pub async fn post_of_label(
        &mut self,
        page: &TestResponse,
        path: &str,
        label: &str,
        fields: &[(&str, &str)],
    ) -> TestResponse {
        let hidden = page.hidden_fields(path, Some(("label", label)));
        let mut all: Vec<(&str, &str)> = hidden
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        all.extend(fields);
        self.post(path, &all).await
    }

    /// Posts a form with the token that the browser's forms have.
    pub async fn post_with_token(&mut self, path: &str, fields: &[(&str, &str)]) -> TestResponse {
        let token = self.get("/sign-in").await.hidden("form_token");
        let mut fields = fields.to_vec();
        fields.push(("form_token", &token));
        self.post(path, &fields).await
    }

    /// Asks for a sign-in mail.
    pub async fn ask_for_mail(&mut self, address: &str) -> TestResponse {
        let page = self.get("/sign-in").await;
        let token = page.hidden("form_token");
        self.post("/sign-in", &[("form_token", &token), ("address", address)])
            .await
    }

    /// Types a code.
    pub async fn type_code(&mut self, code: &str) -> TestResponse {
        let page = self.get("/sign-in/code").await;
        let token = page.hidden("form_token");
        self.post("/sign-in/code", &[("form_token", &token), ("code", code)])
            .await
    }

    /// Opens a mailed link, and presses its button.
    pub async fn open_link_and_press(&mut self, link: &str) -> TestResponse {
        let page = self.get(link).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let (form_token, token) = (page.hidden("form_token"), page.hidden("token"));
        let fields = [("form_token", &*form_token), ("token", &*token)];
        self.post("/sign-in/link", &fields).await
    }
}

/// A form's body.
pub fn encode(fields: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        form.append_pair(name, value);
    }
    form.finish()
}
