//! What comes back from calls: results, complaints and logs.

use gatehouse_sandbox::{CallError, LaunchError, Level, LogLine};
use serde_json::json;

use crate::workshop::{call, error, node, python, value};

fn texts(logs: &[LogLine]) -> Vec<(Level, &str)> {
    logs.iter().map(|line| (line.level, line.text.as_str())).collect()
}

#[tokio::test]
async fn helpers_are_imported_both_ways_and_once() {
    let project = python(
        "from .helper import bump\nimport helper\nfrom . import tools\nfrom tools.inner import deep\n\
         def main():\n    bump()\n    helper.bump()\n    return [helper.count, deep(), tools.inner.deep()]\n",
    )
    .with("helper.py", "count = 0\ndef bump():\n    global count\n    count += 1\n")
    .with("tools/__init__.py", "")
    .with("tools/inner.py", "from ..helper import bump\ndef deep():\n    return __name__\n");
    assert_eq!(project.answer().await, json!([2, "__script__.tools.inner", "__script__.tools.inner"]));
}

#[tokio::test]
async fn javascript_helpers_and_modules_are_loaded() {
    let common = node("const { twice } = require('./lib/helper');\nexports.main = () => [twice(4), require.main === module, __filename];\n")
        .with("lib/helper.js", "exports.twice = (n) => 2 * n;\n");
    assert_eq!(common.answer().await, json!([8, true, "/app/main.js"]));
    let modern =
        node("import { twice } from './lib/helper.js';\nexport const main = async () => twice(await 4);\n")
            .with("lib/helper.js", "export const twice = (n) => 2 * n;\n")
            .with("package.json", r#"{"type":"module"}"#);
    assert_eq!(modern.answer().await, json!(8));
}

#[tokio::test]
async fn null_and_undefined_are_results() {
    let replica = python("def main(): pass\n").launch(&["main"]).await;
    assert_eq!(value(&call(&replica, "main", json!({})).await.unwrap()), json!(null));
    let replica = node("function main() {}\nfunction list() { return [undefined, null]; }\n")
        .launch(&["main", "list"])
        .await;
    assert_eq!(value(&call(&replica, "main", json!({})).await.unwrap()), json!(null));
    assert_eq!(value(&call(&replica, "list", json!({})).await.unwrap()), json!([null, null]));
}

#[tokio::test]
async fn asynchronous_functions_are_awaited_beside_each_other() {
    for project in [
        python("import asyncio\nasync def main(n):\n    await asyncio.sleep(0.3)\n    return n\n"),
        node("async function main(n) { await new Promise((done) => setTimeout(done, 300)); return n; }\n"),
        python("import time\ndef main(n):\n    time.sleep(0.3)\n    return n\n"),
    ] {
        let replica = project.launch(&["main"]).await;
        call(&replica, "main", json!([0])).await.unwrap();
        let began = std::time::Instant::now();
        let (a, b, c) = tokio::join!(
            call(&replica, "main", json!([1])),
            call(&replica, "main", json!([2])),
            call(&replica, "main", json!([3])),
        );
        assert_eq!([a, b, c].map(|outcome| value(&outcome.unwrap())), [json!(1), json!(2), json!(3)]);
        assert!(began.elapsed().as_millis() < 800, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn python_results_that_are_no_json_are_named_with_their_place() {
    let cases = [
        ("(x for x in [1])", "generator", "$"),
        ("{'a': [1, b'x']}", "bytes", "$.a[1]"),
        ("float('nan')", "float nan", "$"),
        ("[float('inf')]", "float inf", "$[0]"),
        ("{'d': __import__('decimal').Decimal('1')}", "decimal.Decimal", "$.d"),
        ("{'when': __import__('datetime').date(2020, 1, 1)}", "datetime.date", "$.when"),
        ("{1, 2}", "set", "$"),
        ("object()", "object", "$"),
        ("len", "builtin_function_or_method", "$"),
        ("{(1, 2): 3}", "key of type tuple", "$"),
        ("'\\ud800'", "text with half a character", "$"),
    ];
    let source: String =
        cases.iter().enumerate().map(|(n, (code, ..))| format!("def f{n}(): return {code}\n")).collect();
    let names: Vec<_> = (0..cases.len()).map(|n| format!("f{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let replica = python(&source).launch(&names).await;
    for (name, (code, found, path)) in names.iter().zip(cases) {
        let expected = CallError::ResultNotJson { found: found.to_owned(), path: path.to_owned() };
        assert_eq!(error(&replica, name, json!({})).await, expected, "{code}");
    }
}

#[tokio::test]
async fn javascript_results_that_are_no_json_are_named_with_their_place() {
    let cases = [
        ("(function* () { yield 1; })()", "iterator", "$"),
        ("(async function* () { yield 1; })()", "async iterator", "$"),
        ("({ a: [1, new Map()] })", "Map", "$.a[1]"),
        ("new Set([1])", "Set", "$"),
        ("({ n: 10n })", "BigInt", "$.n"),
        ("NaN", "NaN", "$"),
        ("[Infinity]", "Infinity", "$[0]"),
        ("({ f() {} })", "function", "$.f"),
        ("Symbol('x')", "symbol", "$"),
        ("Buffer.from('x')", "Buffer", "$"),
        ("({ late: Promise.resolve(1) })", "Promise", "$.late"),
        ("(() => { const a = {}; a.a = a; return a; })()", "circular reference", "$.a"),
        ("[1].values()", "iterator", "$"),
        ("new Error('x')", "Error", "$"),
    ];
    let source: String = cases
        .iter()
        .enumerate()
        .map(|(n, (code, ..))| format!("function f{n}() {{ return {code}; }}\n"))
        .collect();
    let names: Vec<_> = (0..cases.len()).map(|n| format!("f{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let replica = node(&source).launch(&names).await;
    for (name, (code, found, path)) in names.iter().zip(cases) {
        let expected = CallError::ResultNotJson { found: found.to_owned(), path: path.to_owned() };
        assert_eq!(error(&replica, name, json!({})).await, expected, "{code}");
    }
}

#[tokio::test]
async fn wrong_arguments_are_told_apart_from_faults_of_the_function() {
    let replica =
        python("def main(a, b): return a + b\ndef inner(): return main(1)\nasync def later(a): return a\n")
            .launch(&["main", "inner", "later"])
            .await;
    for (name, arguments) in [
        ("main", json!({"a": 1})),
        ("main", json!([1, 2, 3])),
        ("main", json!({"a": 1, "b": 2, "c": 3})),
        ("later", json!({})),
    ] {
        let refused = error(&replica, name, arguments).await;
        assert!(
            matches!(&refused, CallError::BadArguments { message } if message.contains(name)),
            "{refused:?}"
        );
    }
    for (name, arguments) in [("main", json!([1, "x"])), ("inner", json!({}))] {
        let failed = error(&replica, name, arguments).await;
        assert!(matches!(&failed, CallError::Script { kind, .. } if kind == "TypeError"), "{failed:?}");
    }
    let replica = node("function main(a, b) { return a + b; }\nfunction event(e) { return e; }\nfunction none() { return 1; }\n")
        .launch(&["main", "event", "none"])
        .await;
    for (name, arguments) in
        [("main", json!({"a": 1})), ("main", json!({"a": 1, "b": 2, "c": 3})), ("none", json!({"x": 1}))]
    {
        let refused = error(&replica, name, arguments).await;
        assert!(
            matches!(&refused, CallError::BadArguments { message } if message.contains(name)),
            "{refused:?}"
        );
    }
    let whole = call(&replica, "event", json!({"kind": "x", "n": 1})).await.unwrap();
    assert_eq!(
        value(&whole),
        json!({"kind": "x", "n": 1}),
        "a function of one parameter gets the whole object"
    );
}

#[tokio::test]
async fn exceptions_come_with_a_traceback_of_the_script_alone() {
    let project = python(
        "class Broken(Exception): pass\ndef main():\n    helper()\ndef helper():\n    raise Broken('no luck')\n",
    );
    let failed = error(&project.launch(&["main"]).await, "main", json!({})).await;
    let CallError::Script { kind, message, traceback } = failed else { panic!("{failed:?}") };
    assert_eq!((kind.as_str(), message.as_str()), ("Broken", "no luck"));
    assert!(traceback.contains("File \"/app/main.py\", line 5, in helper"), "{traceback}");
    assert!(!traceback.contains("worker.py"), "{traceback}");
    assert!(!traceback.contains(project.folder.path().to_str().unwrap()), "{traceback}");

    let project =
        node("function main() { helper(); }\nfunction helper() { throw new RangeError('no luck'); }\n");
    let failed = error(&project.launch(&["main"]).await, "main", json!({})).await;
    let CallError::Script { kind, message, traceback } = failed else { panic!("{failed:?}") };
    assert_eq!((kind.as_str(), message.as_str()), ("RangeError", "no luck"));
    assert!(traceback.contains("at helper (/app/main.js:2:27)"), "{traceback}");
    assert!(!traceback.contains("worker.js"), "{traceback}");
}

#[tokio::test]
async fn a_project_that_cannot_be_loaded_says_why() {
    let refused = python("import nowhere\n").try_launch(&[]).await.unwrap_err();
    let LaunchError::Load { kind, message, traceback, .. } = refused else { panic!("{refused:?}") };
    assert_eq!((kind.as_str(), message.as_str()), ("ModuleNotFoundError", "No module named 'nowhere'"));
    assert!(traceback.contains("File \"/app/main.py\", line 1"), "{traceback}");
    let refused = node("require('nowhere');\n").try_launch(&[]).await.unwrap_err();
    assert!(
        matches!(&refused, LaunchError::Load { message, .. } if message.contains("Cannot find module 'nowhere'")),
        "{refused:?}"
    );
    let refused = python("def a(): pass\n").try_launch(&["b"]).await.unwrap_err();
    assert!(matches!(&refused, LaunchError::Load { message, .. } if message.contains("'b'")), "{refused:?}");
    let refused = python("import os\nos._exit(3)\n").try_launch(&[]).await.unwrap_err();
    assert!(refused.to_string().contains("exit status 3"), "{refused}");
}

#[tokio::test]
async fn what_a_call_writes_is_its_log() {
    let project = python(
        "import logging, sys\nlog = logging.getLogger('mine')\ndef main(n):\n    print('one', n)\n    print('no end', end='')\n\
         \x20   sys.stderr.write('bad\\n')\n    log.info('told')\n    log.warning('beware')\n    log.debug('quiet')\n    log.error('worse')\n",
    );
    let replica = project.launch(&["main"]).await;
    let outcome = call(&replica, "main", json!([1])).await.unwrap();
    let expected = [
        (Level::Stdout, "one 1"),
        (Level::Stderr, "bad"),
        (Level::Info, "told"),
        (Level::Warning, "beware"),
        (Level::Error, "worse"),
        (Level::Stdout, "no end"),
    ];
    assert_eq!(texts(&outcome.logs), expected);
    assert!(outcome.logs.iter().all(|line| line.call == Some(outcome.call)));

    let project = node(
        "async function main(n) { console.log('one', n); await null; console.info('told'); console.warn('beware');\n\
         console.error('worse'); console.debug('%d%%', 5); process.stdout.write('no end'); }\n",
    );
    let replica = project.launch(&["main"]).await;
    let outcome = call(&replica, "main", json!([1])).await.unwrap();
    let expected = [
        (Level::Stdout, "one 1"),
        (Level::Info, "told"),
        (Level::Warning, "beware"),
        (Level::Error, "worse"),
        (Level::Debug, "5%"),
        (Level::Stdout, "no end"),
    ];
    assert_eq!(texts(&outcome.logs), expected);
}

#[tokio::test]
async fn a_failed_call_has_its_log_too() {
    let replica =
        python("def main():\n    print('before')\n    raise ValueError('x')\n").launch(&["main"]).await;
    let failure = call(&replica, "main", json!({})).await.unwrap_err();
    assert_eq!(texts(&failure.logs), [(Level::Stdout, "before")]);
}

#[tokio::test]
async fn everything_written_can_be_followed() {
    let replica = python("print('loading')\ndef main():\n    print('called')\n").launch(&["main"]).await;
    let mut log = replica.logs().unwrap();
    assert!(replica.logs().is_none(), "it is taken once");
    let outcome = call(&replica, "main", json!({})).await.unwrap();
    let first = log.recv().await.unwrap();
    assert_eq!((first.call, first.text.as_str()), (None, "loading"));
    let second = log.recv().await.unwrap();
    assert_eq!((second.call, second.text.as_str()), (Some(outcome.call), "called"));
}
