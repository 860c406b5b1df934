//! Two facts that the browser must read in an answer: whose stream a track is, and how to sync it.

use std::collections::BTreeMap;

use super::StreamKey;

/// Names media streams and tracks in an answer: tracks of one member belong to the media stream
/// `member-<idx>` and are called `stream-<idx>-<stream_no>`. Browsers play tracks of one media
/// stream in sync (RFC 8830).
pub(super) fn name_streams(sdp: &str, wants: &BTreeMap<String, StreamKey>) -> String {
    let mut named = String::with_capacity(sdp.len() + 256);
    for section in sections(sdp) {
        let mid = section.lines().find_map(|line| line.strip_prefix("a=mid:"));
        match mid.and_then(|mid| wants.get(mid)) {
            Some(stream) => {
                section.split_inclusive('\n').for_each(|line| name(line, *stream, &mut named))
            }
            None => named.push_str(section),
        }
    }
    named
}

/// The session part and the media parts of a description, each with its line ends.
fn sections(sdp: &str) -> impl Iterator<Item = &str> {
    let mut rest = sdp;
    std::iter::from_fn(move || {
        let end = rest.find("\nm=").map_or(rest.len(), |at| at + 1);
        let (section, tail) = rest.split_at(end);
        rest = tail;
        (!section.is_empty()).then_some(section)
    })
}

fn name(line: &str, StreamKey { idx, stream_no }: StreamKey, named: &mut String) {
    let ssrc = line.strip_prefix("a=ssrc:").and_then(|rest| rest.split_once(" msid:"));
    let names = format!("member-{idx} stream-{idx}-{stream_no}\r\n");
    match (ssrc, line.starts_with("a=msid:")) {
        (Some((ssrc, _)), _) => named.extend(["a=ssrc:", ssrc, " msid:", &names]),
        (None, true) => named.extend(["a=msid:", &names]),
        (None, false) => named.push_str(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wanted_sections_are_renamed() {
        let sdp = "v=0\r\nm=audio 9\r\na=mid:0\r\na=msid:x y\r\na=ssrc:5 msid:x y\r\nm=video 9\r\na=mid:1\r\na=msid:x y\r\n";
        let wants = BTreeMap::from([("0".to_owned(), StreamKey { idx: 7, stream_no: 2 })]);
        assert_eq!(
            name_streams(sdp, &wants),
            "v=0\r\nm=audio 9\r\na=mid:0\r\na=msid:member-7 stream-7-2\r\na=ssrc:5 msid:member-7 stream-7-2\r\nm=video 9\r\na=mid:1\r\na=msid:x y\r\n"
        );
    }
}
