//! The validators change while daemons are in a meeting: 4 -> 5 -> 4.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::Value;

use crate::{
    person::{Person, Running, founded, say, validator, without_chat},
    ports::free_ports,
};

/// Blocks of an epoch: few, so that its end, where the set changes, is never far.
const EPOCH: &str = "12";

#[test]
fn a_meeting_goes_on_while_one_validator_comes_and_another_one_goes() {
    let dir = tempfile::tempdir().unwrap();
    let mut consortium = Consortium::start(dir.path());
    let names = ["Ada", "Grace", "Alan", "Edsger"];
    let [ada, grace, alan, edsger] = names.map(|name| Person::arrive(name, &consortium.network));
    ada.say(&["meeting", "create", "Budget"]);
    let invited = ada.until("the invite", |m| m["invite"]["link"].is_string());
    let link = invited["invite"]["link"].as_str().unwrap();
    let meeting = Meeting { ada: &ada, grace: &grace, link };
    meeting.comes(&grace, 0);

    let talk = Talk(AtomicBool::new(true));
    let written = thread::scope(|scope| {
        let talking = scope.spawn(|| talk.between(&ada, &grace));
        let hush = Hush(&talk);

        // The daemons learn of the fifth from the ledger alone: their network file has four.
        let card = consortium.newcomer();
        consortium.vote(&[0, 1, 2], &["add", &card]);
        let since = consortium.becomes(&ada, &["0", "1", "2", "3", "fifth"]);
        meeting.comes(&alan, since);
        meeting.kicks(&alan);
        // Four of five decide: without one of the old ones, the fifth is needed.
        consortium.kill(3);
        meeting.comes(&alan, since);
        meeting.kicks(&alan);
        consortium.run(3);

        consortium.vote(&[0, 2, 3, 4], &["remove", "validator-1"]);
        let since = consortium.becomes(&ada, &["0", "2", "3", "fifth"]);
        meeting.comes(&edsger, since);
        meeting.kicks(&edsger);
        // Three of four decide, and the removed one is none of them.
        consortium.kill(3);
        meeting.comes(&edsger, since);
        consortium.kill(2);
        for person in [&ada, &grace, &edsger] {
            person.until("the warning", stands_still);
        }
        consortium.run(2);
        meeting.kicks(&edsger);
        meeting.comes(&edsger, since);

        drop(hush);
        talking.join().unwrap()
    });
    println!("{written} lines were written meanwhile, and each was read");
    ada.say(&["meeting", "end"]);
    for person in [&ada, &grace, &edsger] {
        person.until("the end", |m| m["phase"] == "ended");
    }
}

fn members(meeting: &Value) -> &[Value] {
    meeting["members"].as_array().unwrap()
}

fn stands_still(meeting: &Value) -> bool {
    let notices = meeting["notices"].as_array().unwrap();
    notices.iter().any(|notice| notice["text"] == "the ledger stands still")
}

/// A meeting that Ada leads, in which Grace stays.
struct Meeting<'a> {
    ada: &'a Person,
    grace: &'a Person,
    link: &'a str,
}

impl Meeting<'_> {
    /// Somebody comes in. Everybody's own light client proves that this happened after block
    /// `since`, and everybody has a newer key.
    fn comes(&self, guest: &Person, since: u64) {
        let before = self.ada.until("a meeting", |_| true);
        let user = &guest.say(&["identity", "show"])["user"];
        guest.say(&["meeting", "join", self.link]);
        let asked = self.ada.met(|m| m["lobby"][0]["ready"] == true);
        let asks = asked.unwrap_or_else(|leaders| {
            let guests = without_chat(guest.say(&["meeting", "show"]));
            panic!("the request did not happen; the leader sees {leaders:#}, the guest {guests:#}")
        });
        self.ada.say(&["meeting", "admit", &asks["lobby"][0]["idx"].to_string()]);
        for person in [self.ada, self.grace, guest] {
            person.until("the newcomer and a new key", |m| {
                let newcomer = members(m).iter().find(|member| member["user"] == *user);
                newcomer.is_some_and(|member| member["admitted_height"].as_u64() > Some(since))
                    && members(m).iter().all(|member| member["key"] == "ok")
                    && m["epoch"].as_u64() > before["epoch"].as_u64()
            });
        }
    }

    /// Somebody is removed; the others have a newer key, and the ledger has confirmed it.
    fn kicks(&self, guest: &Person) {
        let before = self.ada.until("a meeting", |_| true);
        let user = &guest.say(&["identity", "show"])["user"];
        let member = members(&before).iter().find(|member| member["user"] == *user).unwrap();
        self.ada.say(&["meeting", "kick", &member["idx"].to_string()]);
        guest.until("being told", |m| m["phase"] == "removed");
        for person in [self.ada, self.grace] {
            person.until("a new key without them", |m| {
                members(m).iter().all(|member| member["user"] != *user && member["key"] == "ok")
                    && m["epoch"].as_u64() > before["epoch"].as_u64()
                    && m["provisional"].is_null()
            });
        }
    }
}

/// Whether two people still write to each other.
struct Talk(AtomicBool);

impl Talk {
    /// They write in turn, a line as soon as the one before it was read; how many there were.
    fn between(&self, one: &Person, other: &Person) -> usize {
        let mut written = 0;
        while self.0.load(Ordering::SeqCst) {
            for (writer, reader) in [(one, other), (other, one)] {
                written += 1;
                let line = format!("line {written}");
                writer.say(&["meeting", "chat", &line]);
                reader.until("the line", |m| {
                    m["chat"].as_array().unwrap().iter().any(|said| said["text"] == line.as_str())
                });
            }
        }
        written
    }
}

/// Ends the talk, also when the test fails while it goes on.
struct Hush<'a>(&'a Talk);

impl Drop for Hush<'_> {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::SeqCst);
    }
}

/// Four validators, and the fifth once it has come.
struct Consortium {
    dir: PathBuf,
    network: PathBuf,
    running: Vec<Option<Running>>,
}

impl Consortium {
    fn start(dir: &Path) -> Self {
        let network = founded(dir, &["--validators", "4", "--epoch-blocks", EPOCH]);
        let running = (0..4).map(|index| Some(validator(dir, index))).collect();
        Self { dir: dir.to_owned(), network, running }
    }

    fn home(&self, index: usize) -> String {
        let home = self.dir.join(format!("net/validator-{index}"));
        home.into_os_string().into_string().unwrap()
    }

    /// `kill -9`
    fn kill(&mut self, index: usize) {
        self.running[index] = None;
    }

    fn run(&mut self, index: usize) {
        self.running[index] = Some(validator(&self.dir, index));
    }

    /// Makes and starts the fifth, which no network file names; its public file.
    fn newcomer(&mut self) -> String {
        let home = self.home(4);
        let [p2p, rpc] = free_ports();
        let (p2p, rpc) = (format!("127.0.0.1:{p2p}"), format!("http://127.0.0.1:{rpc}"));
        let init = ["validator", "init", "--name", "fifth", "--p2p", &p2p, "--rpc", &rpc];
        let made = say(&self.dir, &[&init[..], &["--dir", &home]].concat());
        let network = self.network.to_str().unwrap();
        say(&self.dir, &["validator", "install", network, "--dir", &home]);
        self.running.push(Some(validator(&self.dir, 4)));
        made["card"].as_str().unwrap().to_owned()
    }

    /// These validators vote for a change, and the last vote decides.
    fn vote(&self, voters: &[usize], change: &[&str]) {
        let mut agreed = Value::Null;
        for index in voters {
            let home = self.home(*index);
            let vote = [&["validator"], change, &["--dir", &home]].concat();
            agreed = say(&self.dir, &vote)["agreed"].clone();
        }
        assert_eq!(agreed, true, "{change:?}");
    }

    /// Waits until these validators are the set, and the fifth is asked although no network file
    /// names it; the height at which that is proven.
    fn becomes(&self, asking: &Person, names: &[&str]) -> u64 {
        let list = ["validator", "list", "--network", self.network.to_str().unwrap()];
        let listed = asking.lines_until("the new set", &list, |lines| {
            let set = lines[0]["set"].as_array().unwrap();
            let is_in = |name: &&str| {
                let is_called = |called: &str| called.trim_start_matches("validator-") == *name;
                set.iter().any(|member| member["name"].as_str().is_some_and(is_called))
            };
            let fifth = set.iter().find(|member| member["name"] == "fifth");
            set.len() == names.len()
                && names.iter().all(is_in)
                && fifth.is_some_and(|fifth| fifth["answers"] == true)
        });
        listed[0]["height"].as_u64().unwrap()
    }
}
