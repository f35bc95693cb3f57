//! Whose credentials a connector step runs with: what the connector's administrator set, made stricter by the
//! node, and what happens when the person has not authenticated.

use serde::{Deserialize, Serialize};

/// What happens in non-interactive mode when the person has not authenticated. From lax to strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Fall back to the connector user.
    Fallback,
    /// Fall back to the connector user and warn on the execution.
    FallbackWithWarning,
    /// Wait until the person authenticates.
    Pause,
    /// End the flow with an error.
    EndWithError,
}

impl Mode {
    /// All modes with their words.
    pub const ALL: [(&'static str, Self); 4] = [
        ("fallback", Self::Fallback),
        ("fallback_with_warning", Self::FallbackWithWarning),
        ("pause", Self::Pause),
        ("end_with_error", Self::EndWithError),
    ];
}

/// Whether steps run with the person's own credentials, and what happens without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserAuthentication {
    /// Do steps run with the person's own credentials?
    pub enabled: bool,
    /// What happens without them in non-interactive mode.
    pub non_interactive_mode: Mode,
}

/// What a node asks beyond its connector's setting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wish {
    /// Run with the person's own credentials even where the connector does not say so.
    pub required: bool,
    /// At least this strict.
    pub non_interactive_mode: Option<Mode>,
}

impl UserAuthentication {
    /// The connector's setting made stricter by a node's wish; a wish never makes it laxer.
    #[must_use]
    pub fn with(self, wish: Option<Wish>) -> Self {
        let Some(wish) = wish else { return self };
        let mode = self.non_interactive_mode;
        Self {
            enabled: self.enabled || wish.required,
            non_interactive_mode: wish.non_interactive_mode.map_or(mode, |asked| asked.max(mode)),
        }
    }
}

/// What a step does that should run with the person's credentials when there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Run with the identity of the connector.
    UseConnector {
        /// Say so on the execution.
        warn: bool,
    },
    /// Wait for the person.
    Wait,
    /// End with an error.
    Fail,
}

/// What happens when credentials of the person are needed and missing.
pub fn missing(setting: UserAuthentication, interactive: bool) -> Missing {
    if !setting.enabled {
        return Missing::UseConnector { warn: false };
    }
    if interactive {
        return Missing::Wait;
    }
    match setting.non_interactive_mode {
        Mode::Fallback => Missing::UseConnector { warn: false },
        Mode::FallbackWithWarning => Missing::UseConnector { warn: true },
        Mode::Pause => Missing::Wait,
        Mode::EndWithError => Missing::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_never_laxer_than_its_connector() {
        let strength = |setting: UserAuthentication| (setting.enabled, setting.non_interactive_mode);
        for enabled in [false, true] {
            for (_, mode) in Mode::ALL {
                let setting = UserAuthentication { enabled, non_interactive_mode: mode };
                assert_eq!(setting.with(None), setting);
                for required in [false, true] {
                    for asked in Mode::ALL.map(|(_, mode)| Some(mode)).into_iter().chain([None]) {
                        let wish = Wish { required, non_interactive_mode: asked };
                        let made = setting.with(Some(wish));
                        assert!(
                            strength(made).0 >= enabled && strength(made).1 >= mode,
                            "{setting:?} {wish:?}"
                        );
                        assert!(!required || made.enabled);
                        assert!(asked.is_none_or(|asked| made.non_interactive_mode >= asked));
                        assert_eq!(made.with(Some(wish)), made);
                    }
                }
            }
        }
    }

    #[test]
    fn the_four_modes_do_what_their_labels_say() {
        let on = |mode| UserAuthentication { enabled: true, non_interactive_mode: mode };
        for (mode, expected) in [
            (Mode::Fallback, Missing::UseConnector { warn: false }),
            (Mode::FallbackWithWarning, Missing::UseConnector { warn: true }),
            (Mode::Pause, Missing::Wait),
            (Mode::EndWithError, Missing::Fail),
        ] {
            assert_eq!(missing(on(mode), false), expected);
            assert_eq!(missing(on(mode), true), Missing::Wait);
            let off = UserAuthentication { enabled: false, non_interactive_mode: mode };
            assert_eq!(missing(off, true), Missing::UseConnector { warn: false });
            assert_eq!(missing(off, false), Missing::UseConnector { warn: false });
        }
    }

    #[test]
    fn the_words_are_those_of_the_interface() {
        for (word, mode) in Mode::ALL {
            assert_eq!(serde_json::to_value(mode).unwrap(), word);
        }
    }
}
