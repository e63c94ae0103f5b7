//! Runs a function's real binary between a small Runtime API and a small AWS, both on loopback.
//!
//! [The Runtime API](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) has four requests: the
//! next event, a response, an error, and an init error. The AWS records every request. It answers with `{}`, or
//! passes it on to emulators.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::rights::Rights;

/// The longest wait for a start or an invocation; then the test fails.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A request from the function to AWS.
#[derive(Debug, Clone)]
pub struct AwsRequest {
    /// The operation, such as `DynamoDB_20120810.GetItem`; empty for services that have it in the path.
    pub operation: String,
    /// Method and path.
    pub line: String,
    /// The JSON body; null if it is not JSON.
    pub body: Value,
    /// The capacity units that the answer names.
    pub units: f64,
}

impl AwsRequest {
    /// What a request to DynamoDB does: the actions, the resource that each is on, and the partition.
    ///
    /// # Panics
    /// If the operation isn't known here.
    fn table_actions(&self) -> Vec<(String, String, String)> {
        let (_, operation) = self.operation.split_once('.').unwrap_or_default();
        let of = |operation: &str, body: &Value| {
            let key = match operation {
                "PutItem" => &body["Item"]["pk"]["S"],
                "Query" => return vec![query_action(body)],
                _ => &body["Key"]["pk"]["S"],
            };
            let partition = key.as_str().expect("a partition").to_owned();
            let (table, action) = ("Table.Arn".to_owned(), format!("dynamodb:{operation}"));
            vec![(table, action, partition)]
        };
        match operation {
            "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" | "Query" => {
                of(operation, &self.body)
            }
            "TransactWriteItems" => {
                let steps = self.body["TransactItems"].as_array().expect("steps");
                let steps = steps
                    .iter()
                    .flat_map(|step| step.as_object().expect("a step"));
                let actions = steps.flat_map(|(step, body)| match step.as_str() {
                    "ConditionCheck" => of("ConditionCheckItem", body),
                    step => of(&format!("{step}Item"), body),
                });
                actions.collect()
            }
            "BatchGetItem" => {
                let tables = self.body["RequestItems"].as_object().expect("tables");
                let keys = tables.values().flat_map(|table| table["Keys"].as_array());
                let keys = keys.flatten().map(|key| serde_json::json!({"Key": key}));
                keys.flat_map(|body| of(operation, &body)).collect()
            }
            "BatchWriteItem" => {
                let tables = self.body["RequestItems"].as_object().expect("tables");
                let deletes = tables.values().flat_map(|table| table.as_array());
                let keys = deletes.flatten().map(|one| &one["DeleteRequest"]);
                keys.flat_map(|body| of(operation, body)).collect()
            }
            other => panic!("The operation {other} isn't known here."),
        }
    }
}

/// What a query does. Its condition begins with that of the partition.
fn query_action(body: &Value) -> (String, String, String) {
    let resource = match body["IndexName"].as_str() {
        Some(index) => format!("Table.Arn/index/{index}"),
        None => "Table.Arn".to_owned(),
    };
    let condition = body["KeyConditionExpression"]
        .as_str()
        .expect("a condition");
    let (_, value) = condition.split_once(" = ").expect("the partition first");
    let value = value.split(' ').next().unwrap_or_default();
    let partition = body["ExpressionAttributeValues"][value]["S"].as_str();
    let partition = partition.expect("a partition").to_owned();
    (resource, "dynamodb:Query".to_owned(), partition)
}

/// The emulators that a function uses in place of AWS.
#[derive(Debug, Clone, Copy)]
pub struct Emulators {
    /// Answers for DynamoDB.
    pub dynamodb: SocketAddr,
    /// Answers for all other services.
    pub others: SocketAddr,
}

impl Emulators {
    /// Passes a request on.
    fn answer(self, request: &Request) -> std::io::Result<Reply> {
        let is_dynamodb = request
            .header("x-amz-target")
            .is_some_and(|target| target.starts_with("DynamoDB_"));
        let address = match is_dynamodb {
            true => self.dynamodb,
            false => self.others,
        };
        let mut upstream = BufReader::new(TcpStream::connect(address)?);
        let mut head = format!("{} HTTP/1.1\r\n", request.line);
        for (name, value) in &request.headers {
            if !["content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let length = request.body.len();
        head.push_str(&format!(
            "connection: close\r\ncontent-length: {length}\r\n\r\n"
        ));
        upstream.get_mut().write_all(head.as_bytes())?;
        upstream.get_mut().write_all(&request.body)?;
        let mut line = String::new();
        upstream.read_line(&mut line)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let mut reply = Reply::json(status.unwrap_or(502), &json!({}));
        let mut is_chunked = false;
        loop {
            let mut header = String::new();
            upstream.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else {
                break;
            };
            let name = name.to_ascii_lowercase();
            is_chunked |= name == "transfer-encoding";
            if name.starts_with("x-amz") {
                reply
                    .headers
                    .push_str(&format!("{name}: {}\r\n", value.trim()));
            }
        }
        reply.body.clear();
        if is_chunked {
            reply.body = read_chunks(&mut upstream).unwrap_or_default();
        } else {
            upstream.read_to_end(&mut reply.body)?;
        }
        Ok(reply)
    }
}

/// A running function; killed when dropped.
pub struct Function {
    child: Child,
    asked: Arc<Mutex<Vec<AwsRequest>>>,
    /// The times at which it asked for an event.
    event_requests: Receiver<Instant>,
    events: Sender<Value>,
    answers: Receiver<Result<Value, Value>>,
    started: Instant,
}

/// The exit of a function.
#[derive(Debug)]
pub struct FunctionExit {
    /// Its exit code; −1 if it was killed.
    pub code: i32,
    /// Its log, one value for each line.
    pub log: Vec<Value>,
}

impl Function {
    /// Starts `binary` with these variables and those that Lambda sets.
    pub fn start(binary: &Path, variables: &[(&str, &str)]) -> Self {
        Self::start_with(binary, variables, None)
    }

    /// Starts `binary` like [`start`](Self::start), with emulators in place of AWS.
    pub fn start_on(binary: &Path, variables: &[(&str, &str)], emulators: Emulators) -> Self {
        Self::start_with(binary, variables, Some(emulators))
    }

    fn start_with(binary: &Path, variables: &[(&str, &str)], emulators: Option<Emulators>) -> Self {
        let asked: Arc<Mutex<Vec<AwsRequest>>> = Arc::default();
        let recorded = Arc::clone(&asked);
        let aws = serve(move |request| {
            let operation = request
                .header("x-amz-target")
                .unwrap_or_default()
                .to_owned();
            let reply = match emulators {
                None => Reply::json(200, &json!({})),
                // Asynchronous calls of other functions are only recorded.
                Some(_) if request.line.contains("/functions/") => Reply::json(202, &json!({})),
                Some(emulators) => emulators
                    .answer(request)
                    .unwrap_or_else(|_| Reply::json(502, &json!({}))),
            };
            recorded.lock().unwrap().push(AwsRequest {
                operation,
                line: request.line.clone(),
                body: serde_json::from_slice(&request.body).unwrap_or_default(),
                units: consumed_units(&serde_json::from_slice(&reply.body).unwrap_or_default()),
            });
            reply
        });
        let (event_request_times, event_requests) = channel();
        let (events, waiting) = channel::<Value>();
        let (answer, answers) = channel();
        let runtime = serve(runtime_api(event_request_times, waiting, answer));
        let mut command = Command::new(binary);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .env("AWS_REGION", "ca-central-1")
            .env("AWS_ACCESS_KEY_ID", "nobody")
            .env("AWS_SECRET_ACCESS_KEY", "nothing")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", format!("http://{aws}"))
            // Lambda's image has the certificate authorities in one file, too.
            .envs(authorities().map(|file| ("SSL_CERT_FILE", file)))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let started = Instant::now();
        let child = command.spawn().expect("the function is built");
        Self {
            child,
            asked,
            event_requests,
            events,
            answers,
            started,
        }
    }

    /// Waits until it asks for its next event. Returns the time since its start.
    pub fn until_next(&self) -> Duration {
        let next = self.event_requests.recv_timeout(TIMEOUT);
        next.expect("the function asks for an event") - self.started
    }

    /// Sends an event and returns the response or the error.
    pub fn invoke(&self, event: Value) -> Result<Value, Value> {
        self.events.send(event).expect("the Runtime API runs");
        let answer = self.answers.recv_timeout(TIMEOUT);
        answer.expect("the function answers")
    }

    /// Returns its requests to AWS so far.
    pub fn asked(&self) -> Vec<AwsRequest> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits for its exit.
    pub fn wait(mut self) -> FunctionExit {
        let mut text = String::new();
        let mut stdout = self.child.stdout.take().expect("its log");
        stdout.read_to_string(&mut text).expect("a log in UTF-8");
        let code = self.child.wait().expect("an exit code").code();
        FunctionExit {
            code: code.unwrap_or(-1),
            log: text
                .lines()
                .map(|line| serde_json::from_str(line).expect("a log of JSON lines"))
                .collect(),
        }
    }
}

/// Assertions that the tests of every function share.
impl Function {
    /// Asserts that it exits with one message that names every problem of its environment.
    pub fn assert_cannot_start(self, problems: &str) {
        let exit = self.wait();
        assert_eq!(exit.code, 1);
        assert_eq!(exit.log.len(), 1, "{:?}", exit.log);
        let error = exit.log[0]["error"].as_str().unwrap_or_default();
        assert_eq!(
            error,
            format!("The function can't start with this environment: {problems}.")
        );
    }

    /// Asserts that its init reads one item of the table `table`, and that its role allows this.
    pub fn assert_init_reads_within_its_rights(&self, role: &str) {
        self.until_next();
        let [asked] = &self.asked()[..] else {
            panic!("{:?}", self.asked());
        };
        assert_eq!(asked.operation, "DynamoDB_20120810.GetItem");
        assert_eq!(asked.body["TableName"], "table");
        let partition = asked.body["Key"]["pk"]["S"].as_str().unwrap_or_default();
        let rights = Rights::for_role(role);
        assert!(rights.allow("dynamodb:GetItem", partition), "{partition}");
    }

    /// Asserts that its role allows everything that it has asked of the table so far.
    pub fn assert_table_requests_are_within_its_rights(&self, role: &str) {
        let rights = Rights::for_role(role);
        let asked = self.asked();
        let of_table = asked
            .iter()
            .filter(|request| request.operation.starts_with("DynamoDB_"));
        for request in of_table {
            for (resource, action, partition) in request.table_actions() {
                assert!(
                    rights.allow_on(&resource, &action, &partition),
                    "{action} of {partition} on {resource}"
                );
            }
        }
    }

    /// Asserts that an event fails with this error type and these words, and that the function then asks for
    /// the next event.
    pub fn assert_refuses(&self, event: Value, kind: &str, words: &[&str]) {
        self.until_next();
        let error = self.invoke(event).expect_err("an error");
        assert_eq!(error["errorType"], kind);
        let message = error["errorMessage"].as_str().unwrap_or_default();
        for words in words {
            assert!(message.contains(words), "{words}: {message}");
        }
        self.until_next();
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the capacity units of an answer of DynamoDB.
fn consumed_units(answer: &Value) -> f64 {
    let tables = match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.clone(),
        one => vec![one.clone()],
    };
    let units = tables
        .iter()
        .filter_map(|table| table["CapacityUnits"].as_f64());
    units.sum()
}

/// Finds the machine's certificate authorities in one file.
fn authorities() -> Option<&'static str> {
    [
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/ssl/cert.pem",
    ]
    .into_iter()
    .find(|file| Path::new(file).exists())
}

/// Answers as Lambda's Runtime API; sends the time of every request for an event to `event_request_times`.
fn runtime_api(
    event_request_times: Sender<Instant>,
    events: Receiver<Value>,
    answers: Sender<Result<Value, Value>>,
) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let (event_request_times, events, answers) = (
        Mutex::new(event_request_times),
        Mutex::new(events),
        Mutex::new(answers),
    );
    move |request| {
        let (path, body) = (request.line.as_str(), || {
            serde_json::from_slice(&request.body).unwrap_or_default()
        });
        if path.ends_with("/runtime/invocation/next") {
            let _ = event_request_times.lock().unwrap().send(request.at);
            // The function waits until a test sends an event.
            let Ok(event) = events.lock().unwrap().recv() else {
                return Reply::json(410, &json!({}));
            };
            let ends_at = SystemTime::now() + Duration::from_secs(300);
            let ends_at = ends_at.duration_since(UNIX_EPOCH).unwrap().as_millis();
            let mut reply = Reply::json(200, &event);
            reply.headers = format!(
                "Lambda-Runtime-Aws-Request-Id: 00000000-0000-4000-8000-000000000001\r\n\
                 Lambda-Runtime-Deadline-Ms: {ends_at}\r\n\
                 Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:ca-central-1:1:function:f\r\n"
            );
            return reply;
        }
        if path.ends_with("/response") {
            let _ = answers.lock().unwrap().send(Ok(body()));
        } else if path.ends_with("/error") {
            let _ = answers.lock().unwrap().send(Err(body()));
        }
        Reply::json(202, &json!({}))
    }
}

struct Request {
    /// When its first line arrived.
    at: Instant,
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    }

    /// Reads the next request of a connection; `None` once it is closed.
    fn read(connection: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = String::new();
        connection.read_line(&mut line).ok()?;
        let at = Instant::now();
        let line = line.strip_suffix(" HTTP/1.1\r\n")?.to_owned();
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            connection.read_line(&mut header).ok()?;
            match header.trim_end().split_once(':') {
                Some((name, value)) => {
                    headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
                None => break,
            }
        }
        let mut request = Self {
            at,
            line,
            headers,
            body: Vec::new(),
        };
        if request.header("transfer-encoding").is_some() {
            request.body = read_chunks(connection)?;
        } else {
            let length = request.header("content-length").unwrap_or("0");
            request.body.resize(length.parse().ok()?, 0);
            connection.read_exact(&mut request.body).ok()?;
        }
        Some(request)
    }
}

fn read_chunks(connection: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        connection.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(body);
        }
        chunk.truncate(length);
        body.append(&mut chunk);
    }
}

struct Reply {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Reply {
    fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: String::new(),
            body: body.to_string().into_bytes(),
        }
    }

    fn write(self, connection: &mut TcpStream) -> std::io::Result<()> {
        let mut bytes = format!(
            "HTTP/1.1 {} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n",
            self.status,
            self.body.len(),
            self.headers
        )
        .into_bytes();
        bytes.extend(self.body);
        connection.write_all(&bytes)
    }
}

/// Starts a server on a free loopback port, with a thread for each connection, until the process ends.
fn serve(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || serve_connection(stream, &*answer));
        }
    });
    address
}

fn serve_connection(mut stream: TcpStream, answer: &dyn Fn(&Request) -> Reply) {
    let _ = stream.set_nodelay(true);
    let Ok(reading) = stream.try_clone() else {
        return;
    };
    let mut reading = BufReader::new(reading);
    while let Some(request) = Request::read(&mut reading) {
        if answer(&request).write(&mut stream).is_err() {
            return;
        }
    }
}
