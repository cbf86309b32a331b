// SPDX-License-Identifier: GPL-2.0

//! Everything that can be typed, as one table.
//!
//! The parser, the usage texts and the hints are made of it.

use std::fmt::Write;

/// What to do. Whole words, case does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Add,
    List,
    Modify,
    Remove,
}

impl Verb {
    pub(crate) const ALL: [Self; 4] = [Self::Add, Self::List, Self::Modify, Self::Remove];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::List => "list",
            Self::Modify => "modify",
            Self::Remove => "remove",
        }
    }
}

/// What to do it with. Whole words, case does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Discovery,
    StaticConfig,
    InitiatorNode,
    Target,
    TargetParam,
}

impl Object {
    pub(crate) const ALL: [Self; 5] = [
        Self::Discovery,
        Self::StaticConfig,
        Self::InitiatorNode,
        Self::Target,
        Self::TargetParam,
    ];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::StaticConfig => "static-config",
            Self::InitiatorNode => "initiator-node",
            Self::Target => "target",
            Self::TargetParam => "target-param",
        }
    }
}

/// An option, whatever the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionId {
    Static,
    HeaderDigest,
    DataDigest,
    LoginParam,
    NodeName,
    NodeAlias,
    Verbose,
    ScsiTarget,
    Json,
}

/// How an option is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionSpec {
    pub(crate) id: OptionId,
    /// The letter, if there is one.
    pub(crate) short: Option<char>,
    pub(crate) long: &'static str,
    /// What its argument looks like, `None` if it has none.
    pub(crate) argument: Option<&'static str>,
    pub(crate) repeat: Repeat,
    pub(crate) help: &'static str,
}

/// How often an option may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    Once,
    Often,
}

/// How many operands a form takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operands {
    None,
    One(&'static str),
    AtLeastOne(&'static str),
    Any(&'static str),
}

/// Whether a form does anything without an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionsNeeded {
    None,
    AtLeastOne,
}

/// One legal pair of verb and object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) verb: Verb,
    pub(crate) object: Object,
    pub(crate) options: &'static [OptionId],
    pub(crate) needed: OptionsNeeded,
    pub(crate) operands: Operands,
    pub(crate) about: &'static str,
}

const STATIC_OPERAND: &str = "name,IP[:port][,tpgt]";
const STATIC_SELECTOR: &str = "name[,IP[:port][,tpgt]]";
const TARGET: &str = "target-name";

/// The grammar.
pub(crate) const FORMS: &[Form] = &[
    Form {
        verb: Verb::Add,
        object: Object::StaticConfig,
        options: &[],
        needed: OptionsNeeded::None,
        operands: Operands::AtLeastOne(STATIC_OPERAND),
        about: "Configure targets, and log in to them if static discovery is enabled.",
    },
    Form {
        verb: Verb::List,
        object: Object::Discovery,
        options: &[OptionId::Json],
        needed: OptionsNeeded::None,
        operands: Operands::None,
        about: "Show which discovery methods are enabled.",
    },
    Form {
        verb: Verb::List,
        object: Object::StaticConfig,
        options: &[OptionId::Json],
        needed: OptionsNeeded::None,
        operands: Operands::Any(STATIC_SELECTOR),
        about: "Show configured targets.",
    },
    Form {
        verb: Verb::List,
        object: Object::InitiatorNode,
        options: &[OptionId::Json],
        needed: OptionsNeeded::None,
        operands: Operands::None,
        about: "Show what is set for this initiator.",
    },
    Form {
        verb: Verb::List,
        object: Object::Target,
        options: &[OptionId::Verbose, OptionId::ScsiTarget, OptionId::Json],
        needed: OptionsNeeded::None,
        operands: Operands::Any(TARGET),
        about: "Show sessions.",
    },
    Form {
        verb: Verb::List,
        object: Object::TargetParam,
        options: &[OptionId::Verbose, OptionId::Json],
        needed: OptionsNeeded::None,
        operands: Operands::Any(TARGET),
        about: "Show targets, and with -v what is set for them.",
    },
    Form {
        verb: Verb::Modify,
        object: Object::Discovery,
        options: &[OptionId::Static],
        needed: OptionsNeeded::AtLeastOne,
        operands: Operands::None,
        about: "Enable or disable discovery methods.",
    },
    Form {
        verb: Verb::Modify,
        object: Object::InitiatorNode,
        options: &[
            OptionId::NodeName,
            OptionId::NodeAlias,
            OptionId::HeaderDigest,
            OptionId::DataDigest,
        ],
        needed: OptionsNeeded::AtLeastOne,
        operands: Operands::None,
        about: "Change what is set for this initiator.",
    },
    Form {
        verb: Verb::Modify,
        object: Object::TargetParam,
        options: &[
            OptionId::HeaderDigest,
            OptionId::DataDigest,
            OptionId::LoginParam,
        ],
        needed: OptionsNeeded::AtLeastOne,
        operands: Operands::AtLeastOne(TARGET),
        about: "Change login parameters of targets, from the next login on.",
    },
    Form {
        verb: Verb::Remove,
        object: Object::StaticConfig,
        options: &[],
        needed: OptionsNeeded::None,
        operands: Operands::AtLeastOne(STATIC_SELECTOR),
        about: "Log out of targets and forget them.",
    },
    Form {
        verb: Verb::Remove,
        object: Object::TargetParam,
        options: &[],
        needed: OptionsNeeded::None,
        operands: Operands::One(TARGET),
        about: "Forget the login parameters of a target.",
    },
];

const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        id: OptionId::Static,
        short: Some('s'),
        long: "static",
        argument: Some("enable|disable"),
        repeat: Repeat::Once,
        help: "log in to the configured targets",
    },
    OptionSpec {
        id: OptionId::HeaderDigest,
        short: Some('h'),
        long: "headerdigest",
        argument: Some("none|CRC32"),
        repeat: Repeat::Once,
        help: "digest over each PDU header",
    },
    OptionSpec {
        id: OptionId::DataDigest,
        short: Some('d'),
        long: "datadigest",
        argument: Some("none|CRC32"),
        repeat: Repeat::Once,
        help: "digest over each data segment",
    },
    OptionSpec {
        id: OptionId::LoginParam,
        short: Some('p'),
        long: "login-param",
        argument: Some("key=value[,key=value...]"),
        repeat: Repeat::Often,
        help: "login parameters",
    },
    OptionSpec {
        id: OptionId::NodeName,
        short: Some('N'),
        long: "node-name",
        argument: Some("name"),
        repeat: Repeat::Once,
        help: "iSCSI name of this initiator",
    },
    OptionSpec {
        id: OptionId::NodeAlias,
        short: Some('A'),
        long: "node-alias",
        argument: Some("alias"),
        repeat: Repeat::Once,
        help: "alias of this initiator, empty for none",
    },
    OptionSpec {
        id: OptionId::Verbose,
        short: Some('v'),
        long: "verbose",
        argument: None,
        repeat: Repeat::Often,
        help: "show more",
    },
    OptionSpec {
        id: OptionId::ScsiTarget,
        short: Some('S'),
        long: "scsi-target",
        argument: None,
        repeat: Repeat::Often,
        help: "look for logical units and show them",
    },
    OptionSpec {
        id: OptionId::Json,
        short: None,
        long: "json",
        argument: None,
        repeat: Repeat::Often,
        help: "print JSON",
    },
];

impl OptionId {
    /// How the option is written.
    pub(crate) fn spec(self) -> &'static OptionSpec {
        OPTIONS
            .iter()
            .find(|spec| spec.id == self)
            .unwrap_or(&OPTIONS[0])
    }
}

impl OptionSpec {
    /// The shortest way to write it.
    pub(crate) fn shown(&self) -> String {
        match self.short {
            Some(letter) => format!("-{letter}"),
            None => format!("--{}", self.long),
        }
    }
}

impl Form {
    /// The form of this pair, if it is legal.
    pub(crate) fn find(verb: Verb, object: Object) -> Option<&'static Self> {
        FORMS
            .iter()
            .find(|form| form.verb == verb && form.object == object)
    }

    /// Verb and object, as in messages.
    pub(crate) fn words(&self) -> String {
        format!("{} {}", self.verb.word(), self.object.word())
    }

    fn synopsis(&self) -> String {
        let mut line = format!("iscsiadm {}", self.words());
        if !self.options.is_empty() {
            line.push_str(match self.needed {
                OptionsNeeded::None => " [options]",
                OptionsNeeded::AtLeastOne => " <options>",
            });
        }
        match self.operands {
            Operands::None => (),
            Operands::One(operand) => line.push_str(&format!(" <{operand}>")),
            Operands::AtLeastOne(operand) => line.push_str(&format!(" <{operand}> ...")),
            Operands::Any(operand) => line.push_str(&format!(" [{operand} ...]")),
        }
        line
    }
}

/// The usage text of the program, of a verb, or of a form.
pub(crate) fn usage(verb: Option<Verb>, form: Option<&Form>) -> String {
    let mut text = String::new();
    let forms = FORMS.iter().filter(|each| match form {
        Some(form) => std::ptr::eq(*each, form),
        None => verb.is_none_or(|verb| each.verb == verb),
    });
    let mut head = "Usage: ";
    for each in forms {
        let _ = writeln!(text, "{head}{}", each.synopsis());
        head = "       ";
    }
    if verb.is_none() {
        let _ = writeln!(text, "{head}iscsiadm -V | --version");
        let _ = writeln!(text, "{head}iscsiadm [verb [object]] -? | --help");
        text.push_str("\nFor more information, please see iscsiadm(8).\n");
    }
    if let Some(form) = form {
        let _ = writeln!(text, "\n{}", form.about);
        if !form.options.is_empty() {
            text.push_str("\nOptions:\n");
        }
        for spec in form.options.iter().map(|id| id.spec()) {
            let short = spec
                .short
                .map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
            let argument = spec.argument.map(|a| format!(" <{a}>")).unwrap_or_default();
            let _ = writeln!(
                text,
                "  {short}--{}{argument}\n        {}",
                spec.long, spec.help
            );
        }
        if form.options.contains(&OptionId::LoginParam) {
            text.push_str("\nLogin parameters:\n");
            text.push_str(&crate::meaning::login_param_help());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_one_spelling() {
        for (i, a) in OPTIONS.iter().enumerate() {
            assert_eq!(a.id.spec().long, a.long);
            for b in &OPTIONS[i + 1..] {
                assert_ne!(a.long, b.long);
                assert!(a.short.is_none() || a.short != b.short);
            }
        }
    }

    #[test]
    fn a_pair_stands_in_the_grammar_once() {
        for verb in Verb::ALL {
            for object in Object::ALL {
                let forms = FORMS
                    .iter()
                    .filter(|f| f.verb == verb && f.object == object);
                assert!(forms.count() <= 1);
            }
        }
    }

    #[test]
    fn the_usage_of_a_form_names_its_options_and_operands() {
        let form = Form::find(Verb::Modify, Object::TargetParam).unwrap();
        let text = usage(Some(form.verb), Some(form));
        assert!(text.starts_with(
            "Usage: iscsiadm modify target-param <options> <target-name> ...\n\nChange"
        ));
        assert!(text.contains("  -p, --login-param <key=value[,key=value...]>\n"));
        assert!(text.contains("  maxburstlength"));
    }

    #[test]
    fn the_manual_page_has_every_form_and_option() {
        let page = include_str!("../../../Documentation/man/iscsiadm.8").replace('\\', "");
        for form in FORMS {
            assert!(page.contains(&form.synopsis()), "{}", form.synopsis());
        }
        for spec in OPTIONS {
            assert!(page.contains(&format!("--{}", spec.long)), "{}", spec.long);
        }
    }

    #[test]
    fn the_usage_of_the_program_lists_every_form() {
        let text = usage(None, None);
        for form in FORMS {
            assert!(text.contains(&form.synopsis()));
        }
        assert!(usage(Some(Verb::Add), None).lines().count() == 1);
    }
}
