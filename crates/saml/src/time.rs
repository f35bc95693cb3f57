//! Times: microseconds since the Unix epoch outside, `xs:dateTime` in UTC inside messages.

const MICROS: i64 = 1_000_000;

/// Reads an `xs:dateTime` (XML Schema part 2 §3.2.7). SAML wants UTC (core §1.3.3); an explicit offset is
/// honoured, a time without any zone is read as UTC. Digits beyond microseconds are cut off.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    if b.len() < 19 || b.len() > 40 {
        return None;
    }
    let num = |from: usize, to: usize| -> Option<i64> {
        b[from..to].iter().try_fold(0i64, |n, c| c.is_ascii_digit().then(|| n * 10 + i64::from(c - b'0')))
    };
    if b[4] != b'-' || b[7] != b'-' || b[10] != b'T' || b[13] != b':' || b[16] != b':' {
        return None;
    }
    let (year, month, day) = (num(0, 4)?, num(5, 7)?, num(8, 10)?);
    let (hour, minute, second) = (num(11, 13)?, num(14, 16)?, num(17, 19)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut at = 19;
    let mut fraction = 0i64;
    if b.get(at) == Some(&b'.') {
        at += 1;
        let start = at;
        while b.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if at == start {
            return None;
        }
        for i in 0..6 {
            let digit = b.get(start + i).filter(|_| start + i < at).map_or(0, |c| i64::from(c - b'0'));
            fraction = fraction * 10 + digit;
        }
    }
    let offset = parse_offset(&b[at..])?;
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Some(seconds * MICROS + fraction)
}

/// Reads an `xs:duration` (XML Schema part 2 §3.2.6) without a sign, in microseconds; a year counts 365 days, a month 30.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P').filter(|_| text.len() <= 64)?;
    let (date, clock) = match rest.split_once('T') {
        Some((date, clock)) if !clock.is_empty() => (date, clock),
        Some(_) => return None,
        None => (rest, ""),
    };
    if date.is_empty() && clock.is_empty() {
        return None;
    }
    let days = units(date, &[('Y', 365 * 86_400), ('M', 30 * 86_400), ('D', 86_400)])?;
    let seconds = units(clock, &[('H', 3600), ('M', 60), ('S', 1)])?;
    days.checked_add(seconds)?.checked_mul(MICROS)
}

/// Numbers with units in their order, each at most once, in seconds; fractions of a second are cut off.
fn units(mut text: &str, known: &[(char, i64)]) -> Option<i64> {
    let (mut total, mut known) = (0i64, known.iter());
    while !text.is_empty() {
        let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = (&text[..at], text[at..].chars().next()?);
        let (_, seconds) = known.find(|(name, _)| *name == unit)?;
        let whole = match number.split_once('.') {
            Some((whole, fraction)) if unit == 'S' && !fraction.is_empty() => whole,
            Some(_) => return None,
            None => number,
        };
        total = total.checked_add(whole.parse::<i64>().ok()?.checked_mul(*seconds)?)?;
        text = &text[at + 1..];
    }
    Some(total)
}

/// Seconds east of UTC.
fn parse_offset(b: &[u8]) -> Option<i64> {
    match b {
        [] | [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            if ![h1, h2, m1, m2].iter().all(|c| c.is_ascii_digit()) {
                return None;
            }
            let digit = |c: &u8| i64::from(c - b'0');
            let (hours, minutes) = (digit(h1) * 10 + digit(h2), digit(m1) * 10 + digit(m2));
            if hours > 14 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

/// Writes a time as `2026-01-31T12:00:00Z`, with milliseconds when there are any.
pub(crate) fn format(micros: i64) -> String {
    let seconds = micros.div_euclid(MICROS);
    let millis = micros.rem_euclid(MICROS) / 1000;
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    if millis == 0 {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    } else {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a count of days since 1970-01-01.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * of_year + 2) / 153;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * m + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_utc_with_fractions_and_offsets() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("2000-02-29T12:34:56.789Z"), Some(951_827_696_789_000));
        assert_eq!(parse("2000-02-29T12:34:56.7891234567Z"), Some(951_827_696_789_123));
        assert_eq!(parse("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(parse("1969-12-31T19:00:00-05:00"), Some(0));
        assert_eq!(parse("1970-01-01T00:00:01"), Some(1_000_000));
    }

    #[test]
    fn what_is_no_time_is_not_guessed() {
        for bad in [
            "",
            "1970-01-01",
            "1970-13-01T00:00:00Z",
            "1970-02-30T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00ZZ",
            "1970-01-01 00:00:00Z",
            "+970-01-01T00:00:00Z",
            "1970-01-01T00:00:00+99:00",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_are_read_in_their_order_only() {
        let hours = |n: i64| Some(n * 3600 * MICROS);
        for (text, expected) in [
            ("PT6H", hours(6)),
            ("P1D", hours(24)),
            ("P1DT12H", hours(36)),
            ("PT3600.5S", hours(1)),
            ("P0Y0M1DT0H0M0.000S", hours(24)),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("-P1D", None),
            ("PT1M1H", None),
            ("P1H", None),
            ("PT1.5H", None),
            ("P99999999999999999999D", None),
            ("P9223372036854775807Y", None),
            ("1D", None),
            ("", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for t in [0, 951_827_696_789_000, 1_800_000_000_000_000, -1_000_000, 4_102_444_799_999_000] {
            assert_eq!(parse(&format(t)), Some(t));
        }
    }
}
