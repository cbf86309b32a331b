// SPDX-License-Identifier: GPL-2.0

//! Words to a form of the [`grammar`](crate::grammar), with options and operands as typed.

use std::ffi::OsString;

use crate::failure::Failure;
use crate::grammar::{
    usage,
    Form,
    Object,
    Operands,
    OptionId,
    OptionSpec,
    OptionsNeeded,
    Repeat,
    Verb, //
};

/// What the words are.
#[derive(Debug)]
pub(crate) enum Typed {
    /// A request for the text itself: help or version.
    Text(String),
    /// A form, filled in.
    Form(Filled),
}

/// A form with everything that was typed for it.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) form: &'static Form,
    /// The options in the order in which they were typed.
    pub(crate) options: Vec<(OptionId, String)>,
    pub(crate) operands: Vec<String>,
}

/// The longest argument of an option, in bytes. Nothing legal is nearly as long.
const MAX_ARGUMENT_BYTES: usize = 1024;

/// The version of the command line, as Solaris counts it.
const VERSION: &str = "1.0";

/// Matches words with the grammar.
pub(crate) fn parse(words: Vec<OsString>) -> Result<Typed, Failure> {
    let words = words
        .into_iter()
        .map(|word| word.into_string())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|word| Failure::error(format!("'{}': not valid UTF-8", word.to_string_lossy())))?;
    let mut words = words.into_iter();

    let Some(word) = words.next() else {
        return Err(Failure::error("missing subcommand").with_hint(usage(None, None)));
    };
    if is_help(&word) {
        return Ok(Typed::Text(usage(None, None)));
    }
    if word == "-V" || word == "--version" {
        return Ok(Typed::Text(format!("iscsiadm: Version {VERSION}\n")));
    }
    if word.starts_with('-') {
        return Err(hint(None, format!("'{word}': invalid option")));
    }
    let verb = Verb::ALL
        .into_iter()
        .find(|verb| verb.word().eq_ignore_ascii_case(&word))
        .ok_or_else(|| hint(None, format!("{word}: invalid subcommand")))?;

    let Some(word) = words.next() else {
        return Err(hint(Some(verb.word()), "missing object"));
    };
    if is_help(&word) {
        return Ok(Typed::Text(usage(Some(verb), None)));
    }
    if word.starts_with('-') {
        return Err(hint(Some(verb.word()), format!("'{word}': invalid option")));
    }
    let object = Object::ALL
        .into_iter()
        .find(|object| object.word().eq_ignore_ascii_case(&word))
        .ok_or_else(|| hint(Some(verb.word()), format!("{word}: invalid object")))?;
    let Some(form) = Form::find(verb, object) else {
        return Err(hint(
            Some(verb.word()),
            format!("invalid subcommand for {}", object.word()),
        ));
    };
    match fill(form, words) {
        Ok(filled) => Ok(Typed::Form(filled)),
        Err(Stop::Help) => Ok(Typed::Text(usage(Some(verb), Some(form)))),
        Err(Stop::Mistake(line)) => Err(hint(Some(&form.words()), line)),
    }
}

/// Why a form was not filled in.
enum Stop {
    /// Help was asked for.
    Help,
    /// A mistake, in words.
    Mistake(String),
}

fn fill(form: &'static Form, mut words: impl Iterator<Item = String>) -> Result<Filled, Stop> {
    let mut filled = Filled {
        form,
        options: Vec::new(),
        operands: Vec::new(),
    };
    while let Some(word) = words.next() {
        if word == "--" {
            filled.operands.extend(words.by_ref());
        } else if is_help(&word) {
            return Err(Stop::Help);
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let spec = find(form, &format!("--{name}"), |spec| spec.long == name)?;
            filled.take(spec, value, &mut words)?;
        } else if word.len() > 1 && word.starts_with('-') {
            let mut letters = word.chars();
            letters.next();
            while let Some(letter) = letters.next() {
                if letter == '?' {
                    return Err(Stop::Help);
                }
                let spec = find(form, &format!("-{letter}"), |spec| {
                    spec.short == Some(letter)
                })?;
                let rest = letters.as_str();
                if spec.argument.is_some() && !rest.is_empty() {
                    filled.take(spec, Some(rest.to_owned()), &mut words)?;
                    break;
                }
                filled.take(spec, None, &mut words)?;
            }
        } else {
            filled.operands.push(word);
        }
    }
    filled.check().map_err(Stop::Mistake)?;
    Ok(filled)
}

fn find(
    form: &Form,
    shown: &str,
    wanted: impl Fn(&OptionSpec) -> bool,
) -> Result<&'static OptionSpec, Stop> {
    if form.options.is_empty() {
        return Err(Stop::Mistake("no options permitted".to_owned()));
    }
    form.options
        .iter()
        .map(|id| id.spec())
        .find(|spec| wanted(spec))
        .ok_or_else(|| Stop::Mistake(format!("'{shown}': invalid option")))
}

impl Filled {
    fn take(
        &mut self,
        spec: &OptionSpec,
        inline: Option<String>,
        words: &mut impl Iterator<Item = String>,
    ) -> Result<(), Stop> {
        let shown = spec.shown();
        let value = match (spec.argument, inline) {
            (None, None) => String::new(),
            (None, Some(value)) => {
                return Err(Stop::Mistake(format!("invalid option argument - {value}")))
            }
            (Some(_), inline) => inline
                .or_else(|| words.next())
                .ok_or_else(|| Stop::Mistake(format!("'{shown}': option requires an argument")))?,
        };
        if value.len() > MAX_ARGUMENT_BYTES {
            return Err(Stop::Mistake(format!("'{shown}': option too long")));
        }
        if spec.repeat == Repeat::Once && self.options.iter().any(|(id, _)| *id == spec.id) {
            return Err(Stop::Mistake(format!("'{shown}': option given twice")));
        }
        self.options.push((spec.id, value));
        Ok(())
    }

    /// Whether an option was given.
    pub(crate) fn has(&self, id: OptionId) -> bool {
        self.options.iter().any(|(each, _)| *each == id)
    }

    fn check(&self) -> Result<(), String> {
        if self.form.needed == OptionsNeeded::AtLeastOne && self.options.is_empty() {
            return Err("at least one option required".to_owned());
        }
        let words = self.form.words();
        match (self.form.operands, self.operands.len()) {
            (Operands::None, 0) | (Operands::One(_), 1) | (Operands::Any(_), _) => Ok(()),
            (Operands::None, _) => Err(format!("{words} takes no operands")),
            (Operands::One(_) | Operands::AtLeastOne(_), 0) => {
                Err(format!("{words} requires an operand"))
            }
            (Operands::One(_), _) => Err(format!("{words} accepts only a single operand")),
            (Operands::AtLeastOne(_), _) => Ok(()),
        }
    }
}

fn is_help(word: &str) -> bool {
    word == "-?" || word == "--help"
}

fn hint(words: Option<&str>, line: impl Into<String>) -> Failure {
    let words = words.map(|words| format!("{words} ")).unwrap_or_default();
    Failure::error(line).with_hint(format!("Try 'iscsiadm {words}--help'."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Result<Typed, Failure> {
        parse(line.split_whitespace().map(OsString::from).collect())
    }

    fn filled(line: &str) -> Filled {
        match typed(line) {
            Ok(Typed::Form(filled)) => filled,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn words_match_whole_and_in_any_case() {
        let form = filled("LIST Static-Config").form;
        assert_eq!((form.verb, form.object), (Verb::List, Object::StaticConfig));
        assert!(typed("lis static-config").is_err());
        assert!(typed("list static").is_err());
    }

    #[test]
    fn options_come_in_every_shape() {
        for line in [
            "modify initiator-node -h none -A box",
            "modify initiator-node -hnone -Abox",
            "modify initiator-node --headerdigest none --node-alias box",
            "modify initiator-node --headerdigest=none --node-alias=box",
        ] {
            let options = filled(line).options;
            let expected = [
                (OptionId::HeaderDigest, "none".to_owned()),
                (OptionId::NodeAlias, "box".to_owned()),
            ];
            assert_eq!(options, expected, "{line}");
        }
        let both = filled("list target -vS a -- -b");
        assert!(both.has(OptionId::Verbose) && both.has(OptionId::ScsiTarget));
        assert_eq!(both.operands, ["a", "-b"]);
        assert!(filled("list target a --json").has(OptionId::Json));
    }

    #[test]
    fn help_is_there_at_each_level() {
        for line in [
            "-?",
            "--help",
            "add -?",
            "add --help",
            "add static-config -?",
            "list target -v --help",
            "list target -v?",
        ] {
            match typed(line) {
                Ok(Typed::Text(text)) => assert!(text.starts_with("Usage: iscsiadm"), "{line}"),
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_version_is_there_at_the_first_level_only() {
        for line in ["-V", "--version"] {
            match typed(line) {
                Ok(Typed::Text(text)) => assert_eq!(text, "iscsiadm: Version 1.0\n"),
                other => panic!("{line}: {other:?}"),
            }
        }
        assert!(typed("list -V").is_err());
        assert!(typed("list target -V").is_err());
    }

    #[test]
    fn each_mistake_has_its_text_and_exit_code_1() {
        let long = "x".repeat(MAX_ARGUMENT_BYTES + 1);
        for (line, text) in [
            ("", "missing subcommand"),
            ("-x", "'-x': invalid option"),
            ("frob", "frob: invalid subcommand"),
            ("list", "missing object"),
            ("list -v", "'-v': invalid option"),
            ("list frob", "frob: invalid object"),
            ("add target", "invalid subcommand for target"),
            ("remove discovery", "invalid subcommand for discovery"),
            ("add static-config -v x", "no options permitted"),
            ("remove target-param --json x", "no options permitted"),
            ("list target -x", "'-x': invalid option"),
            ("list target -vx", "'-x': invalid option"),
            ("list target --frob", "'--frob': invalid option"),
            ("list target --frob=1", "'--frob': invalid option"),
            ("list discovery -v", "'-v': invalid option"),
            ("list target --json=x", "invalid option argument - x"),
            ("modify discovery", "at least one option required"),
            ("modify initiator-node", "at least one option required"),
            ("modify target-param x", "at least one option required"),
            ("modify discovery -s", "'-s': option requires an argument"),
            (
                "modify discovery -s enable -s disable",
                "'-s': option given twice",
            ),
            (
                &format!("modify initiator-node -A {long}"),
                "'-A': option too long",
            ),
            ("add static-config", "add static-config requires an operand"),
            (
                "remove static-config",
                "remove static-config requires an operand",
            ),
            (
                "modify target-param -h none",
                "modify target-param requires an operand",
            ),
            (
                "remove target-param",
                "remove target-param requires an operand",
            ),
            (
                "remove target-param a b",
                "remove target-param accepts only a single operand",
            ),
            ("list discovery x", "list discovery takes no operands"),
            (
                "modify discovery -s enable x",
                "modify discovery takes no operands",
            ),
            (
                "list initiator-node x",
                "list initiator-node takes no operands",
            ),
        ] {
            let failure = typed(line).expect_err(line);
            assert_eq!(failure.lines, [text], "{line}");
            assert_eq!(failure.exit, crate::failure::Exit::Failed);
            assert!(failure.hint.is_some());
        }
    }
}
