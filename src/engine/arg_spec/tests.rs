use super::*;

/// What ansible-core says (`tests/oracle/arg_spec`).
const RECORDS: &str = include_str!("../../../tests/records/arg_spec.json");

#[test]
fn what_is_wrong_is_told_in_ansibles_words() {
    let cases: Vec<Json> = serde_json::from_str(RECORDS).unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let map = |name: &str| case[name].as_object().unwrap().clone();
        let told = errors(&map("spec"), &map("values"));
        assert_eq!(Json::from(told), case["errors"], "{} {}", case["spec"], case["values"]);
    }
}
