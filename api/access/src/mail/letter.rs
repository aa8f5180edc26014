//! What the mails say: a subject, a few paragraphs, perhaps a link; as text and as HTML.

use serde::{Deserialize, Serialize};

/// A mail, rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    pub subject: String,
    pub text: String,
    pub html: String,
    /// A file that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<MailFile>,
}

/// A file that goes with a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailFile {
    /// Letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// As `text/csv`.
    pub content_type: String,
    /// In base64 with padding.
    pub base64: String,
}

/// Which mail it is, with what goes into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mail {
    ConfirmSignUp {
        link: String,
    },
    AlreadySignedUp {
        link: String,
    },
    Invitation {
        organisation: String,
        link: String,
    },
    ResetPassword {
        link: String,
    },
    ConfirmEmail {
        link: String,
    },
    /// To the old address.
    EmailChanged {
        email: String,
    },
    PasswordChanged,
    FactorChanged {
        what: &'static str,
    },
    Alert {
        title: String,
        detail: String,
    },
    /// An answer that is sent regularly, or a number that is watched.
    Report {
        title: String,
        detail: String,
        file: Option<MailFile>,
    },
}

impl Mail {
    /// The template's stable name.
    pub fn template(&self) -> &'static str {
        match self {
            Mail::ConfirmSignUp { .. } => "confirm_sign_up",
            Mail::AlreadySignedUp { .. } => "already_signed_up",
            Mail::Invitation { .. } => "invitation",
            Mail::ResetPassword { .. } => "reset_password",
            Mail::ConfirmEmail { .. } => "confirm_email",
            Mail::EmailChanged { .. } => "email_changed",
            Mail::PasswordChanged => "password_changed",
            Mail::FactorChanged { .. } => "factor_changed",
            Mail::Alert { .. } => "alert",
            Mail::Report { .. } => "report",
        }
    }

    /// Renders it.
    pub fn letter(&self) -> Letter {
        const NOT_ME: &str = "If this was not you, reset your password and look at your sessions.";
        const IGNORE: &str = "If you did not ask for this, do nothing: without the link, nothing happens.";
        match self {
            Mail::ConfirmSignUp { link } => letter(
                "Confirm your address",
                &["Somebody, you we hope, signed up to Footfall with this address. Choose your password here:", IGNORE],
                Some(link),
            ),
            Mail::AlreadySignedUp { link } => letter(
                "You have an account already",
                &[
                    "Somebody, perhaps you, signed up to Footfall with this address, which has an account. \
                   If you have forgotten its password, choose a new one here:",
                    IGNORE,
                ],
                Some(link),
            ),
            Mail::Invitation { organisation, link } => letter(
                &format!("You are invited to {organisation}"),
                &[&format!("You are invited to work with {organisation} on Footfall. Accept here:"), IGNORE],
                Some(link),
            ),
            Mail::ResetPassword { link } => letter(
                "Choose a new password",
                &["Somebody asked to reset the password of your account. Choose a new one here:", IGNORE],
                Some(link),
            ),
            Mail::ConfirmEmail { link } => letter(
                "Confirm your new address",
                &["Confirm that your account should use this address from now on:", IGNORE],
                Some(link),
            ),
            Mail::EmailChanged { email } => letter(
                "Your address was changed",
                &[
                    &format!("Your account now uses {email}."),
                    "If this was not you, write to your administrator at once.",
                ],
                None,
            ),
            Mail::PasswordChanged => letter(
                "Your password was changed",
                &["The password of your account was changed, and all other sessions were signed out.", NOT_ME],
                None,
            ),
            Mail::FactorChanged { what } => {
                letter("Your second factor was changed", &[&format!("Changed on your account: {what}."), NOT_ME], None)
            }
            Mail::Alert { title, detail } => letter(&format!("Alert: {title}"), &[detail], None),
            Mail::Report { title, detail, file } => Letter { file: file.clone(), ..letter(title, &[detail], None) },
        }
    }
}

fn letter(subject: &str, paragraphs: &[&str], link: Option<&str>) -> Letter {
    // A subject is a header: one line, of bounded length, whatever an organisation is called.
    let subject: String = subject.chars().filter(|c| !c.is_control()).take(150).collect();
    let (mut text, mut html) =
        (String::new(), String::from("<!doctype html><html><body style=\"font-family:sans-serif\">"));
    for (at, paragraph) in paragraphs.iter().enumerate() {
        text.push_str(&format!("{paragraph}\n\n"));
        html.push_str(&format!("<p>{}</p>", escape(paragraph)));
        if let Some(link) = link.filter(|_| at == 0) {
            text.push_str(&format!("{link}\n\n"));
            html.push_str(&format!("<p><a href=\"{0}\">{0}</a></p>", escape(link)));
        }
    }
    html.push_str("</body></html>");
    Letter { subject, text, html, file: None }
}

fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn names_cannot_write_markup_or_headers() {
        let organisation = "<script>alert(1)</script>\r\nBcc: all@example.org".to_owned();
        let letter = Mail::Invitation { organisation, link: "https://f.example/#a\"b".to_owned() }.letter();
        assert!(!letter.html.contains("<script>") && letter.html.contains("&lt;script&gt;"));
        assert!(letter.html.contains("#a&quot;b"));
        assert!(!letter.subject.contains(['\r', '\n']));
        assert!(letter.text.contains("https://f.example/#a\"b\n"));
    }
}
