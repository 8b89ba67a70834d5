use super::*;

struct Story {
    machine: Machine,
    now: Instant,
}

impl Story {
    fn new() -> Self {
        let now = Instant::now();
        let limits = Limits { stop: Duration::from_secs(15), drain: Duration::from_secs(30) };
        Self { machine: Machine::new(limits, now), now }
    }

    fn running() -> Self {
        let mut story = Self::new();
        assert_eq!(story.on(Event::Tick), [Action::Start]);
        story.on(Event::Started);
        story
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.now += Duration::from_secs(seconds);
        self
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        self.machine.step(event, self.now)
    }
}

const ENDED: Event = Event::Ended { tree_empty: true };

#[test]
fn after_a_good_run_it_is_started_again_at_once() {
    let mut story = Story::running();
    assert_eq!(story.after(2).on(ENDED), [Action::Start]);
    assert_eq!(story.machine.restarts, 1);
}

#[test]
fn a_crash_loop_slows_down_and_is_called_crashed() {
    let mut story = Story::running();
    let mut pauses = vec![];
    for _ in 0..8 {
        assert_eq!(story.on(ENDED), []);
        let Phase::Waiting { until } = story.machine.phase else { panic!("{:?}", story.machine.phase) };
        pauses.push((until - story.now).as_secs());
        story.now = until;
        assert_eq!(story.on(Event::Tick), [Action::Start]);
        story.on(Event::Started);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    story.on(ENDED);
    assert_eq!(story.machine.name(), "crashed");
    assert_eq!(story.machine.restarts, 8);
}

#[test]
fn requests_under_way_finish_before_the_signal() {
    let mut story = Story::running();
    story.on(Event::InFlight(2));
    assert_eq!(story.on(Event::Stop), [Action::Retire]);
    assert_eq!(story.on(Event::InFlight(1)), []);
    assert_eq!(story.on(Event::InFlight(0)), [Action::Signal]);
    assert_eq!(story.after(1).on(ENDED), [Action::Leave]);
    assert_eq!(story.machine.name(), "gone");
}

#[test]
fn draining_and_ending_are_bounded() {
    let mut story = Story::running();
    story.on(Event::InFlight(1));
    story.on(Event::Stop);
    assert_eq!(story.after(30).on(Event::Tick), [Action::Signal]);
    assert_eq!(story.after(14).on(Event::Tick), []);
    assert_eq!(story.after(1).on(Event::Tick), [Action::Kill]);
    assert_eq!(story.after(1).on(Event::Tick), [Action::Kill]);
}

#[test]
fn asking_twice_shortens() {
    let mut story = Story::running();
    story.on(Event::InFlight(1));
    story.on(Event::Stop);
    assert_eq!(story.on(Event::Stop), [Action::Signal]);
    assert_eq!(story.on(Event::Stop), [Action::Kill]);
}

#[test]
fn what_a_dead_child_left_behind_is_ended_before_the_next_start() {
    let mut story = Story::running();
    assert_eq!(story.after(2).on(Event::Ended { tree_empty: false }), [Action::Signal]);
    assert_eq!(story.after(15).on(Event::Tick), [Action::Kill]);
    assert_eq!(story.on(Event::TreeEmpty), [Action::Start]);
}

#[test]
fn what_nobody_has_ended_before_is_ended_before_the_first_start() {
    let mut story = Story::new();
    assert_eq!(story.on(Event::LeftBehind), [Action::Signal]);
    assert_eq!(story.on(Event::Tick), []);
    assert_eq!(story.after(15).on(Event::Tick), [Action::Kill]);
    assert_eq!(story.on(Event::TreeEmpty), [Action::Start]);
}

#[test]
fn a_restart_holds_requests_and_reads_the_environment_anew() {
    let mut story = Story::running();
    assert_eq!(story.on(Event::Restart), [Action::Hold, Action::Signal]);
    assert_eq!(story.on(ENDED), [Action::StartAnew]);
    story.on(Event::Started);
    assert_eq!(story.machine.name(), "up");
}

#[test]
fn stop_wins_over_restart_and_over_waiting() {
    let mut story = Story::running();
    story.on(Event::Restart);
    assert_eq!(story.on(Event::Stop), [Action::Retire]);
    assert_eq!(story.on(ENDED), [Action::Leave]);
    let mut story = Story::running();
    story.on(ENDED);
    assert_eq!(story.on(Event::Stop), [Action::Retire, Action::Leave]);
}

#[test]
fn a_child_that_cannot_be_started_backs_off_too() {
    let mut story = Story::new();
    story.on(Event::Tick);
    assert_eq!(story.on(Event::NotStarted), []);
    assert_eq!(story.machine.name(), "waiting");
}
