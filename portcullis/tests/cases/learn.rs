//! The pages in `docs/` say what is so.

/// What stands in the blocks of this kind, one text for each.
fn blocks<'p>(page: &'p str, kind: &str) -> Vec<&'p str> {
    let begin = format!("\n```{kind}\n");
    page.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_compilers_words_are_those_that_its_test_looks_for() {
    let sentences = blocks(include_str!("../../docs/mistakes.md"), "text");
    assert_eq!(sentences.len(), 7);
    for sentence in sentences {
        let sentence = sentence.trim_end();
        let looked_for = format!("{sentence:?}").trim_matches('"').to_owned();
        assert!(include_str!("fail.rs").contains(&looked_for), "no test looks for: {sentence}");
    }
}

#[test]
fn the_difference_is_the_one_between_the_examples() {
    let page = include_str!("../../docs/into-your-application.md");
    let [difference] = blocks(page, "diff")[..] else { panic!("there is one difference") };
    let side = |sign: char| -> String {
        let lines = difference.split_inclusive('\n');
        lines.filter_map(|line| line.strip_prefix([' ', sign])).collect()
    };
    let before = include_str!("../../examples/before_and_after/before.rs");
    let after = include_str!("../../examples/before_and_after/after.rs");
    assert_eq!(side('-'), before, "say: diff -U1000 before.rs after.rs");
    assert_eq!(side('+'), after, "say: diff -U1000 before.rs after.rs");
}

/// A program that a page sends the reader to exists.
#[test]
fn the_examples_that_are_named_exist() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let pages = [
        include_str!("../../docs/coming-from-fastapi.md"),
        include_str!("../../docs/issuers.md"),
        include_str!("../../docs/mistakes.md"),
        include_str!("../../docs/schemes.md"),
    ];
    let words = pages.iter().flat_map(|page| page.split('`'));
    let named: Vec<_> = words.filter_map(|word| word.strip_suffix(".rs")).collect();
    assert!(named.len() >= 8, "{named:?}");
    for name in named {
        let name = name.strip_prefix("examples/").unwrap_or(name);
        assert!(folder.join(format!("{name}.rs")).is_file(), "{name}");
    }
}
