//! Sound devices of a machine that has none: pipes that play microphone and loudspeaker, and ffmpeg
//! at their other ends, which keeps the time.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{
    bots::{meeting, quarters, records_now, samples},
    person::{Person, command, consortium},
};

const TONE: f64 = 520.0;

/// A pipe that neither end has to wait for, because it is open at both here.
fn pipe(path: &Path) -> File {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    File::options().read(true).write(true).open(path).unwrap()
}

/// Runs ffmpeg at the pace of the sound.
fn ffmpeg(args: &[&str]) -> Child {
    let quiet = ["-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-re"];
    Command::new("ffmpeg")
        .args(quiet)
        .args(args)
        .spawn()
        .unwrap_or_else(|error| panic!("ffmpeg is needed (scripts/setup media): {error}"))
}

#[test]
fn what_a_microphone_hears_at_one_daemon_a_loudspeaker_plays_at_another() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (hears, plays, tape, config) = (at("hears"), at("plays"), at("tape.s16"), at("alsa.conf"));
    let _open = [pipe(hears.as_ref()), pipe(plays.as_ref())];
    let devices = format!(
        r#"pcm.loudspeaker {{ type file slave.pcm {{ type null }} file "{plays}" format "raw"
            hint {{ show on description "A loudspeaker" }} }}
        pcm.microphone {{ type file slave.pcm {{ type null }} file "/dev/null" infile "{hears}"
            format "raw" hint {{ show on description "A microphone" }} }}
        pcm.!default {{ type asym playback.pcm "loudspeaker" capture.pcm "microphone" }}"#
    );
    fs::write(&config, devices).unwrap();
    let alsa = ("ALSA_CONFIG_PATH", config.as_str());

    let (network, _validator) = consortium(dir.path());
    let [ada, grace] = ["Ada", "Grace"].map(|name| Person::arrive(name, &network));
    let listed = ada.say_with(alsa, &["meeting", "devices"]);
    assert_eq!((&listed["name"], &listed["output"]), (&"loudspeaker".into(), &true.into()));
    let link = meeting(&ada);
    for option in ["--audio-in", "--audio-out"] {
        let refused = ada.refused_with(alsa, &["meeting", "media", option, "device:nothing"]);
        let error = refused["error"].as_str().unwrap();
        assert!(error.contains("nothing") && error.contains("microphone"), "{refused}");
        assert_eq!(refused["next"], "conclave meeting devices");
    }

    // A device gives and takes whole periods of 20 ms.
    let tone =
        format!("sine=frequency={TONE}:sample_rate=48000:samples_per_frame=960:duration=120");
    let raw = ["-f", "s16le", "-ar", "48000", "-ac", "1"];
    let sings = ffmpeg(
        &[&["-f", "lavfi", "-i", &tone], &raw[..], &["-flush_packets", "1", &hears]].concat(),
    );
    let period = ["-blocksize", "1920", "-i", &plays, "-flush_packets", "1", "-f", "s16le", &tape];
    let writes = [&raw[..], &period];
    let writes = ffmpeg(&writes.concat());
    let begin = |person: &Person, args: &[&str]| {
        let mut command = command(person.home.path(), args);
        command.env(alsa.0, alsa.1).stdout(Stdio::null()).spawn().unwrap()
    };
    let listening = begin(&grace, &["meeting", "join", &link, "--audio-out", "device:loudspeaker"]);
    let speaking = begin(&ada, &["meeting", "media", "--audio-in", "device"]);
    let heard = |_: &serde_json::Value| {
        let tape = fs::read(&tape).unwrap_or_default();
        quarters(&samples(&tape), TONE) >= 4
    };
    let last = ada.until("the tone", heard);
    assert!(!records_now(&last, "Grace"), "who only listens keeps nothing: {last}");
    ada.say(&["meeting", "end"]);
    for mut child in [speaking, listening] {
        assert!(child.wait().unwrap().success());
    }
    for mut child in [sings, writes] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
