//! What each stage takes of the way from bytes to findings, on the fixtures of this repository: `cargo bench --bench stages`.
//! A whole tree beside other tools is `compare.py`'s.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use envrace::detect::{Extent, Options, Persona, analyse};
use envrace::facts::{FileFacts, Language};
use envrace::frontend::{Share, Shared, lower_in};
use envrace::input::{Screen, Signs, Sought, Source, Sources};
use envrace::knowledge::{Catalog, Spelling, Target};
use envrace::model::{STEPS, Tree};

const LANGUAGES: [(Language, &str); 3] = [(Language::C, "c"), (Language::Python, "py"), (Language::Rust, "rs")];

/// The files of a language below a folder, by path.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut open = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the fixtures can be read") {
            let path = entry.expect("an entry of the fixtures can be read").path();
            match path.is_dir() {
                true => open.push(path),
                false if path.extension().is_some_and(|known| known == extension) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

fn sources(language: Language, extension: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let read = |path: PathBuf| Source {
        text: fs::read_to_string(&path).expect("a fixture is text"),
        path: path.display().to_string(),
        language,
    };
    files(&root, extension).into_iter().map(read).collect()
}

fn lowered(sources: &[Source]) -> Vec<FileFacts> {
    let shared = Shared::of(sources.iter().filter_map(Share::of).collect());
    sources.iter().map(|source| lower_in(source, &shared).0).collect()
}

fn stages(criterion: &mut Criterion) {
    let catalog = Catalog::builtin();
    for (language, extension) in LANGUAGES {
        let sources = sources(language, extension);
        let bytes: usize = sources.iter().map(|source| source.text.len()).sum();
        let mut group = criterion.benchmark_group(language.name());
        group.throughput(Throughput::Bytes(bytes as u64));
        let screen = Screen::new(
            &[Sought {
                sign: Signs::number(0),
                words: Spelling::of(&catalog, language).changes,
                whole: true,
                excuse: None,
            }],
            language == Language::C,
        );
        group.bench_function("look at the bytes", |bencher| {
            bencher.iter(|| {
                for source in &sources {
                    black_box(screen.look(source.text.as_bytes()));
                }
            });
        });
        group.bench_function("facts", |bencher| bencher.iter(|| lowered(black_box(&sources))));
        let facts = lowered(&sources);
        group.bench_function("keeping facts and taking them back", |bencher| {
            bencher.iter(|| {
                for file in &facts {
                    let kept = postcard::to_allocvec(file).expect("facts can be kept");
                    black_box(postcard::from_bytes::<FileFacts>(&kept).expect("kept facts can be read"));
                }
            });
        });
        group.bench_function("index", |bencher| {
            bencher.iter_batched(|| facts.clone(), Tree::new, criterion::BatchSize::LargeInput);
        });
        let texts = Sources::new(sources);
        for extent in [Extent::Pairs, Extent::Acts] {
            let options = Options {
                target: Target::default(),
                persona: Persona::Regular,
                preview: false,
                extent,
                steps: STEPS,
            };
            group.bench_function(format!("findings, {extent:?}"), |bencher| {
                bencher.iter_batched(
                    || facts.clone(),
                    |facts| analyse(facts, &texts, &catalog, &options).findings.len(),
                    criterion::BatchSize::LargeInput,
                );
            });
        }
        group.finish();
    }
    criterion.bench_function("the catalog with an empty configuration", |bencher| {
        bencher.iter(|| Catalog::with_user(black_box(""), "envrace.toml").expect("an empty configuration is one"));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = stages
}
criterion_main!(benches);
