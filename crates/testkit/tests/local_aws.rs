//! The wrapper of the local AWS: it starts, answers, and ends with its owner.

use std::io::{Read, Write};
use std::net::TcpStream;

use framefan_testkit::local_aws::LocalAws;

fn get(address: &str, path: &str) -> std::io::Result<String> {
    let host = address.strip_prefix("http://").expect("the server tells whole addresses");
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_server_starts_answers_and_ends_with_its_owner() {
    let Some(aws) = LocalAws::start("a server starts, answers and ends with its owner") else { return };
    assert!(get(aws.endpoint(), "/").unwrap().contains("ListAllMyBucketsResult"));
    assert!(get(aws.control(), "/processes").unwrap().ends_with("[]"));
    assert_eq!(aws.env()[0], ("AWS_ENDPOINT_URL", aws.endpoint().to_owned()));
    let endpoint = aws.endpoint().to_owned();
    drop(aws);
    assert!(get(&endpoint, "/").is_err(), "the server still answers");
}
