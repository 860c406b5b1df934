//! Files of whole ledgers: kept, cut short, damaged, continued.

use serde_json::{Value, json};

use super::*;

/// What a file says, or the name of what is wrong with it.
fn judge(bytes: &[u8]) -> Result<Value, String> {
    let name = |error: FileError| -> String {
        format!("{error:?}").chars().take_while(|letter| letter.is_alphanumeric()).collect()
    };
    let mut reader = Reader::new(bytes).map_err(name)?;
    let (first, mut records, mut last) = (reader.opening().first, 0, None);
    while let Some(frame) = reader.frame().map_err(name)? {
        match frame {
            Frame::Record(_) => records += 1,
            Frame::End(end) => last = Some((end.height.0, end.digest.to_hex())),
        }
    }
    let (height, digest) = last.unwrap();
    let last = json!({ "height": height, "digest": digest });
    Ok(json!({ "first": first.0, "records": records, "last": last }))
}

fn vectors(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(name)
}

fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(vectors(name)).unwrap()).unwrap()
}

/// The two records that are frozen in `answers.json`, their genesis, and the block before them.
fn frozen() -> (Genesis, Vec<Vec<u8>>, Last) {
    let answers = read("answers.json");
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let genesis: Genesis = decode(&bytes(&answers["genesis"])).unwrap();
    let cases = answers["cases"].as_array().unwrap();
    let is_record = |case: &&Value| case["of"] == "Record" && case["verdict"] == "accepted";
    let records: Vec<_> =
        cases.iter().filter(is_record).map(|case| bytes(&case["bytes"])).collect();
    let parent = Outline::of(&records[0]).unwrap().parent;
    (genesis, records, Last { height: Height(2), digest: parent })
}

/// Appends those of the records that are not in the file yet, and the end.
fn complete(mut writer: Writer, records: &[Vec<u8>]) {
    for record in records {
        let outline = Outline::of(record).unwrap();
        if outline.height > writer.last().height {
            writer.append(record, &outline).unwrap();
        }
    }
    writer.finish().unwrap();
}

/// A file of the frozen records, and where its first frame is.
fn export() -> (Vec<u8>, usize) {
    let (genesis, records, before) = frozen();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("export");
    complete(Writer::create(&path, &genesis, before).unwrap(), &records);
    let opening = MAGIC.len() + 8 + 4 + 4 + encode(&genesis).len() + CHECK;
    (std::fs::read(path).unwrap(), opening)
}

#[test]
fn a_file_is_completed_wherever_it_was_cut_short() {
    let (good, frame) = export();
    let (genesis, records, before) = frozen();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("export");
    for cut in (0..good.len()).step_by(37).chain([9, frame - 1, frame, good.len()]) {
        std::fs::write(&path, &good[..cut]).unwrap();
        let writer = Writer::open(&path, &genesis, before);
        complete(writer.unwrap_or_else(|error| panic!("cut at {cut}: {error}")), &records);
        assert!(std::fs::read(&path).unwrap() == good, "cut at {cut} of {}", good.len());
    }
    // The same where there is none; and the opening is there before any record is.
    std::fs::remove_file(&path).unwrap();
    let writer = Writer::open(&path, &genesis, before).unwrap();
    assert!(std::fs::read(&path).unwrap() == good[..frame]);
    complete(writer, &records);
    assert!(std::fs::read(&path).unwrap() == good);
}

#[test]
fn what_is_not_the_beginning_of_this_very_export_is_left_alone() {
    let (good, frame) = export();
    let (genesis, _, before) = frozen();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("letter");
    let mut elsewhere = good[..frame - 1].to_vec();
    elsewhere[23] ^= 1;
    for bytes in [b"Dear Ada,".to_vec(), b"CONCLAVE-EVIDENCE".to_vec(), elsewhere] {
        std::fs::write(&path, &bytes).unwrap();
        assert!(Writer::open(&path, &genesis, before).is_err());
        assert!(std::fs::read(&path).unwrap() == bytes);
    }
}

#[test]
fn exports_keep_their_bytes_and_their_refusals() {
    let (good, frame) = export();
    let (end, last) = (good.len(), good.len() - HEAD - 40 - CHECK);
    let cut = |at: usize| good[..at].to_vec();
    let turned = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let cases = [
        ("two records", good.clone()),
        ("without a record", [&good[..frame], &good[last..]].concat()),
        ("a record twice", [&good[..last], &good[frame..]].concat()),
        ("nothing", Vec::new()),
        ("something else", b"CONCLAVE-EVIDENCE".to_vec()),
        ("another version", turned(15)),
        ("cut short in its first bytes", cut(9)),
        ("cut short in the genesis", cut(frame - 20)),
        ("cut short before the first record", cut(frame)),
        ("cut short in the head of a record", cut(frame + 5)),
        ("cut short in a record", cut(last - 30)),
        ("cut short before its end", cut(last)),
        ("cut short in its end", cut(end - 1)),
        ("another height", turned(20)),
        ("another length of the genesis", turned(26)),
        ("another genesis", turned(frame - 20)),
        ("another kind of frame", turned(frame)),
        ("another length of a record", turned(frame + 3)),
        ("another record", turned(last - 30)),
        ("another end", turned(end - 20)),
        ("another check", turned(end - 1)),
        ("it goes on after its end", [&good[..], &[0]].concat()),
    ];
    let mut value = json!({ "cases": [] });
    for (what, bytes) in cases {
        let verdict = judge(&bytes);
        let mut case = json!({ "what": what, "bytes": hex::encode(bytes) });
        case["verdict"] = json!(verdict.as_ref().map_or_else(Clone::clone, |_| "accepted".into()));
        if let Ok(says) = verdict {
            case["says"] = says;
        }
        value["cases"].as_array_mut().unwrap().push(case);
    }
    assert_eq!(value["cases"][0]["verdict"], "accepted");
    for at in 0..end {
        assert!(judge(&turned(at)).is_err(), "byte {at}");
    }
    if std::env::var("CONCLAVE_WRITE_VECTORS").is_ok() {
        let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
        std::fs::write(vectors("exports.json"), text).unwrap();
    }
    assert!(read("exports.json") == value, "the bytes of exports.json changed");
}
