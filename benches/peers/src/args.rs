//! What is run, and how large.

use std::path::PathBuf;

use clap::Parser;
use indelible_benches::data::Source;

/// The same events and questions put to Indelible and to other stores; writes RESULTS.md and the plots beside it.
#[derive(Debug, Clone, Parser)]
pub struct Args {
    /// Events that every store gets.
    #[arg(long, default_value_t = 1_000_000)]
    pub events: u64,
    /// Largest number of events of the cost curve, which Indelible alone takes; 0 leaves the curve out.
    #[arg(long, default_value_t = 10_000_000)]
    pub curve_max: u64,
    /// Seed of workload and questions.
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Questions of a kind.
    #[arg(long, default_value_t = 200)]
    pub questions: usize,
    /// Most rounds; in each the stores take turns, in another order.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// A store takes no further turn once its turns have taken so many seconds; everyone has one.
    #[arg(long, default_value_t = 150.0)]
    pub store_seconds: f64,
    /// Seconds for the questions of a kind; a store that is slow answers fewer of them, at least three.
    #[arg(long, default_value_t = 4.0)]
    pub kind_seconds: f64,
    /// Minutes after which no store takes another turn.
    #[arg(long, default_value_t = 20.0)]
    pub minutes: f64,
    /// Small: 20,000 events, one round, a curve to 20,000. For a test that all of it works.
    #[arg(long)]
    pub quick: bool,
    /// Only these stores, by name (see --list), instead of all.
    #[arg(long, value_delimiter = ',')]
    pub stores: Vec<String>,
    /// Names of the stores, and nothing else.
    #[arg(long)]
    pub list: bool,
    /// Native events, one a line, instead of the reference workload. Leaves the curve out.
    #[arg(long)]
    pub ndjson: Option<PathBuf>,
    /// Where stores are made; must not be memory. Default: the system's directory for temporary files.
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Where the tables are written, the plots into `plots` beside the analysis file. Default: only printed.
    #[arg(long)]
    pub results: Option<PathBuf>,
    /// Text that goes into the tables as it is: where the time goes, and what would be next.
    #[arg(long, default_value = "benches/ANALYSIS.md")]
    pub analysis: PathBuf,
    /// Where the plots go.
    #[arg(long, default_value = "benches/plots")]
    pub plots: PathBuf,
    /// Keeps everything that was measured as JSON.
    #[arg(long)]
    pub raw: Option<PathBuf>,
    /// Writes the tables from such JSON again and measures nothing.
    #[arg(long, conflicts_with = "raw")]
    pub from_raw: Option<PathBuf>,
    /// One job, in JSON: what the command starts itself with.
    #[arg(long, hide = true)]
    pub job: Option<String>,
    /// Where the job leaves what it found.
    #[arg(long, hide = true, requires = "job")]
    pub out: Option<PathBuf>,
    /// Runs a path of Indelible's own once and prints its units: what runs inside callgrind.
    #[arg(long, hide = true)]
    pub path: Option<String>,
    /// Digests of the right answers.
    #[arg(long, hide = true)]
    pub answers: Option<PathBuf>,
}

impl Args {
    /// With `--quick`, everything small that was not asked for otherwise.
    #[must_use]
    pub fn sized(mut self) -> Self {
        if self.quick {
            self.events = self.events.min(20_000);
            self.curve_max = self.curve_max.min(20_000);
            self.questions = self.questions.min(20);
            self.rounds = 1;
            self.kind_seconds = self.kind_seconds.min(1.0);
        }
        if self.ndjson.is_some() {
            self.curve_max = 0;
        }
        self
    }

    /// Where the events come from.
    #[must_use]
    pub fn source(&self) -> Source {
        match &self.ndjson {
            Some(file) => Source::Ndjson(file.clone()),
            None => Source::Workload { seed: self.seed },
        }
    }

    /// What a child that runs a job is started with besides the job.
    #[must_use]
    pub fn for_child(&self) -> Vec<String> {
        let mut args = vec![
            format!("--events={}", self.events),
            format!("--seed={}", self.seed),
            format!("--questions={}", self.questions),
            format!("--kind-seconds={}", self.kind_seconds),
        ];
        args.extend(self.ndjson.iter().map(|file| format!("--ndjson={}", file.display())));
        args.extend(self.answers.iter().map(|file| format!("--answers={}", file.display())));
        args
    }
}
