use super::*;
use std::fs;
use std::path::Path;

/// Full paths of every method in the proto files below a folder.
fn methods_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            methods_in(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("text");
        let word_after = |line: &str, keyword: &str| {
            let rest = line.trim().strip_prefix(keyword)?.trim_start();
            Some(
                rest.split(|c: char| !(c.is_alphanumeric() || "._".contains(c)))
                    .next()
                    .unwrap_or("")
                    .to_owned(),
            )
        };
        let (mut package, mut service) = (String::new(), String::new());
        for line in text.lines() {
            if let Some(name) = word_after(line, "package ") {
                package = name;
            } else if let Some(name) = word_after(line, "service ") {
                service = name;
            } else if let Some(method) = word_after(line, "rpc ") {
                found.insert(format!("/{package}.{service}/{method}"));
            }
        }
    }
}

#[test]
fn every_method_of_the_contract_has_a_row_and_every_row_a_method() {
    let mut methods = BTreeSet::new();
    methods_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/gongji"), &mut methods);
    assert!(methods.len() >= 22, "the contract has at least the methods that it began with: {methods:?}");
    let ours = TABLE.iter().map(|(path, _)| (*path).to_owned()).filter(|path| path.starts_with("/gongji."));
    assert_eq!(ours.collect::<BTreeSet<String>>(), methods);
}

fn sichuan() -> ProvinceCode {
    ProvinceCode::new(51)
}

fn finance() -> Role {
    Role::Finance(sichuan(), "wang".to_owned())
}

fn roles() -> [Role; 6] {
    [
        Role::Hub,
        Role::Node(sichuan()),
        Role::App("demo".to_owned()),
        Role::Platform(sichuan()),
        Role::Platform(ProvinceCode::new(13)),
        Role::Operator("li".to_owned()),
    ]
}

/// What each of [`roles`] gets on 四川's node.
fn answers(path: &str) -> [Option<Denial>; 6] {
    roles().map(|role| check(path, Some(&role), &Role::Node(sichuan()), &Grants::any()).err())
}

#[test]
fn each_service_answers_its_callers_only() {
    let no = Some(Denial::Because(Reason::RoleNotAllowed));
    let elsewhere = Some(Denial::Because(Reason::ProvinceNotAllowed));
    let cases = [
        ("/gongji.hub.v1.TransferService/CreateTransfer", [no, no, None, None, None, no]),
        ("/gongji.hub.v1.TransferService/WatchTransfers", [no, no, None, None, None, no]),
        ("/gongji.hub.v1.CoordinatorService/Resolve", [no, None, no, no, no, no]),
        ("/gongji.hub.v1.RegionService/ListRegions", [None; 6]),
        ("/gongji.node.v1.ParticipantService/Prepare", [None, no, no, no, no, no]),
        ("/gongji.node.v1.ParticipantService/Decide", [None, no, no, no, no, no]),
        ("/gongji.node.v1.ParticipantService/Inspect", [None, no, no, None, elsewhere, None]),
        ("/gongji.node.v1.MemberService/CreditAccount", [no, no, no, None, elsewhere, no]),
        ("/gongji.node.v1.WalletService/GetWallet", [no, no, None, None, elsewhere, no]),
        ("/gongji.node.v1.WalletService/GetStatement", [no, no, None, None, elsewhere, no]),
        ("/gongji.node.v1.WalletService/ChangePlace", [no, no, no, None, elsewhere, no]),
        ("/gongji.hub.v1.AuditService/ReadBooks", [no, no, no, no, no, None]),
        ("/gongji.hub.v1.AuditService/ListInFlight", [no, no, no, no, no, None]),
        ("/gongji.node.v1.AuditService/ReadBooks", [no, no, no, no, no, None]),
        ("/gongji.node.v1.AuditService/ListInDoubt", [no, no, no, no, no, None]),
        ("/gongji.node.v1.AuditService/ListSuspense", [no, no, no, no, no, None]),
        ("/grpc.health.v1.Health/Check", [None; 6]),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", [None; 6]),
        ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", [None; 6]),
        ("/gongji.hub.v1.TransferService/DropTables", [Some(Denial::NoSuchMethod); 6]),
        ("/gongji.hub.v1.TransferService/CreateTransfer/", [Some(Denial::NoSuchMethod); 6]),
        ("/", [Some(Denial::NoSuchMethod); 6]),
    ];
    for (path, expected) in cases {
        assert_eq!(answers(path), expected, "{path}");
    }
}

#[test]
fn without_a_role_only_health_answers() {
    let required = Err(Denial::Because(Reason::CertificateRequired));
    let ask = |path: &str| check(path, None, &Role::Hub, &Grants::any());
    for (path, _) in TABLE {
        let expected = if path.starts_with("/grpc.health.v1.") { Ok(()) } else { required };
        assert_eq!(
            ask(&format!("{path}{}", if path.ends_with('/') { "Any" } else { "" })),
            expected,
            "{path}"
        );
    }
    assert_eq!(ask("/gongji.hub.v1.TransferService/NoSuch"), required);
    assert_eq!(ask(""), required);
    assert_eq!(ask("/grpc.health.v1.Healthy/Check"), required);
}

fn grants(methods: &[&str]) -> Result<Grants, GrantError> {
    let methods = methods.iter().map(|method| (*method).to_owned()).collect();
    let grant = AppGrant { provinces: BTreeSet::from([sichuan()]), methods };
    Grants::new(BTreeMap::from([("demo".to_owned(), grant)]))
}

#[test]
fn an_app_gets_what_its_grant_lists_and_no_more() {
    let create = "/gongji.hub.v1.TransferService/CreateTransfer";
    let get = "/gongji.hub.v1.TransferService/GetTransfer";
    let ask =
        |grants: &Grants, app: &str, path| check(path, Some(&Role::App(app.into())), &Role::Hub, grants);
    let no = Err(Denial::Because(Reason::RoleNotAllowed));

    let reader = grants(&["TransferService.GetTransfer"]).expect("fine");
    assert_eq!(ask(&reader, "demo", get), Ok(()));
    assert_eq!(ask(&reader, "demo", create), no);
    assert_eq!(ask(&reader, "other", get), no);
    assert_eq!(ask(&reader, "other", "/gongji.hub.v1.RegionService/GetRegion"), Ok(()));

    let all = grants(&["TransferService.CreateTransfer"]).expect("fine");
    assert_eq!(ask(&all, "demo", create), Ok(()));
    assert_eq!(ask(&all, "demo", "/gongji.node.v1.ParticipantService/Prepare"), no);
    assert_eq!(ask(&grants(&[]).expect("fine"), "demo", create), no, "no method is none, not all");
    assert!(all.allows_province("demo", sichuan()));
    assert!(!all.allows_province("demo", ProvinceCode::new(13)) && !all.allows_province("other", sichuan()));
    assert!(Grants::any().allows_province("other", ProvinceCode::new(13)));
}

#[test]
fn a_grant_of_what_no_app_may_call_is_refused() {
    for bad in [
        "GetTransfer",
        "TransferService/GetTransfer",
        "TransferService.Get",
        "ParticipantService.Prepare",
        "WalletService.ChangePlace",
    ] {
        assert_eq!(grants(&[bad]).expect_err("refused").method, bad);
    }
}

#[test]
fn who_is_not_in_a_list_that_is_there_may_do_what_every_role_may() {
    let callers = Callers {
        operators: Some(["li".to_owned()].into()),
        platforms: Some([sichuan()].into()),
        finance: Some([(sichuan(), "wang".to_owned())].into()),
    };
    let listed = Grants::any().with_callers(callers).with_nodes([sichuan()]);
    let ask = |grants: &Grants, role: &Role, path: &str| check(path, Some(role), &Role::Hub, grants);
    let because = |reason| Err(Denial::Because(reason));
    let (hebei, named) = (ProvinceCode::new(13), |name: &str| Role::Operator(name.to_owned()));
    let announce = "/gongji.hub.v1.CoordinatorService/AnnounceNode";
    let create = "/gongji.hub.v1.TransferService/CreateTransfer";
    let books = "/gongji.hub.v1.AuditService/ReadBooks";
    for (path, of_list, stranger, reason) in [
        (books, named("li"), named("he"), Reason::RoleNotAllowed),
        (create, Role::Platform(sichuan()), Role::Platform(hebei), Reason::RoleNotAllowed),
        (announce, Role::Node(sichuan()), Role::Node(hebei), Reason::NodeNotListed),
    ] {
        assert_eq!(ask(&listed, &of_list, path), Ok(()), "{of_list}");
        assert_eq!(ask(&listed, &stranger, path), because(reason), "{stranger}");
        assert_eq!(ask(&Grants::any(), &stranger, path), Ok(()), "{stranger}, without a list");
        assert_eq!(ask(&listed, &stranger, "/gongji.hub.v1.RegionService/ListRegions"), Ok(()), "{stranger}");
    }
    let at_node = |role: &Role| {
        check("/gongji.node.v1.MemberService/GetMember", Some(role), &Role::Node(hebei), &listed)
    };
    assert_eq!(at_node(&Role::Platform(hebei)), because(Reason::RoleNotAllowed), "its own, but not listed");
    assert_eq!(at_node(&Role::Platform(sichuan())), because(Reason::ProvinceNotAllowed));
}

#[test]
fn a_finance_person_has_no_method_but_health_and_clearing() {
    let of_operators = ["CloseWindow", "AssignBreak", "CloseBreak", "ClosePeriod", "PublishPeriod"];
    let is_clearing = |path: &str| {
        let method = path.strip_prefix("/gongji.hub.v1.SettlementService/");
        method.is_some_and(|method| !of_operators.contains(&method))
    };
    for server in [Role::Hub, Role::Node(sichuan())] {
        for (path, _) in TABLE {
            let path = format!("{path}{}", if path.ends_with('/') { "Any" } else { "" });
            let expected = path.starts_with("/grpc.health.v1.") || is_clearing(&path);
            assert_eq!(check(&path, Some(&finance()), &server, &Grants::any()).is_ok(), expected, "{path}");
        }
    }
}
