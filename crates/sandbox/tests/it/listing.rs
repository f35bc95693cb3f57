//! Functions are read, and nothing is run.

use gatehouse_sandbox::{Function, Language, ListError};

use crate::workshop::{Project, interpreter, node, python, sandbox};

async fn list(project: &Project) -> Result<Vec<Function>, ListError> {
    let sandbox = sandbox();
    sandbox.functions(&interpreter(&sandbox, project.language).await, &project.app()).await
}

fn function(name: &str, parameters: &[&str], asynchronous: bool, line: u32) -> Function {
    let parameters = parameters.iter().map(|name| (*name).to_owned()).collect();
    Function { name: name.to_owned(), parameters, asynchronous, line }
}

#[tokio::test]
async fn top_level_functions_of_python_are_listed_without_running_them() {
    let project = python(
        "from os import getcwd\nopen('/workspace/ran', 'w')\n\ndef add(a, b=1, *rest, key=None, **more):\n    pass\n\
         async def wait(seconds): pass\ndef _hidden(): pass\nclass Thing:\n    def method(self): pass\n\
         def replaced(): pass\nreplaced = 3\n",
    );
    let found = list(&project).await.unwrap();
    let add = function("add", &["a", "b", "*rest", "key", "**more"], false, 4);
    assert_eq!(found, [add, function("wait", &["seconds"], true, 6)]);
    assert!(!project.workspace().join("ran").exists());
}

#[tokio::test]
async fn a_wrong_syntax_of_python_is_told_with_its_line() {
    let refused = list(&python("def a():\n    pass\ndef b(:\n    pass\n")).await.unwrap_err();
    let ListError::Syntax { file, line, message } = refused else { panic!("{refused:?}") };
    assert_eq!((file.as_str(), line), ("main.py", 3));
    assert!(!message.is_empty());
}

#[tokio::test]
async fn functions_and_exports_of_common_js_are_listed() {
    let project = node(
        "#!/usr/bin/env node\nfunction add(a, b = 1, ...rest) {}\nasync function wait({ seconds }) {}\nfunction _hidden() {}\n\
         const inner = (x) => x;\nexports.arrow = async (y) => y;\nmodule.exports.named = inner;\n\
         class Thing { method() {} }\nif (true) { function nested() {} }\nrequire('fs').writeFileSync('/workspace/ran', '');\n",
    );
    let found = list(&project).await.unwrap();
    let expected = [
        function("add", &["a", "b", "...rest"], false, 2),
        function("wait", &["{}"], true, 3),
        function("arrow", &["y"], true, 6),
        function("named", &["x"], false, 5),
    ];
    assert_eq!(found, expected);
    assert!(!project.workspace().join("ran").exists());
}

#[tokio::test]
async fn an_object_of_exports_is_listed() {
    let project = node(
        "const a = () => 1;\nfunction b() {}\nmodule.exports = { a, c: b, d(x) {}, e: 5, ['f']: a, _g: a };\n",
    );
    let names: Vec<_> = list(&project).await.unwrap().into_iter().map(|function| function.name).collect();
    assert_eq!(names, ["b", "a", "c", "d"]);
}

#[tokio::test]
async fn exports_of_a_module_are_listed_and_nothing_else() {
    let project = node("export function a(x) {}\nexport const b = async () => 1;\nfunction c() {}\nfunction d() {}\nexport { d as e };\n")
        .with("package.json", r#"{"type": "module"}"#);
    let names: Vec<_> = list(&project).await.unwrap().into_iter().map(|function| function.name).collect();
    assert_eq!(names, ["a", "b", "e"]);
}

#[tokio::test]
async fn a_wrong_syntax_of_javascript_is_told_with_its_line() {
    let refused = list(&node("function a() {}\n\nfunction b( {\n")).await.unwrap_err();
    let ListError::Syntax { file, line, message } = refused else { panic!("{refused:?}") };
    assert_eq!((file.as_str(), line, message.as_str()), ("main.js", 4, "Unexpected token"));
}

#[tokio::test]
async fn a_missing_main_file_is_named() {
    for (language, name) in [(Language::Python, "main.py"), (Language::JavaScript, "main.js")] {
        let project = match language {
            Language::Python => python(""),
            Language::JavaScript => node(""),
        };
        std::fs::remove_file(project.app().join(name)).unwrap();
        assert_eq!(list(&project).await, Err(ListError::NoMain(name.to_owned())));
    }
}

#[tokio::test]
async fn a_parser_that_runs_wild_is_an_error_and_no_hang() {
    let deep = format!("x = {}1{}\n", "(".repeat(100_000), ")".repeat(100_000));
    assert!(list(&python(&deep)).await.is_err());
    let deep = format!("x = {}1{};\n", "[".repeat(200_000), "]".repeat(200_000));
    assert!(list(&node(&deep)).await.is_err());
}
