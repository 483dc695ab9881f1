use super::*;

const HEADER: &str = "id_number,name,region_code,insurance,status";

/// Line and name of each row.
fn read(text: &str) -> Vec<(u64, String)> {
    let mut lines = Lines::open(text.as_bytes()).unwrap();
    let mut found = Vec::new();
    while let Some(row) = lines.next_row().unwrap() {
        let row = row.ok().unwrap();
        found.push((row.line, row.member.party.unwrap().person.unwrap().name));
    }
    assert_eq!(lines.bytes(), text.len() as u64);
    found
}

#[test]
fn a_line_ends_with_lf_or_cr_lf_or_cr() {
    for end in ["\n", "\r\n", "\r"] {
        for last in ["", end] {
            let rows = ["1,a,130100,resident,active", "2,b,130100,resident,active"].join(end);
            let text = format!("{HEADER}{end}{rows}{last}");
            assert_eq!(read(&text), [(2, "a".to_owned()), (3, "b".to_owned())], "{text:?}");
        }
    }
    let mixed = format!("{HEADER}\n1,a,1,310,1\r2,b,1,310,1\r\n3,c,1,310,1\n\r4,d,1,310,1");
    let names = [(2, "a"), (3, "b"), (4, "c"), (6, "d")].map(|(line, name)| (line, name.to_owned()));
    assert_eq!(read(&mixed), names);
}

/// A reader that gives one byte at a time.
#[test]
fn a_line_end_may_be_cut_between_two_readings() {
    let text = format!("{HEADER}\r\n1,a,1,310,1\r\n");
    let reader = io::BufReader::with_capacity(1, text.as_bytes());
    let mut lines = Lines::open(reader).unwrap();
    assert_eq!(lines.next_row().unwrap().map(|row| row.ok().unwrap().line), Some(2));
    assert!(lines.next_row().unwrap().is_none());
}

#[test]
fn what_is_wrong_with_a_whole_file_is_one_message() {
    let check = |text: &[u8]| Lines::check(text).err();
    assert_eq!(check(format!("{HEADER}\n1,a,130100,resident,active").as_bytes()), None);
    for empty in [HEADER.to_owned(), format!("{HEADER}\n"), format!("{HEADER}\r\n \r\n")] {
        assert!(check(empty.as_bytes()).unwrap().contains("no rows"), "{empty:?}");
    }
    let gbk = [HEADER.as_bytes(), b"\n1,\xd5\xc5\xc8\xfd,130100,resident,active\n"].concat();
    let said = check(&gbk).unwrap();
    assert!(said.contains("not UTF-8 (line 2)") && said.contains("GB18030"), "{said}");
    assert!(check(b"\xff\xfei\0d\0").unwrap().contains("not UTF-8 (line 1)"));
    assert!(check(b"a,b").unwrap().contains("header"));
}
