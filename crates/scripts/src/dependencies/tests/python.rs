use super::*;

const HASH: &str = "sha256:70761cfe03c773ceb22aa2f671b4757976145175cdfca038c02654d061d6dcc6";

fn of(requirements: &str) -> Result<Option<Wanted>, Vec<String>> {
    judge(Language::Python, &[("requirements.txt", requirements)])
}

fn manifest(requirements: &str) -> String {
    text(&of(requirements).unwrap().unwrap().manifest).to_owned()
}

#[test]
fn packages_are_written_down_anew() {
    let file = "\u{feff}# comment\r\nrequests == 2.32.3 # pinned\n\nuvicorn[standard, x] >=0.2,<1\n\
        numpy>=1 ; python_version >= '3.9'\nfoo_bar.baz\nlong \\\n  >=1 \\\n  ,<2\nparens (>=1)\n";
    assert_eq!(
        manifest(file),
        "requests==2.32.3\nuvicorn[standard,x]>=0.2,<1\nnumpy>=1 ; python_version >= '3.9'\n\
         foo_bar.baz\nlong>=1,<2\nparens>=1\n"
    );
    assert!(of(file).unwrap().unwrap().lock().is_none());
}

#[test]
fn nothing_asked_is_nothing_to_do() {
    for file in ["", "\n\n", "# only a comment\n  # another\n"] {
        assert_eq!(of(file), Ok(None));
    }
    assert_eq!(judge(Language::Python, &[("package.json", "{")]), Ok(None));
}

#[test]
fn a_file_with_checksums_is_a_lock() {
    let file = format!("a==1 \\\n    --hash={HASH} \\\n    --hash={HASH}\nb==2 --hash {HASH}\n");
    let wanted = of(&file).unwrap().unwrap();
    let expected = format!("a==1 --hash={HASH} --hash={HASH}\nb==2 --hash={HASH}\n");
    assert_eq!(text(wanted.lock().unwrap().bytes()), expected);
    let again = Lock::read(Language::Python, expected.as_bytes(), &Indexes::default()).unwrap();
    assert_eq!(&again, wanted.lock().unwrap());

    let part =
        of(&format!("a==1 --hash={HASH}\nb==2\nc>=1 --hash={HASH}\nd==1.* --hash={HASH}")).unwrap_err();
    assert_eq!(part.len(), 3);
    let told = "requirements.txt: b==2 has no checksum or no exact version (==). When one package has a checksum, all must.";
    assert_eq!(part[0], told);
    assert_eq!(of("--require-hashes\na==1").unwrap_err().len(), 1);
    assert!(of(&format!("--require-hashes\na==1 --hash={HASH}")).unwrap().unwrap().lock().is_some());
    assert!(Lock::read(Language::Python, b"a==1\n", &Indexes::default()).is_err());
}

#[test]
fn packages_come_from_the_index_alone() {
    let address = "Packages cannot be taken from an address or a repository. Name a package of the index.";
    let path = "Packages cannot be taken from a path. Put the files into the project, or name a package of the index.";
    for (line, message) in [
        ("git+https://example.com/x.git", address),
        ("git+ssh://git@example.com/x", address),
        ("x @ https://example.com/x.whl", address),
        ("x@https://example.com/x.whl", address),
        ("x @ file:///etc/passwd", address),
        ("https://example.com/x.zip", address),
        ("svn+http://example.com/x", address),
        ("./lib", path),
        ("../lib", path),
        ("/opt/x", path),
        ("~/x", path),
        ("lib/x", path),
        ("lib\\x", path),
        ("x-1.0-py3-none-any.whl", path),
        ("x.tar.gz", path),
    ] {
        assert_eq!(of(line), Err(vec![format!("requirements.txt:1: {message}")]), "{line}");
    }
}

#[test]
fn options_are_told_with_what_to_do() {
    for (line, message) in [
        (
            "-e .",
            "Packages cannot be taken from a folder (-e). Put the files into the project and import them.",
        ),
        (
            "--editable=./x",
            "Packages cannot be taken from a folder (-e). Put the files into the project and import them.",
        ),
        ("-r base.txt", "Other files cannot be included (-r). Put all packages into requirements.txt."),
        ("-c limits.txt", "Other files cannot be included (-c). Put all packages into requirements.txt."),
        (
            "--index-url https://evil.example/simple",
            "Packages come from the index of this installation; --index-url is not taken. Remove the line.",
        ),
        (
            "--extra-index-url=https://evil.example",
            "Packages come from the index of this installation; --extra-index-url is not taken. Remove the line.",
        ),
        (
            "-f ./wheels",
            "Packages come from the index of this installation; -f is not taken. Remove the line.",
        ),
        ("--pre", "--pre is not taken. Name the exact version of the package instead."),
        (
            "--no-binary :all:",
            "Whether packages are built is up to this installation; --no-binary is not taken. Remove the line.",
        ),
        ("--upload-file /etc/passwd", "The option --upload-file is not known here. Remove the line."),
        ("a==1 --global-option=x", "--global-option=x is not taken. Only --hash may follow a package."),
    ] {
        assert_eq!(of(&format!("\n{line}\n")), Err(vec![format!("requirements.txt:2: {message}")]), "{line}");
    }
}

#[test]
fn what_is_no_package_is_told_by_its_line() {
    for line in [
        "==1",
        "a b",
        "a=1",
        "a === ",
        "$(id)",
        "a;",
        "a==1;--hash=x",
        "a==1;x--hash=y",
        "a[x",
        "${HOME}",
        "-",
        "a==1;x;y",
        "a>=",
        "a>=1,",
        "a==-1",
        "ä==1",
        "_a",
        "a.",
        "a==1|b",
        "a[x;y]",
        "a==`id`",
    ] {
        assert!(of(line).is_err(), "{line}");
    }
    let bad = of("good==1\n\nbad one\nworse two\n").unwrap_err();
    assert!(bad[0].starts_with("requirements.txt:3: \"bad one\" is no package"), "{bad:?}");
    assert!(bad[1].starts_with("requirements.txt:4:"));
    assert_eq!(of("a==1\u{0}").unwrap_err().len(), 1);
    let latin = read(Language::Python, &[("requirements.txt", vec![0xE4])].into(), &Indexes::default());
    assert_eq!(latin.unwrap_err()[0].message, "The file is not in UTF-8.");
}

#[test]
fn checksums_are_of_a_good_kind_and_length() {
    for hash in [
        "md5:0123",
        "sha256:12",
        "sha256:zz761cfe03c773ceb22aa2f671b4757976145175cdfca038c02654d061d6dcc6",
        "",
    ] {
        assert_eq!(of(&format!("a==1 --hash={hash}")).unwrap_err().len(), 1, "{hash}");
    }
}

#[test]
fn packages_are_bounded() {
    let many = |n: usize| (0..n).map(|i| format!("p{i}==1\n")).collect::<String>();
    assert!(of(&many(500)).is_ok());
    assert_eq!(
        of(&many(501)),
        Err(vec!["requirements.txt:501: There are more than 500 packages.".to_owned()])
    );
    let wrong = "a b\n".repeat(1_000);
    assert_eq!(of(&wrong).unwrap_err().len(), crate::archive::MAX_FINDINGS);
}
