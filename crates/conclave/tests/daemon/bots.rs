//! The examples, as a person runs them: ffmpeg, GStreamer and a bot in meetings of daemons that run.

use std::{
    cell::RefCell,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Instant,
};

use serde_json::Value;

use crate::person::{PATIENCE, Person, command, consortium};

/// Samples a second of everything that is listened to.
const RATE: usize = 48_000;

/// An example that runs; asked to end, it closes its files.
struct Example(Child);

impl Example {
    fn start(name: &str, person: &Person, args: &[&str]) -> Self {
        let path = root().join("examples").join(name);
        let mut command = Command::new(path);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
        command.env("CONCLAVE", env!("CARGO_BIN_EXE_conclave"));
        Self(command.env("CONCLAVE_HOME", person.home.path()).spawn().unwrap())
    }

    /// Waits until it has ended by itself; meanwhile somebody looks at the meeting.
    fn end(self, what: &str, by: &Person) {
        let example = RefCell::new(self);
        by.until(what, |_| example.borrow_mut().0.try_wait().unwrap().is_some());
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = Command::new("kill").arg(self.0.id().to_string()).status();
            let _ = self.0.wait();
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs ffmpeg and gives what it writes to standard output.
fn ffmpeg(args: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-loglevel", "error"])
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("ffmpeg is needed (scripts/setup media): {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ffmpeg {args:?}: {error}");
    output.stdout
}

pub(crate) fn samples(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]).into()).collect()
}

/// How much of a sound is a tone of this pitch: 1 for all of it (Goertzel).
fn share(samples: &[f64], hertz: f64) -> f64 {
    let turn = std::f64::consts::TAU * hertz / RATE as f64;
    let (mut sine, mut cosine, mut power) = (0.0, 0.0, 1.0);
    for (at, sample) in samples.iter().enumerate() {
        sine += sample * (turn * at as f64).sin();
        cosine += sample * (turn * at as f64).cos();
        power += sample * sample;
    }
    (sine * sine + cosine * cosine) * 2.0 / (power * samples.len() as f64)
}

/// Quarters of a second in which a tone is nearly all that is heard.
pub(crate) fn quarters(samples: &[f64], hertz: f64) -> usize {
    samples.chunks_exact(RATE / 4).filter(|quarter| share(quarter, hertz) > 0.8).count()
}

/// What is in a recording: samples of one channel, and the colour in the middle of each picture.
fn play(file: &Path) -> (Vec<f64>, Vec<[u8; 3]>) {
    let file = file.to_str().unwrap();
    let rate = RATE.to_string();
    let sound = ffmpeg(&["-i", file, "-map", "0:a", "-ac", "1", "-ar", &rate, "-f", "s16le", "-"]);
    let middle = "crop=16:16,scale=1:1:flags=area,format=rgb24";
    let pictures = ffmpeg(&["-i", file, "-map", "0:v", "-vf", middle, "-f", "rawvideo", "-"]);
    let colours = pictures.chunks_exact(3).map(|one| [one[0], one[1], one[2]]).collect();
    (samples(&sound), colours)
}

/// Which of red, green and blue led in some picture.
fn hues(colours: &[[u8; 3]]) -> usize {
    let leads = |at: usize| {
        let leads = |one: &[u8; 3]| {
            let others = (0..3).filter(|other| *other != at).map(|other| one[other]).max();
            one[at] > others.unwrap().saturating_add(40)
        };
        colours.iter().any(leads)
    };
    (0..3).filter(|at| leads(*at)).count()
}

/// A meeting that lets in whoever has the link.
pub(crate) fn meeting(leader: &Person) -> String {
    leader.say(&["meeting", "create", "Studio", "--auto-admit"]);
    let meeting = leader.until("the invite", |m| m["invite"]["link"].is_string());
    meeting["invite"]["link"].as_str().unwrap().to_owned()
}

/// Whether the member that goes by `name` is shown as recording.
pub(crate) fn records_now(meeting: &Value, name: &str) -> bool {
    let mut members = meeting["members"].as_array().unwrap().iter();
    members.any(|one| one["name"] == name && one["recording"] == true)
}

/// Records what one example sends with another one, and looks at the recording.
fn records(input: &[&str], output: &str, hertz: f64) {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let people = ["Ada", "Camera", "Recorder"].map(|name| Person::arrive(name, &network));
    let [ada, camera, recorder] = &people;
    let link = meeting(ada);
    let file = dir.path().join("meeting.mkv");
    let recording = Example::start(output, recorder, &[&link, file.to_str().unwrap()]);
    let sending = Example::start(input[0], camera, &[&[link.as_str()], &input[1..]].concat());
    let sent = |m: &Value| {
        let members = m["members"].as_array().unwrap();
        let two = |member: &Value| member["streams"].as_array().unwrap().len() == 2;
        members.len() == 3 && members.iter().any(two)
    };
    ada.until("sound and pictures", sent);
    let long = |_: &Value| fs::metadata(&file).is_ok_and(|file| file.len() > 500_000);
    ada.until("a recording of some seconds", long);
    let told = ada.until("the notice", |m| records_now(m, "Recorder"));
    assert!(!records_now(&told, "Camera"), "who only sends keeps nothing: {told}");
    let notices = told["notices"].as_array().unwrap();
    let says = |one: &Value| one["text"].as_str().unwrap().contains("Recorder records");
    assert!(notices.iter().any(says), "{told}");
    ada.say(&["meeting", "end"]);
    sending.end("the end of the sender", ada);
    recording.end("the end of the recorder", ada);

    let (sound, colours) = play(&file);
    let tones = quarters(&sound, hertz);
    assert!(tones >= 4, "{tones} quarters of a second with {hertz} Hz, of {} samples", sound.len());
    assert_eq!(quarters(&sound, hertz * 1.3), 0, "another pitch");
    assert!(colours.len() >= 15, "{} pictures", colours.len());
    assert_eq!(hues(&colours), 3, "the colour moves: {colours:?}");
}

#[test]
fn what_ffmpeg_sends_at_one_daemon_ffmpeg_records_at_another() {
    let dir = tempfile::tempdir().unwrap();
    let clip = dir.path().join("clip.mkv");
    let clip = clip.to_str().unwrap();
    // A colour that goes round in three seconds, with noise so that a second of it has some length.
    let colour = "color=red:size=320x180:rate=15:duration=90,hue=h=120*t,noise=alls=20:allf=t";
    let tone = "sine=frequency=440:sample_rate=48000:duration=90";
    let coded = ["-c:v", "mpeg4", "-q:v", "4", "-c:a", "pcm_s16le", clip];
    ffmpeg(&[&["-f", "lavfi", "-i", colour, "-f", "lavfi", "-i", tone], &coded[..]].concat());
    records(&["ffmpeg-in", clip], "ffmpeg-out", 440.0);
}

#[test]
fn what_gstreamer_sends_at_one_daemon_gstreamer_records_at_another() {
    if let Err(error) = Command::new("gst-launch-1.0").arg("--version").output() {
        panic!("GStreamer is needed (scripts/setup media): {error}");
    }
    records(&["gstreamer-in"], "gstreamer-out", 660.0);
}

/// What OBS and GStreamer do, with the address and the token that are printed.
#[tokio::test(flavor = "multi_thread")]
async fn a_studio_program_publishes_by_whip_with_a_token_that_opens_nothing_else() {
    use str0m::media::{Direction, MediaKind};

    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let ada = Person::arrive("Ada", &network);
    meeting(&ada);
    let studio = ada.say(&["meeting", "whip"]);
    let (url, token) = (studio["url"].as_str().unwrap(), studio["token"].as_str().unwrap());

    let mut program = str0m::RtcConfig::new()
        .set_crypto_provider(str0m::crypto::from_feature_flags().into())
        .build(Instant::now());
    let mut change = program.sdp_api();
    for kind in [MediaKind::Audio, MediaKind::Video] {
        change.add_media(kind, Direction::SendOnly, None, None, None);
    }
    let offer = change.apply().unwrap().0.to_sdp_string();
    // Nothing is encrypted on loopback, but the client wants to be told who would.
    let _there_already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let publish = |token: &str| {
        let request = http.post(url).bearer_auth(token).header("content-type", "application/sdp");
        request.body(offer.clone()).send()
    };
    assert_eq!(publish(&"0".repeat(64)).await.unwrap().status(), 401);
    let answer = publish(token).await.unwrap();
    assert_eq!(answer.status(), 201);
    let place = answer.headers()["location"].to_str().unwrap().to_owned();
    let answer = answer.text().await.unwrap();
    assert!(answer.contains("VP8/90000") && answer.contains("opus/48000"), "{answer}");

    let origin = url.strip_suffix("/whip").unwrap();
    let state = http.get(format!("{origin}/api/state")).bearer_auth(token).send();
    assert_eq!(state.await.unwrap().status(), 401);
    let end = http.delete(format!("{origin}{place}")).bearer_auth(token).send();
    assert_eq!(end.await.unwrap().status(), 200);
}

#[test]
fn a_bot_says_something_to_whoever_comes_in_and_a_pipe_hears_it() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let people = ["Ada", "Bot", "Grace"].map(|name| Person::arrive(name, &network));
    let [ada, bot, grace] = &people;
    let link = meeting(ada);
    let hello = dir.path().join("hello.ogg");
    let hello = hello.to_str().unwrap();
    ffmpeg(&["-f", "lavfi", "-i", "sine=frequency=880:duration=3", "-c:a", "libopus", hello]);
    let greeting = Example::start("greeter", bot, &[&link, hello]);
    ada.until("the bot", |m| m["members"].as_array().unwrap().len() == 2);

    let mut listening = command(grace.home.path(), &["meeting", "join", &link, "--audio-out", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = listening.stdout.take().unwrap();
    let (send, quarter) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut quarter = vec![0; RATE / 4 * 2];
        while pipe.read_exact(&mut quarter).is_ok() {
            let _enough = send.send(quarter.clone());
        }
    });
    let mut heard = 0;
    while heard < 2 {
        let quarter = quarter.recv_timeout(PATIENCE);
        let quarter = quarter.unwrap_or_else(|_| panic!("the bot says nothing"));
        heard += quarters(&samples(&quarter), 880.0);
    }
    ada.until("the notice", |m| records_now(m, "Grace"));
    // Ada writes down, too, until she is stopped.
    let file = dir.path().join("meeting.wav");
    let args = ["meeting", "media", "--audio-out", file.to_str().unwrap()];
    let mut writing = command(ada.home.path(), &args).stdout(Stdio::null()).spawn().unwrap();
    grace.until("the notice", |m| records_now(m, "Ada"));
    writing.kill().unwrap();
    writing.wait().unwrap();
    grace.until("no notice", |m| !records_now(m, "Ada") && records_now(m, "Grace"));
    ada.say(&["meeting", "end"]);
    // With the meeting ends the command, and with it the pipe.
    reader.join().unwrap();
    assert!(listening.wait().unwrap().success());
    greeting.end("the end of the bot", ada);
}
