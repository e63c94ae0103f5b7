//! A source of pictures of the day: a JSON document, and the picture that it names.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use axum::routing::get;
use chrono::{Datelike as _, NaiveDate};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const WIDTH: u32 = 960;
const HEIGHT: u32 = 540;

/// Where the water begins, from the top.
const HORIZON: u32 = 330;

/// A source of pictures that serves on 127.0.0.1 until it is dropped.
///
/// Its pictures are drawn for this project: a hippo in a lake at sunset.
#[derive(Debug)]
pub struct DemoPictureServer {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl DemoPictureServer {
    /// Starts a source whose document names the picture of this date.
    ///
    /// # Errors
    /// The loopback address cannot be bound.
    pub async fn start(today: NaiveDate) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let picture = draw(today)?;
        let document = serde_json::json!({
            "image": format!("/pictures/{today}.png"),
            "title": "A hippo at sunset",
            "copyright": "Drawn by LibraryHippo",
        });
        let service = Router::new()
            .route(
                "/today.json",
                get(move || async move {
                    ([(CONTENT_TYPE, "application/json")], document.to_string()).into_response()
                }),
            )
            .route(
                &format!("/pictures/{today}.png"),
                get(
                    move || async move { ([(CONTENT_TYPE, "image/png")], picture).into_response() },
                ),
            );
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, service).await;
        });
        Ok(Self { address, serving })
    }

    /// The document's URL. Its fields are `image`, `title` and `copyright`.
    #[must_use]
    pub fn document_url(&self) -> String {
        format!("http://{}/today.json", self.address)
    }
}

impl Drop for DemoPictureServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Draws a date's picture as a PNG; the sun moves from day to day.
fn draw(date: NaiveDate) -> std::io::Result<Vec<u8>> {
    let sun = f64::from(180 + date.ordinal() * 37 % 600);
    let mut pixels = Vec::with_capacity((WIDTH as usize * 3 + 1) * HEIGHT as usize);
    for y in 0..HEIGHT {
        // Each row begins with its filter: none.
        pixels.push(0);
        for x in 0..WIDTH {
            pixels.extend(color(f64::from(x), f64::from(y), sun));
        }
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&pixels)?;
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [WIDTH.to_be_bytes(), HEIGHT.to_be_bytes()].concat();
    // Eight bits for each of red, green and blue.
    header.extend([8, 2, 0, 0, 0]);
    add_chunk(&mut png, b"IHDR", &header);
    add_chunk(&mut png, b"IDAT", &encoder.finish()?);
    add_chunk(&mut png, b"IEND", &[]);
    Ok(png)
}

fn add_chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let mut checksum = flate2::Crc::new();
    checksum.update(kind);
    checksum.update(data);
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    png.extend(length.to_be_bytes());
    png.extend(kind);
    png.extend(data);
    png.extend(checksum.sum().to_be_bytes());
}

/// The color of a pixel.
fn color(x: f64, y: f64, sun: f64) -> [u8; 3] {
    let horizon = f64::from(HORIZON);
    if is_hippo(x, y) {
        return if y > horizon + 46.0 {
            [38, 28, 48]
        } else {
            [52, 38, 60]
        };
    }
    let in_water = y > horizon;
    // The water mirrors the sky, in waves.
    let (sky_x, sky_y) = if in_water {
        let wave = ((y - horizon) * 0.55).sin() * (y - horizon) * 0.08;
        (x + wave * 3.0, 2.0 * horizon - y + wave)
    } else {
        (x, y)
    };
    let distance = (sky_x - sun).hypot(sky_y - (horizon - 60.0));
    let mut color = if !in_water && y > hill(x) {
        [74.0, 58.0, 92.0]
    } else if distance < 46.0 {
        [255.0, 236.0, 170.0]
    } else {
        let height = (sky_y / horizon).clamp(0.0, 1.0);
        let glow = (1.0 - distance / 420.0).max(0.0);
        [
            mix(58.0, 246.0, height) + glow * 30.0,
            mix(60.0, 148.0, height) + glow * 60.0,
            mix(120.0, 110.0, height) + glow * 20.0,
        ]
    };
    if in_water {
        color = color.map(|part| part * 0.82);
    }
    color.map(|part| part.clamp(0.0, 255.0) as u8)
}

fn mix(from: f64, to: f64, share: f64) -> f64 {
    from + (to - from) * share
}

/// The height of the hills at the horizon, from the top.
fn hill(x: f64) -> f64 {
    f64::from(HORIZON) - 26.0 - 18.0 * (x / 90.0).sin() - 12.0 * (x / 41.0 + 1.0).sin()
}

/// Whether a pixel belongs to the hippo's head: forehead, snout, ears.
fn is_hippo(x: f64, y: f64) -> bool {
    let ellipse = |center_x: f64, center_y: f64, width: f64, height: f64| {
        ((x - center_x) / width).powi(2) + ((y - center_y) / height).powi(2) <= 1.0
    };
    let water_line = f64::from(HORIZON) + 62.0;
    y < water_line
        && (ellipse(620.0, water_line, 190.0, 46.0)
            || ellipse(560.0, water_line - 30.0, 84.0, 52.0)
            || ellipse(716.0, water_line - 8.0, 78.0, 44.0)
            || ellipse(512.0, water_line - 82.0, 15.0, 20.0)
            || ellipse(588.0, water_line - 84.0, 15.0, 20.0)
            || ellipse(700.0, water_line - 50.0, 12.0, 8.0)
            || ellipse(740.0, water_line - 48.0, 12.0, 8.0))
}
