use super::*;
use crate::confirm::pattern::recognise;

const LANGUAGES: [Language; 3] = [Language::C, Language::Python, Language::Rust];

/// The rows and columns say what pattern each cell is; the analysis and `confirm` must see the same in its program.
#[test]
fn the_pattern_of_a_cell_is_that_of_its_program() {
    let catalog = Catalog::builtin();
    let target = Target::default();
    let mut compared = 0;
    for language in LANGUAGES {
        let mutations = statements::mutations(language);
        let partners = statements::partners(language);
        let first = mutations.iter().map(|mutation| (*mutation, partners[0]));
        let second = partners.iter().map(|partner| (mutations[0], *partner));
        for (mutation, partner) in first.chain(second) {
            let expected = pattern_of(language, mutation, partner).expect("every row and column has a form");
            let found = findings(language, mutation, partner, &catalog, &target);
            for finding in found {
                assert_eq!(
                    recognise(&finding).as_ref(),
                    Ok(&expected),
                    "{} beside {}",
                    mutation.code,
                    partner.code
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn claims_and_marks_come_from_the_catalog() {
    let of = |spec: &str, language, wanted: &str| {
        let target = Target::parse(spec).expect("a target");
        let found = cells(language, &target, wanted);
        assert_eq!(found.len(), 1, "{wanted}");
        (found[0].claim, found[0].mark)
    };
    let old = "libc=glibc-2.36,python=3.11.7";
    let system = "setenv(k, \"v\", 1); beside system(k);";
    assert_eq!(of(old, Language::C, system), (Claim::Memory, Mark::Common));
    assert_ne!(of("libc=glibc-2.41", Language::C, system).0, Claim::Memory);
    let run = "os.environ[k] = 'v' beside subprocess.run(['/bin/true'])";
    assert_eq!(of(old, Language::Python, run), (Claim::Memory, Mark::Common));
    assert_ne!(
        of("libc=glibc-2.36,python=3.11.2", Language::Python, run).0,
        Claim::Memory
    );
    let own = "os.environ[k] = 'v' beside subprocess.run(['/bin/true'], env={'A': 'b'})";
    assert_eq!(of(old, Language::Python, own).0, Claim::Nothing);
    let command = "set_var(name, \"v\"); beside let _ = Command::new(\"/bin/true\").status();";
    assert_ne!(of(old, Language::Rust, command).0, Claim::Memory);
    let foreign = "set_var(name, \"v\"); beside libc::system(k);";
    assert_eq!(of(old, Language::Rust, foreign), (Claim::Memory, Mark::Common));
}
