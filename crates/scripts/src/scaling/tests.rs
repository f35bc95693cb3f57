use super::*;
use proptest::prelude::*;

fn used(loads: &[u32]) -> Vec<Load> {
    loads.iter().map(|l| Load::Used(*l)).collect()
}

fn first(policy: Policy, loads: &[Load]) -> Decision {
    decide(policy, &mut History::default(), 1_000_000, loads)
}

fn ten() -> Policy {
    Policy::new(1, 10, 75)
}

#[test]
fn the_number_follows_the_mean_use() {
    for (loads, wanted) in [
        (&[750][..], 1),
        (&[1_000], 2),
        (&[1_000, 1_000], 3),
        (&[900, 900, 900], 4),
        (&[100, 100, 100, 100], 1),
        (&[0, 0], 0),
        (&[400, 1_000], 2),
    ] {
        assert_eq!(first(ten(), &used(loads)).wanted, wanted, "{loads:?}");
    }
}

#[test]
fn a_tenth_of_deviation_changes_nothing() {
    let policy = Policy::new(1, 10, 50);
    for (load, wanted) in [(550, 4), (551, 5), (450, 4), (449, 4), (370, 3)] {
        assert_eq!(first(policy, &used(&[load; 4])).wanted, wanted, "{load}");
    }
}

#[test]
fn starting_replicas_count_as_idle_when_more_are_wanted() {
    let mut loads = used(&[1_000]);
    assert_eq!(first(ten(), &loads).wanted, 2);
    loads.push(Load::Starting);
    assert_eq!(first(ten(), &loads).wanted, 2, "one is busy, one is coming: enough");
    let busy = [Load::Used(1_000), Load::Used(1_000), Load::Used(1_000), Load::Starting];
    assert_eq!(first(ten(), &busy).wanted, 4, "3000 / 750 = 4, which are there");
    let idle = [Load::Used(100), Load::Used(100), Load::Used(100), Load::Starting];
    assert_eq!(first(ten(), &idle).wanted, 1, "they do not count when fewer are wanted");
}

#[test]
fn replicas_that_could_not_be_measured_move_nothing() {
    assert_eq!(first(ten(), &[Load::Unknown, Load::Unknown]).wanted, 2);
    assert_eq!(first(ten(), &[Load::Starting]).wanted, 1);
    assert_eq!(first(ten(), &[Load::Used(1_000), Load::Unknown]).wanted, 2);
    assert_eq!(first(ten(), &[Load::Used(100), Load::Unknown]).wanted, 2);
    assert_eq!(first(ten(), &[Load::Used(10), Load::Used(10), Load::Unknown]).wanted, 2);
}

#[test]
fn more_come_at_once_but_not_too_many() {
    let policy = Policy::new(1, 10, 10);
    let mut history = History::default();
    let up = decide(policy, &mut history, 0, &used(&[1_000]));
    assert_eq!((up.replicas, up.wanted, up.held), (5, 10, Some(Held::Growth)));
    let again = decide(policy, &mut history, 5_000, &used(&[1_000; 5]));
    assert_eq!((again.replicas, again.held), (5, Some(Held::Growth)), "the four of this time are used up");
    let later = decide(policy, &mut history, 15_000, &used(&[1_000; 5]));
    assert_eq!((later.replicas, later.wanted, later.held), (10, 50, Some(Held::Policy)));
}

#[test]
fn fewer_come_after_three_hundred_quiet_seconds() {
    let mut history = History::default();
    let busy = used(&[1_000, 1_000, 1_000]);
    assert_eq!(decide(ten(), &mut history, 0, &busy).replicas, 4);
    let quiet = used(&[0; 4]);
    for now in (15_000..=300_000).step_by(15_000) {
        let d = decide(ten(), &mut history, now, &quiet);
        assert_eq!((d.replicas, d.wanted, d.held), (4, 0, Some(Held::Recently)), "{now}");
    }
    let d = decide(ten(), &mut history, 315_000, &quiet);
    assert_eq!((d.replicas, d.held), (1, Some(Held::Policy)));
}

#[test]
fn a_smaller_wish_takes_over_when_the_larger_one_is_old() {
    let mut history = History::default();
    assert_eq!(decide(ten(), &mut history, 0, &used(&[1_000; 5])).replicas, 7);
    assert_eq!(decide(ten(), &mut history, 100_000, &used(&[430; 7])).replicas, 7, "wants 5");
    assert_eq!(decide(ten(), &mut history, 200_000, &used(&[100; 7])).replicas, 7, "wants 1");
    assert_eq!(decide(ten(), &mut history, 301_000, &used(&[100; 7])).replicas, 5);
    assert_eq!(decide(ten(), &mut history, 401_000, &used(&[100; 5])).replicas, 1);
}

#[test]
fn before_the_first_decision_the_present_number_counts_as_wanted() {
    let mut history = History::default();
    assert_eq!(decide(ten(), &mut history, 50_000, &used(&[0; 6])).replicas, 6);
    assert_eq!(decide(ten(), &mut history, 350_000, &used(&[0; 6])).replicas, 6);
    assert_eq!(decide(ten(), &mut history, 350_001, &used(&[0; 6])).replicas, 1);
}

#[test]
fn equal_numbers_switch_scaling_off() {
    let fixed = Policy::new(3, 3, 75);
    assert_eq!(first(fixed, &used(&[1_000; 3])).replicas, 3);
    assert_eq!(first(fixed, &used(&[1_000; 2])).replicas, 3);
    assert_eq!(first(fixed, &[]).replicas, 3);
}

#[test]
fn what_is_outside_the_policy_is_brought_inside() {
    let policy = Policy::new(2, 4, 75);
    assert_eq!(first(policy, &used(&[1_000])).replicas, 2);
    assert_eq!(first(policy, &used(&[0; 9])).replicas, 4);
    assert_eq!(Policy::new(0, 0, 0), Policy::new(1, 1, 1));
}

fn load() -> impl Strategy<Value = Load> {
    prop_oneof![
        6 => (0u32..1_500).prop_map(Load::Used),
        1 => Just(Load::Starting),
        1 => Just(Load::Unknown),
    ]
}

proptest! {
    /// The rule written down once more, with fractions, for replicas that are all measured.
    #[test]
    fn the_rule_is_the_published_one(loads in prop::collection::vec(0u32..1_500, 1..10), target in 1u32..=100) {
        let mean = f64::from(loads.iter().sum::<u32>()) / loads.len() as f64;
        let ratio = mean / f64::from(target * 10);
        let exact = loads.len() as f64 * ratio;
        // Not where a fraction could be rounded to the other side.
        prop_assume!(((ratio - 1.0).abs() - 0.1).abs() > 1e-9 && (exact - exact.round()).abs() > 1e-9);
        let expected = if (ratio - 1.0).abs() <= 0.1 { loads.len() as f64 } else { exact.ceil() };
        let got = first(Policy::new(1, 10, target), &used(&loads)).wanted;
        prop_assert_eq!(f64::from(got), expected);
    }

    #[test]
    fn decisions_keep_within_the_bounds(
        min in 1u32..5, more in 0u32..6, target in 1u32..=100,
        steps in prop::collection::vec((prop::collection::vec(load(), 1..12), 1u64..60_000), 1..60),
    ) {
        let policy = Policy::new(min, min + more, target);
        let (mut history, mut now) = (History::default(), 0);
        for (loads, pause) in steps {
            now += pause;
            let current = loads.len() as u32;
            let d = decide(policy, &mut history, now, &loads);
            prop_assert!((policy.min..=policy.max).contains(&d.replicas));
            if (policy.min..=policy.max).contains(&current) {
                prop_assert!(d.replicas <= (current * 2).max(current + 4));
                prop_assert!(d.replicas <= current.max(d.wanted), "no growth that nobody wants");
                prop_assert!(d.replicas >= current.min(d.wanted.max(policy.min)), "no shrinking that nobody wants");
            }
            prop_assert!(history.wishes.len() <= policy.max as usize + 1);
            prop_assert!(history.growth.len() <= 15);
        }
    }

    #[test]
    fn more_load_never_wants_fewer(loads in prop::collection::vec(0u32..1_000, 1..10), at in any::<prop::sample::Index>(), more in 0u32..500) {
        let mut heavier = loads.clone();
        heavier[at.index(loads.len())] += more;
        let policy = Policy::new(1, 10, 75);
        let (a, b) = (first(policy, &used(&loads)).wanted, first(policy, &used(&heavier)).wanted);
        // Within the tolerance the present number stays, which may be one above what is just beyond it.
        prop_assert!(b >= a || b == loads.len() as u32 || a == loads.len() as u32, "{a} {b}");
    }

    #[test]
    fn a_steady_load_comes_to_rest(total in 0u32..9_000, start in 1usize..=10) {
        let policy = Policy::new(1, 10, 75);
        let (mut history, mut number, mut now) = (History::default(), start, 0);
        let mut last = Vec::new();
        for _ in 0..80 {
            let each = (total / number as u32).min(FULLY_USED);
            number = decide(policy, &mut history, now, &used(&vec![each; number])).replicas as usize;
            last.push(number);
            now += PERIOD_MILLIS;
        }
        prop_assert!(last[60..].iter().all(|n| *n == number), "{last:?}");
    }
}
