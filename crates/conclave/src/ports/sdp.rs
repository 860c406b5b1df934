//! How a receiver is told what goes out where (RFC 8866): the file that ffmpeg and GStreamer read.

use super::egress::Payload;

/// The description of what is sent to these ports of this machine.
pub(super) fn describe(audio: Option<u16>, video: Option<u16>) -> String {
    let mut lines = vec![
        "v=0".to_owned(),
        "o=- 0 0 IN IP4 127.0.0.1".to_owned(),
        "s=Conclave".to_owned(),
        "c=IN IP4 127.0.0.1".to_owned(),
        "t=0 0".to_owned(),
    ];
    if let Some(port) = audio {
        let pt = Payload::Opus.number();
        lines.push(format!("m=audio {port} RTP/AVP {pt}"));
        lines.push(format!("a=rtpmap:{pt} opus/48000/2"));
        lines.push("a=recvonly".to_owned());
    }
    if let Some(port) = video {
        let pt = Payload::Vp8.number();
        lines.push(format!("m=video {port} RTP/AVP {pt}"));
        lines.push(format!("a=rtpmap:{pt} VP8/90000"));
        lines.push("a=recvonly".to_owned());
    }
    lines.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_goes_out_is_described() {
        let both = describe(Some(5_004), Some(5_006));
        assert!(both.contains("m=audio 5004 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n"), "{both}");
        assert!(
            both.ends_with("m=video 5006 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=recvonly\r\n")
        );
        assert!(!describe(Some(5_004), None).contains("video"));
    }
}
